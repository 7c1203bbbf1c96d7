"""Pages: models with their versions and files, and environments with theirs.

https://learn.microsoft.com/rest/api/azureml/model-versions
https://learn.microsoft.com/rest/api/azureml/environment-versions
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Azure, RefusedError
from portal.machine_learning.blobs import BlobFile, list_files
from portal.machine_learning.endpoint import OnlineEndpoints
from portal.machine_learning.resource_view import ResourceView
from portal.machine_learning.workspaces import Workspaces
from portal.pages import Pages, segment

ACTIVE = {"listViewType": "ActiveOnly"}
# What the SDK registers by itself, for one deployment.
ANONYMOUS = "CliV2AnonymousEnvironment"


@dataclass(frozen=True)
class AssetVersion(ResourceView):
    """`asset`: the name that all versions share; `name` is the version."""

    asset: str

    @property
    def label(self) -> str:
        return f"{self.asset}:{self.name}"


async def versions_of(azure: Azure, workspace: str, kind: str, name: str) -> list[AssetVersion]:
    """Return an asset's versions, newest first. Raises RefusedError."""
    found = await azure.find_all(f"{workspace}/{kind}/{segment(name)}/versions", **ACTIVE)
    versions = [AssetVersion(body, name) for body in found]
    return sorted(versions, key=lambda one: one.created, reverse=True)


async def list_versions(azure: Azure, workspace: str, kind: str) -> list[AssetVersion]:
    """Return all versions of all models or environments, newest first by name."""
    found = await azure.list(f"{workspace}/{kind}", **ACTIVE)
    names = [one["name"] for one in found if one["name"] != ANONYMOUS]
    each = await asyncio.gather(*(versions_of(azure, workspace, kind, name) for name in names))
    return [version for versions in each for version in versions]


class Assets:
    ROUTES = (
        ("GET", "/machine-learning/models", "models"),
        ("GET", "/machine-learning/models/{name}", "model"),
        ("GET", "/machine-learning/environments", "environments"),
        ("GET", "/machine-learning/environments/{name}", "environment"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.workspaces = Workspaces(pages)

    async def models(self, request: Request) -> Response:
        return await self._list(request, "models")

    async def environments(self, request: Request) -> Response:
        return await self._list(request, "environments")

    async def model(self, request: Request) -> Response:
        return await self._one(request, "models")

    async def environment(self, request: Request) -> Response:
        return await self._one(request, "environments")

    async def _list(self, request: Request, kind: str) -> Response:
        workspace = await self.workspaces.of(request)
        found = await list_versions(self.azure, workspace.id, kind)
        return self.pages.render(
            request, "machine_learning/assets.html", ws=workspace, kind=kind, versions=found
        )

    async def _one(self, request: Request, kind: str) -> Response:
        workspace = await self.workspaces.of(request)
        name = request.path_params["name"]
        await self.azure.get(f"{workspace.id}/{kind}/{segment(name)}")
        versions = await versions_of(self.azure, workspace.id, kind, name)
        files, endpoints = {}, []
        if kind == "models":
            endpoints = await OnlineEndpoints(self.pages).all(workspace)
            each = await asyncio.gather(*(self._files(workspace.id, one) for one in versions))
            files = {one.name: found for one, found in zip(versions, each, strict=True)}
        return self.pages.render(
            request,
            "machine_learning/asset.html",
            ws=workspace,
            kind=kind,
            name=name,
            versions=versions,
            files=files,
            endpoints=endpoints,
        )

    async def _files(self, workspace: str, model: AssetVersion) -> list[BlobFile] | RefusedError:
        try:
            uri = str(model.properties.get("modelUri") or "")
            return await list_files(self.azure, workspace, uri)
        except RefusedError as refusal:
            return refusal
