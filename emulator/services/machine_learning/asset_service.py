"""What models, environments, codes and data have in common: containers and their versions.

https://learn.microsoft.com/rest/api/azureml/model-containers
https://learn.microsoft.com/rest/api/azureml/model-versions

A container is a name and what is said of it; a version holds the content. What a version has
been registered with stays; only what is said of it (description, tags, isArchived) can change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from emulator.arm.errors import ArmError, conflict, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import parent_of, system_data
from emulator.arm.resources import created, page, shown
from emulator.services.machine_learning.assets import created_at
from emulator.services.machine_learning.batch.deployment_spec import batch_deployment_of
from emulator.services.machine_learning.blobs import BlobLocation
from emulator.services.machine_learning.deployment_spec import deployment_of
from emulator.services.machine_learning.errors import bad_asset, user_error
from emulator.services.machine_learning.paths import (
    BATCH_DEPLOYMENT_TYPE,
    ONLINE_DEPLOYMENT_TYPE,
    WORKSPACE_TYPE,
    container_of,
    require_workspace,
    version_of,
    versions_of,
)
from emulator.services.machine_learning.scoring_routes import good_of
from emulator.store import Resource, Store

# Ways to narrow a list down that are left out. To answer the whole list instead would be wrong.
NOT_FILTERS = frozenset({"description", "feed"})
VIEWS = {"activeonly": (False,), "archivedonly": (True,), "all": (False, True)}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


def asset_routes(assets: str) -> tuple[tuple[str, str, str], ...]:
    return (
        ("GET", assets, "list_containers"),
        ("DELETE", container_of(assets), "delete_container"),
        ("GET", container_of(assets), "get_container"),
        ("PUT", container_of(assets), "put_container"),
        ("GET", versions_of(assets), "list_versions"),
        ("DELETE", version_of(assets), "delete_version"),
        ("GET", version_of(assets), "get_version"),
        ("PUT", version_of(assets), "put_version"),
    )


@dataclass(frozen=True)
class AssetNotes:
    """What is said of a container or a version, and can be changed later."""

    description: str | None
    tags: dict[str, str]
    properties: dict[str, str]
    archived: bool

    def to_body(self) -> dict[str, Any]:
        return {
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "isArchived": self.archived,
        }


def read_notes(given: Fields, before: Resource | None) -> AssetNotes:
    """Raises ArmError 400; 501 for an asset that is to delete itself."""
    given.not_emulated(("autoDeleteSetting",), "assets")
    was_archived = bool(before and before.properties["isArchived"])
    return AssetNotes(
        given.text("description"),
        given.mapping("tags"),
        given.mapping("properties"),
        given.flag("isArchived", was_archived),
    )


class Assets:
    """One collection of assets; a subclass says what its versions hold."""

    ROUTES: Sequence[tuple[str, str, str]]
    # As in the path, and as in a sentence.
    collection: ClassVar[str]
    noun: ClassVar[str]
    # What cannot change once a version is registered.
    fixed: ClassVar[tuple[str, ...]]
    # Whether a name that has only what the SDK registered by itself is listed.
    lists_anonymous: ClassVar[bool] = False

    def __init__(self, store: Store) -> None:
        self.store = store
        self.container_type = f"{WORKSPACE_TYPE}/{self.collection}"
        self.version_type = f"{self.container_type}/versions"

    # What a subclass says

    def content(
        self, workspace: Resource, given: Fields, *, new: bool
    ) -> tuple[dict[str, Any], BlobLocation | None]:
        """The version's own properties, and where its files are. Raises ArmError 400."""
        raise NotImplementedError

    def missing(self, name: str, version: str = "") -> ArmError:
        """The 404 for a name, or for a version of it."""
        raise NotImplementedError

    def changed(self, name: str, version: str) -> ArmError:
        """The error for a version that is there already with another content."""
        raise NotImplementedError

    def check_version(self, version: str) -> None:
        if not _NAME.fullmatch(version):
            raise user_error(
                400,
                f"The version '{version}' is invalid: up to 255 letters, digits, hyphens, periods "
                "and underscores, beginning with a letter or a digit.",
            )

    # Containers

    async def list_containers(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        containers = [
            self._container_shown(container)
            for container in self.store.of_type(self.container_type, workspace.id)
            if self.lists_anonymous or not container.private.get("anonymous")
            # Those that are here are not all: none is listed rather than a few.
            if not container.private.get("curated")
        ]
        return page(request, _newest_first(_in_view(request, containers)))

    async def delete_container(self, request: ArmRequest) -> ArmResponse:
        require_workspace(self.store, request)
        return self._delete(request.id)

    async def get_container(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(self._container_shown(self._container(request)))

    async def put_container(self, request: ArmRequest) -> ArmResponse:
        require_workspace(self.store, request)
        self._check_name(request.params["name"])
        given = _properties(request)
        before = self.store.get(request.id)
        container = self._new_container(request, given) if before is None else before
        self._check_not_curated(container)
        container.properties.update(read_notes(given, before).to_body())
        container.private["anonymous"] = False
        container.body["systemData"] = system_data(request.claims, container.body["systemData"])
        answer = created(request, self.store.put(container), new=before is None)
        answer.body = self._container_shown(container)
        return answer

    # Versions

    async def list_versions(self, request: ArmRequest) -> ArmResponse:
        container = self._container(request)
        # Azure has more of them. The SDK asks for one, the newest, to find "latest".
        if container.private.get("curated") and request.query.get("$top") != "1":
            raise not_emulated(
                f"the list of versions of the curated {self.noun} '{container.name}'"
            )
        versions = [
            self._version_shown(version, container) for version in self._versions(container.id)
        ]
        order = request.query.get("$orderBy", "createdtime desc").lower()
        if order not in ("createdtime desc", "createdtime asc"):
            raise not_emulated(f"lists ordered by '{order}'")
        found = _newest_first(_chosen(request, _in_view(request, versions)))
        ordered = found if order.endswith("desc") else found[::-1]
        return page(request, ordered[_offset(request) :])

    async def delete_version(self, request: ArmRequest) -> ArmResponse:
        require_workspace(self.store, request)
        return self._delete(request.id)

    async def get_version(self, request: ArmRequest) -> ArmResponse:
        container = self._container(request)
        version = self.store.get(request.id)
        if version is None:
            raise self.missing(container.name, request.params["version"])
        return ArmResponse(self._version_shown(version, container))

    async def put_version(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        name, version = request.params["name"], request.params["version"]
        self._check_name(name)
        self.check_version(version)
        given = _properties(request)
        before = self.store.get(request.id)
        container = self.store.get(parent_of(request.id)) or self._new_container(request, given)
        self._check_not_curated(container)
        notes = read_notes(given, before)
        if container.properties["isArchived"] and before and not notes.archived:
            raise user_error(
                400,
                f"All versions of the {self.noun} '{name}' are archived. Restore it without a "
                "version first.",
            )
        content, location = self.content(workspace, given, new=before is None)
        if before and any(before.properties[field] != content[field] for field in self.fixed):
            raise self.changed(name, version)
        anonymous = given.flag("isAnonymous", False)
        container.private["anonymous"] = container.private["anonymous"] and anonymous
        body = {
            "properties": {
                **notes.to_body(),
                "isAnonymous": anonymous,
                **content,
                "provisioningState": "Succeeded",
            },
            "systemData": system_data(
                request.claims, before.body["systemData"] if before else None
            ),
        }
        private = {"location": asdict(location) if location else None}
        resource = Resource(before.id if before else request.id, self.version_type, body, private)
        with self.store.transaction():
            self.store.put(container)
            self.store.put(resource)
        return created(request, resource, new=before is None)

    # Parts

    def _container(self, request: ArmRequest) -> Resource:
        workspace = require_workspace(self.store, request)
        name = request.params["name"]
        container = self.store.get(f"{workspace.id}/{self.collection}/{name}")
        if container is None:
            raise self.missing(name)
        return container

    def _new_container(self, request: ArmRequest, given: Fields) -> Resource:
        """The container of a version that is registered with `given`, nothing said of it yet."""
        del given
        workspace = require_workspace(self.store, request)
        return Resource(
            f"{workspace.id}/{self.collection}/{request.params['name']}",
            self.container_type,
            {
                "properties": AssetNotes(None, {}, {}, archived=False).to_body(),
                "systemData": system_data(request.claims),
            },
            {"anonymous": True},
        )

    def _versions(self, container_id: str) -> list[Resource]:
        return self.store.of_type(self.version_type, container_id)

    def _container_shown(self, container: Resource) -> dict[str, Any]:
        named = [
            version
            for version in self._versions(container.id)
            if not version.properties["isAnonymous"]
        ]
        latest = max(named, key=created_at, default=None)
        numbers = [int(version.name) for version in named if version.name.isdecimal()]
        body = shown(container)
        body["properties"] = {
            **body["properties"],
            "latestVersion": latest.name if latest else "0",
            "nextVersion": str(max(numbers, default=0) + 1),
            "provisioningState": "Succeeded",
        }
        return body

    def _version_shown(self, version: Resource, container: Resource) -> dict[str, Any]:
        """To archive a container is to archive every version of it."""
        body = shown(version)
        archived = version.properties["isArchived"] or container.properties["isArchived"]
        body["properties"] = {**body["properties"], "isArchived": archived}
        return body

    def _delete(self, asset_id: str) -> ArmResponse:
        asset = self.store.get(asset_id)
        if asset is None:
            return ArmResponse(None, 204)
        self._check_not_curated(asset)
        kinds = (ONLINE_DEPLOYMENT_TYPE, BATCH_DEPLOYMENT_TYPE)
        for deployment in (each for kind in kinds for each in self.store.of_type(kind)):
            if _uses(deployment, asset.id):
                raise conflict(
                    f"The {self.noun} '{asset.id.split(f'/{self.collection}/')[-1]}' is used by "
                    f"the deployment '{deployment.name}' and can't be deleted.",
                    code="UserError",
                )
        self.store.delete(asset.id)
        return ArmResponse(None, 200)

    def _check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise user_error(
                400,
                f"The {self.noun} name '{name}' is invalid: up to 255 letters, digits, hyphens, "
                "periods and underscores, beginning with a letter or a digit.",
            )

    def _check_not_curated(self, asset: Resource) -> None:
        if asset.private.get("curated"):
            raise user_error(
                400, f"The {self.noun} '{asset.name}' is curated by Azure and can't be changed."
            )


def _properties(request: ArmRequest) -> Fields:
    return Fields(request.body, refuse=bad_asset).object("properties")


def _in_view(request: ArmRequest, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    name = request.query.get("listViewType", "ActiveOnly")
    view = VIEWS.get(name.lower())
    if view is None:
        raise user_error(400, f"listViewType is ActiveOnly, ArchivedOnly or All, not '{name}'.")
    if unknown := NOT_FILTERS & set(request.query):
        raise not_emulated(f"lists filtered by {', '.join(sorted(unknown))}")
    found = [item for item in items if item["properties"]["isArchived"] in view]
    if stage := request.query.get("stage"):
        found = [item for item in found if item["properties"].get("stage") == stage]
    return found


def _chosen(request: ArmRequest, versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with the version, the tags and the properties that the query names."""
    if version := request.query.get("version"):
        versions = [item for item in versions if item["name"] == version]
    named = {
        "tags": request.query.get("tags") or request.query.get("$tags"),
        "properties": request.query.get("properties"),
    }
    for field, text in named.items():
        for wanted in filter(None, (text or "").split(",")):
            name, valued, value = wanted.strip().partition("=")
            versions = [
                item
                for item in versions
                if name in item["properties"][field]
                and (not valued or item["properties"][field][name] == value)
            ]
    return versions


def _offset(request: ArmRequest) -> int:
    text = request.query.get("offset", "0")
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise user_error(400, f"offset is a number, not '{text[:20]}'.")
    return int(text)


def _newest_first(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: str(item["systemData"]["createdAt"]), reverse=True)


def _uses(deployment: Resource, asset_id: str) -> bool:
    """Whether the deployment is to run the asset, or a version of it, or runs it now."""
    if deployment.type.lower() == BATCH_DEPLOYMENT_TYPE.lower():
        used = [*batch_deployment_of(deployment.body).assets]
    else:
        good = good_of(deployment)
        used = [*deployment_of(deployment.body).assets, *(good.assets if good else ())]
    return any(f"{asset}/".lower().startswith(f"{asset_id}/".lower()) for asset in used)
