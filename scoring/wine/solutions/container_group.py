"""Container Instances: the group `name` has version 1, a second group beside it version 2."""

from __future__ import annotations

import secrets
import time

import requests
from azure.mgmt.containerinstance import models as aci

from scoring.azure_clients import Azure
from scoring.container_image import Image


def deploy(azure: Azure, name: str, image: Image) -> str:
    """Make both groups, wait until they answer, and return the key."""
    key = secrets.token_hex()
    for group, version in ((name, "1"), (f"{name}-v2", "2")):
        azure.instances.container_groups.begin_create_or_update(
            azure.resource_group, group, describe(azure, group, image, version, key)
        ).result()
    for group in (name, f"{name}-v2"):
        wait_for(f"http://{group}.{azure.location}.azurecontainer.io:8080")
    return key


def wait_for(url: str, seconds: float = 600) -> None:
    """Wait until the API answers: Succeeded comes before. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if requests.get(url, timeout=10).status_code == 200:
                return
        except (requests.ConnectionError, requests.Timeout):
            pass
        time.sleep(0.5)
    raise TimeoutError(f"{url} does not answer.")


def describe(
    azure: Azure, name: str, image: Image, version: str, key: str, restart_policy: str = "Always"
) -> aci.ContainerGroup:
    """Describe a group that runs a version of the model, with the key as a secure value."""
    container = aci.Container(
        name="wine",
        image=image.reference,
        ports=[aci.ContainerPort(port=8080)],
        environment_variables=[
            aci.EnvironmentVariable(name="MODEL", value=f"wine-{version}"),
            aci.EnvironmentVariable(name="API_KEY", secure_value=key),
        ],
        resources=aci.ResourceRequirements(
            requests=aci.ResourceRequests(cpu=1.0, memory_in_gb=1.5)
        ),
    )
    return aci.ContainerGroup(
        location=azure.location,
        os_type="Linux",
        restart_policy=restart_policy,
        image_registry_credentials=[
            aci.ImageRegistryCredential(
                server=image.server, username=image.username, password=image.password
            )
        ],
        containers=[container],
        ip_address=aci.IpAddress(
            type="Public", dns_name_label=name, ports=[aci.Port(port=8080, protocol="TCP")]
        ),
    )
