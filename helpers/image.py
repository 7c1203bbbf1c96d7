"""The digit API's image in the learner's registry: built where it is missing (lesson 06)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient
from azure.mgmt.containerregistrytasks.models import Run
from azure.storage.blob import BlobClient

REPOSITORY = "digits"
BUILD_SETTINGS = ("BASE_IMAGE", "PIP_EXTRA_INDEX_URL")
UNDER_WAY = ("Queued", "Started", "Running")
# As Docker and as Podman write it; what is not worth reading is left out.
STEP = re.compile(
    r"^STEP [\d/]+ ?: ((?:WORKDIR|COPY|RUN|USER|CMD) .*)$", re.IGNORECASE | re.MULTILINE
)


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
    """Build the digit API's image in the registry `digits{suffix}` unless it is there.

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
        place = {"AZURE_SUBSCRIPTION_ID": subscription_id, "AZURE_RESOURCE_GROUP": resource_group}
        folder = Path(__file__).parent.parent
        done = subprocess.run(
            script, cwd=folder, env=os.environ | place, capture_output=True, text=True, check=False
        )
        # The line is used again: what stays is the same whether there was a build or not.
        print(f"\r{'':{len(building)}}\r", end="")
        if done.returncode:
            raise RuntimeError(f"The image could not be built.\n{done.stdout}{done.stderr}")
        image = _image(subscription_id, resource_group, registry, tag)
        assert image
    print(f"{REPOSITORY}:{tag} is in the registry {registry}.")
    return image


def _image(subscription: str, resource_group: str, registry: str, tag: str) -> RegistryImage | None:
    client = ContainerRegistryManagementClient(DefaultAzureCredential(), subscription)
    try:
        found = client.registries.get(resource_group, registry)
    except ResourceNotFoundError:
        return None
    admin = client.registries.list_credentials(resource_group, registry)
    assert found.login_server
    assert admin.username
    assert admin.passwords
    reference = f"{found.login_server}/{REPOSITORY}:{tag}"
    password = str(admin.passwords[0].value)
    return RegistryImage(found.login_server, reference, admin.username, password)


def _is_there(image: RegistryImage, tag: str) -> bool:
    url = f"https://{image.server}/v2/{REPOSITORY}/tags/list"
    tags = requests.get(url, auth=(image.username, image.password), timeout=60)
    return tags.status_code == 200 and tag in tags.json()["tags"]
