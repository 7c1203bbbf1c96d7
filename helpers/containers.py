"""What the lessons about containers share: waiting for what no poller tells, and their image."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient
from azure.mgmt.containerregistrytasks.models import Run
from azure.storage.blob import BlobClient
from numpy.typing import NDArray
from PIL import Image

Found = TypeVar("Found")
View = Any  # a ContainerPropertiesInstanceView, whose fields the SDK types as None; or None
REPOSITORY = "digits"
PATIENCE = 1200  # seconds; a large image takes live Azure minutes to fetch
SHORT = 10  # seconds
BUILD_SETTINGS = ("BASE_IMAGE", "PIP_EXTRA_INDEX_URL")
UNDER_WAY = ("Queued", "Started", "Running")
# As Docker and as Podman write it; what is not worth reading is left out.
STEP = re.compile(
    r"^STEP [\d/]+ ?: ((?:WORKDIR|COPY|RUN|USER|CMD) .*)$", re.IGNORECASE | re.MULTILINE
)


def until(ask: Callable[[], Found], what: str, seconds: float = PATIENCE) -> Found:
    """Call `ask` again and again until what it returns is true, and return that.

    Shows `what` and the seconds so far on one line that stays in place. Raises TimeoutError.
    """
    started = time.monotonic()
    while not (found := ask()):
        passed = time.monotonic() - started
        if passed > seconds:
            print()
            raise TimeoutError(f"{what}: not within {seconds:.0f} seconds.")
        print(f"\r{what}: waiting, {passed:.0f} s", end="", flush=True)
        time.sleep(0.3)
    print(f"\r{what}: after {time.monotonic() - started:.1f} s    ")
    return found


def answers(url: str) -> bool:
    """Whether a GET of this address is answered with 200."""
    try:
        return requests.get(url, timeout=SHORT).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


def settled(view: View, quiet: float = 15, restarts: int = 2) -> View:
    """Return a container's instance view once it is plain what Azure does after the program's end.

    That is when it waits for its next start after so many `restarts`, or has left it ended for
    `quiet` seconds. Until then the answer is None, as is the view of what has not started yet.
    """
    state = view.current_state if view else None
    if state and state.state == "Waiting":
        return view if view.restart_count >= restarts else None
    if state and state.state == "Terminated":
        ended = datetime.now(UTC) - state.finish_time
        return view if ended.total_seconds() >= quiet else None
    return None


def picture(digit: NDArray[np.float64], side: int = 160) -> bytes:
    """Draw a digit (8, 8), values 0 to 16, black on white; return the content of a PNG file."""
    ink = Image.fromarray((255 - digit * 15.9).astype("uint8"))
    file = io.BytesIO()
    ink.resize((side, side), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def follow(
    tasks: ContainerRegistryTasksMgmtClient, resource_group: str, registry: str, run: Run
) -> tuple[Run, str]:
    """Print the steps of a build as they come; return the run once it has ended, and its log.

    The log is a blob that grows, at an address with a signature in it:
    https://learn.microsoft.com/azure/container-registry/container-registry-tasks-logs
    """
    number = str(run.run_id)
    link = tasks.runs.get_log_sas_url(resource_group, registry, number).log_link
    assert link
    blob, text, shown = BlobClient.from_blob_url(link), "", 0
    while True:
        run = tasks.runs.get(resource_group, registry, number)
        with suppress(ResourceNotFoundError):  # a run that waits for its turn has no log yet
            text = blob.download_blob().readall().decode()
        steps = STEP.findall(text)
        for step in steps[shown:]:
            print(step.strip())
        shown = len(steps)
        if run.status not in UNDER_WAY:
            return run, text
        time.sleep(1)


@dataclass(frozen=True)
class RegistryImage:
    """An image in a registry, and what opens the registry. The password is never shown."""

    server: str
    reference: str
    username: str
    password: str = field(repr=False)


def ensure_image(subscription_id: str, resource_group: str, suffix: str, tag: str) -> RegistryImage:
    """Build the digit API's image in the registry `digits{suffix}` unless it is there (lesson 06).

    The latest version of the model `digits-pytorch` is built into it. Raises RuntimeError with the
    log when the build fails.
    """
    registry = f"digits{suffix}"
    image = _image(subscription_id, resource_group, registry, tag)
    if image is None or not _is_there(image, tag):
        building = f"Building the image {REPOSITORY}:{tag} in the registry {registry}."
        print(building, end="", flush=True)
        script = [sys.executable, "-m", "scoring.create_container", REPOSITORY, "--image-only"]
        script += ["--registry", registry, "--tag", tag]
        for name in BUILD_SETTINGS:
            script += ["--build-arg", name] if name in os.environ else []
        done = subprocess.run(
            script,
            cwd=Path(__file__).parent.parent,
            env={
                **os.environ,
                "AZURE_SUBSCRIPTION_ID": subscription_id,
                "AZURE_RESOURCE_GROUP": resource_group,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        # The line is used again: what stays is the same whether there was a build or not.
        print(f"\r{'':{len(building)}}\r", end="")
        if done.returncode:
            raise RuntimeError(f"The image could not be built.\n{done.stdout}{done.stderr}")
        image = _image(subscription_id, resource_group, registry, tag)
        assert image
    print(f"{REPOSITORY}:{tag} is in the registry {registry}.")
    return image


def _image(
    subscription_id: str, resource_group: str, registry: str, tag: str
) -> RegistryImage | None:
    client = ContainerRegistryManagementClient(DefaultAzureCredential(), subscription_id)
    try:
        found = client.registries.get(resource_group, registry)
    except ResourceNotFoundError:
        return None
    admin = client.registries.list_credentials(resource_group, registry)
    assert found.login_server
    assert admin.username
    assert admin.passwords
    return RegistryImage(
        found.login_server,
        f"{found.login_server}/{REPOSITORY}:{tag}",
        admin.username,
        str(admin.passwords[0].value),
    )


def _is_there(image: RegistryImage, tag: str) -> bool:
    tags = requests.get(
        f"https://{image.server}/v2/{REPOSITORY}/tags/list",
        auth=(image.username, image.password),
        timeout=60,
    )
    return tags.status_code == 200 and tag in tags.json()["tags"]
