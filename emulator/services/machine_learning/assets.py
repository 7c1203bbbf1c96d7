"""How a deployment refers to a model, an environment or code, and where its files are.

https://learn.microsoft.com/azure/machine-learning/reference-yaml-core-syntax
"""

from __future__ import annotations

import re

from emulator.arm.errors import ArmError, not_emulated
from emulator.arm.ids import name_of
from emulator.services.machine_learning.blobs import BlobLocation
from emulator.services.machine_learning.curated import RESERVED, registry_environment
from emulator.services.machine_learning.paths import WORKSPACE_TYPE
from emulator.store import Resource, Store

_REGISTRY = re.compile(
    r"//registries/(?P<registry>[^/]+)/[^/]+/(?P<name>[^/]+)/(?:versions|labels)/(?P<version>[^/]+)",
    re.IGNORECASE,
)


def created_at(resource: Resource) -> str:
    return str(resource.body["systemData"]["createdAt"])


def resolve(store: Store, workspace_id: str, collection: str, reference: str) -> Resource:
    """The version of an asset that a deployment refers to.

    `reference` is an ARM id, or azureml: with an id, name:version or name@latest after it, or
    azureml://registries/azureml/... for a curated environment. Raises ArmError 404 ResourceNotFound
    when there is none.
    """
    text = reference.removeprefix("azureml:").removesuffix("/")
    if text.startswith("//"):
        found = _in_registry(collection, text)
    elif text.lower().startswith("/subscriptions/"):
        found = store.get(text)
        if found and found.type.lower() != f"{WORKSPACE_TYPE}/{collection}/versions".lower():
            found = None
    else:
        name, separator, version = text.partition("@" if "@" in text else ":")
        container_id = f"{workspace_id}/{collection}/{name}"
        if separator == "@" and version == "latest":
            found = _latest(store, container_id)
        else:
            found = store.get(f"{container_id}/versions/{version}")
    curated = f"/environments/{RESERVED}-" in f"/{collection}/{text}"
    if found is None and curated and collection == "environments":
        raise not_emulated(f"the curated environment '{reference}'")
    if found is None:
        raise ArmError(
            404,
            "ResourceNotFound",
            f"'{reference}' was not found among the {collection} of the workspace "
            f"'{name_of(workspace_id)}'.",
        )
    return found


def locate(version: Resource) -> BlobLocation:
    """Where the files of a version are. Raises LookupError when it has none."""
    place = version.private.get("location")
    if not place:
        raise LookupError(f"{version.id} has no files.")
    return BlobLocation(**place)


def _in_registry(collection: str, text: str) -> Resource | None:
    match = _REGISTRY.fullmatch(text)
    if match is None or match["registry"].lower() != "azureml" or collection != "environments":
        raise not_emulated(f"the registry asset azureml:{text}")
    return registry_environment(match["name"], match["version"])


def _latest(store: Store, container_id: str) -> Resource | None:
    container = store.get(container_id)
    if container is None:
        return None
    versions = store.of_type(f"{container.type}/versions", container.id)
    return max(versions, key=created_at, default=None)
