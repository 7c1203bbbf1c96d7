"""An online endpoint and its deployments, as Azure describes them.

https://learn.microsoft.com/rest/api/azureml/online-endpoints
https://learn.microsoft.com/rest/api/azureml/online-deployments
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from portal.azure import RefusedError
from portal.machine_learning.resource_view import ResourceView
from portal.machine_learning.workspaces import Workspace, Workspaces
from portal.pages import Pages, segment, state_kind

# authMode -> the studio's words for it.
AUTHENTICATION = {
    "Key": "Key-based authentication",
    "AMLToken": "Token-based authentication (Azure ML)",
    "AADToken": "Microsoft Entra token-based authentication",
}
TABS = (
    ("Details", ""),
    ("Test", "/test"),
    ("Consume", "/consume"),
    ("Monitoring", "/monitoring"),
    ("Logs", "/logs"),
)


@dataclass(frozen=True)
class Endpoint(ResourceView):
    workspace: Workspace

    @property
    def auth_mode(self) -> str:
        return str(self.properties.get("authMode") or "")

    @property
    def authentication(self) -> str:
        return AUTHENTICATION.get(self.auth_mode, self.auth_mode)

    @property
    def scoring_uri(self) -> str:
        return str(self.properties.get("scoringUri") or "")

    @property
    def traffic(self) -> Mapping[str, int]:
        return self.properties.get("traffic") or {}

    @property
    def mirror_traffic(self) -> Mapping[str, int]:
        return self.properties.get("mirrorTraffic") or {}

    @property
    def tabs(self) -> list[tuple[str, str]]:
        return [(name, self.page(path)) for name, path in TABS]

    def page(self, path: str = "") -> str:
        """Return the address of one of its pages, relative to the portal's root."""
        return self.workspace.page(f"/endpoints/{segment(self.name)}{path}")


@dataclass(frozen=True)
class Deployment(ResourceView):
    endpoint: Endpoint

    @property
    def is_busy(self) -> bool:
        return state_kind(self.state) == "busy"

    @property
    def instances(self) -> int:
        return int((self.body.get("sku") or {}).get("capacity") or 0)

    @property
    def traffic(self) -> int:
        return self.endpoint.traffic.get(self.name, 0)

    @property
    def mirrored(self) -> int:
        return self.endpoint.mirror_traffic.get(self.name, 0)

    @property
    def model(self) -> str:
        return asset_name(self.properties.get("model"))

    @property
    def environment(self) -> str:
        return asset_name(self.properties.get("environmentId"))

    @property
    def script(self) -> str:
        return str((self.properties.get("codeConfiguration") or {}).get("scoringScript") or "")


def asset_name(id: str | None) -> str:
    """Return "name:version" of an asset's id, its hash cut short, and other ids as they are."""
    parts = (id or "").rstrip("/").split("/")
    if len(parts) > 3 and parts[-2] in ("versions", "labels"):
        name, version = (part if len(part) < 40 else f"{part[:7]}…" for part in parts[-3::2])
        return f"{name}:{version}"
    return id or ""


class OnlineEndpoints:
    """Reads endpoints and deployments for the pages."""

    def __init__(self, pages: Pages) -> None:
        self.azure = pages.azure
        self.workspaces = Workspaces(pages)

    async def all(self, workspace: Workspace) -> list[Endpoint]:
        found = await self.azure.list(f"{workspace.id}/onlineEndpoints")
        return [Endpoint(body, workspace) for body in found]

    async def of(self, request: Request) -> Endpoint:
        """Return the endpoint that a page's path names: its name is unique in a region, so another
        workspace's is found as well. Raises RefusedError."""
        name = segment(request.path_params["name"])
        workspace = await self.workspaces.of(request)
        path = f"{workspace.id}/onlineEndpoints/{name}"
        try:
            return Endpoint(await self.azure.get(path), workspace)
        except RefusedError as refusal:
            if refusal.status != 404 or "workspace" in request.query_params:
                raise
            for other in await self.workspaces.all():
                if body := await self.azure.find(f"{other.id}/onlineEndpoints/{name}"):
                    return Endpoint(body, other)
            raise

    async def deployments(self, endpoint: Endpoint) -> list[Deployment]:
        found = await self.azure.find_all(f"{endpoint.id}/deployments")
        return [Deployment(body, endpoint) for body in found]

    async def with_deployments(self, request: Request) -> tuple[Endpoint, list[Deployment]]:
        """Raises RefusedError."""
        endpoint = await self.of(request)
        return endpoint, await self.deployments(endpoint)

    async def log(self, endpoint: Endpoint, deployment: str, container: str, lines: int) -> str:
        """Return the last lines of a container's log. Raises RefusedError.

        https://learn.microsoft.com/rest/api/azureml/online-deployments/get-logs
        """
        path = f"{endpoint.id}/deployments/{segment(deployment)}/getLogs"
        asked = {"containerType": container, "tail": lines}
        answer = await self.azure.send("POST", path, body=asked)
        return str(answer.json().get("content") or "")

    async def logs_of(self, deployments: list[Deployment], lines: int) -> dict[str, str]:
        """Return the last lines of those that are not ready, by name."""

        async def last(deployment: Deployment) -> str:
            try:
                return await self.log(
                    deployment.endpoint, deployment.name, "InferenceServer", lines
                )
            except RefusedError as refusal:
                return str(refusal)

        waiting = [one for one in deployments if state_kind(one.state) != "good"]
        found = await asyncio.gather(*map(last, waiting))
        return {one.name: text for one, text in zip(waiting, found, strict=True)}
