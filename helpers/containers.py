"""What the lessons about containers share: waiting for what no poller tells, and their image."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.containerregistry import ContainerRegistryManagementClient

Found = TypeVar("Found")
REPOSITORY = "digits"
PATIENCE = 1200  # seconds; a large image takes live Azure minutes to fetch
SHORT = 10  # seconds
BUILD_SETTINGS = ("BASE_IMAGE", "PIP_EXTRA_INDEX_URL")


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
        print(f"Building the image {REPOSITORY}:{tag} in the registry {registry}.")
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
