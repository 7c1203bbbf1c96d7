"""The workspace that pages are about: the address says which, else the environment, else the first.

https://learn.microsoft.com/rest/api/azureml/workspaces
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from portal.azure import Json, RefusedError
from portal.pages import Pages, segment
from portal.resource_ids import ResourceId

PROVIDER = "providers/Microsoft.MachineLearningServices"
NO_WORKSPACE = "There is no Machine Learning workspace in this subscription yet."


@dataclass(frozen=True)
class Workspace:
    """`chosen`: whether an address has to name it."""

    id: str
    location: str
    chosen: bool

    @property
    def name(self) -> str:
        return ResourceId.parse(self.id).name

    @property
    def key(self) -> str:
        """As the addresses of pages have it: its resource group and its name."""
        return f"{ResourceId.parse(self.id).group}/{self.name}"

    def page(self, path: str = "") -> str:
        """Return the address of a page below Machine Learning, relative to the portal's root."""
        sign = "&" if "?" in path else "?"
        query = f"{sign}workspace={segment(self.key)}" if self.chosen else ""
        return f"/machine-learning{path}{query}"


class Workspaces:
    def __init__(self, pages: Pages) -> None:
        self.azure = pages.azure
        self.settings = pages.settings
        self.subscription = pages.subscription

    async def all(self) -> list[Workspace]:
        found = await self.azure.list(f"{self.subscription}/{PROVIDER}/workspaces")
        return [self._workspace(one) for one in found]

    async def of(self, request: Request) -> Workspace:
        """Return the workspace that a page is about. Raises RefusedError."""
        asked = request.query_params.get("workspace", "")
        if key := asked or self.settings.workspace:
            group, _, name = key.partition("/")
            path = f"{self.subscription}/resourceGroups/{segment(group)}/{PROVIDER}/workspaces"
            found = await self.azure.find(f"{path}/{segment(name)}")
            if found or asked:
                return self._workspace(found or await self.azure.get(f"{path}/{segment(name)}"))
        for workspace in await self.all():
            return workspace
        raise RefusedError(404, "NoWorkspace", NO_WORKSPACE)

    def _workspace(self, body: Json) -> Workspace:
        workspace = Workspace(body["id"], str(body.get("location") or ""), True)
        chosen = workspace.key.lower() != self.settings.workspace.lower()
        return Workspace(workspace.id, workspace.location, chosen)
