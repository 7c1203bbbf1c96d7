"""Container groups.

https://learn.microsoft.com/rest/api/container-instances/container-groups
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.azure import Json, RefusedError
from portal.charts import Chart
from portal.metrics import charts
from portal.pages import Pages, segment, text_field

PAGE = "/container-instances"
LINES = "2000"  # of a log, the last
TABS = {
    "": "Overview",
    "logs": "Logs",
    "requests": "Requests",
    "metrics": "Metrics",
    "json": "JSON view",
}
METRICS = "CpuUsage,MemoryUsage"  # millicores, bytes
ACTIONS = {"start": "Start", "stop": "Stop", "restart": "Restart"}


class ContainerInstances:
    ROUTES = (
        ("GET", PAGE, "show_all"),
        ("GET", PAGE + "/{group}/{name}", "show"),
        ("GET", PAGE + "/{group}/{name}/{tab}", "show"),
        ("GET", PAGE + "/{group}/{name}/logs/{container}", "log"),
        ("POST", PAGE + "/{group}/{name}", "change"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure

    async def show_all(self, request: Request) -> Response:
        listed = await self.azure.list(
            f"{self.pages.subscription}/providers/Microsoft.ContainerInstance/containerGroups"
        )
        # The list says nothing of what runs.
        found = await asyncio.gather(*(self.azure.find(one["id"]) for one in listed))
        groups = [(one["id"].split("/")[4], one) for one in found if one]
        return self.pages.render(
            request, "container_instances/groups.html", groups=groups, addresses=addresses_of
        )

    async def show(self, request: Request) -> Response:
        """One group. Raises RefusedError."""
        return await self._show(request, None)

    async def _show(self, request: Request, refusal: RefusedError | None) -> Response:
        tab = request.path_params.get("tab", "")
        found = await self.azure.get(self._id(request))
        containers = containers_of(found)
        names = [one["name"] for _, one in containers]
        chosen = request.query_params.get("container", "")
        return self.pages.render(
            request,
            "container_instances/group.html",
            200 if tab in TABS else 404,
            page=self._page(request),
            tab=tab,
            tabs=[(name, self._page(request) + (key and f"/{key}")) for key, name in TABS.items()],
            group=request.path_params["group"],
            found=found,
            containers=containers,
            container=chosen if chosen in names else next(iter(names), ""),
            addresses=addresses_of(found),
            actions=ACTIONS,
            charts=await self._charts(request) if tab == "metrics" else [],
            refusal=refusal,
        )

    async def _charts(self, request: Request) -> list[Chart]:
        return await charts(self.azure, self._id(request), METRICS, split="containerName")

    async def log(self, request: Request) -> Response:
        """What the macro `logs` asks for."""
        path = f"{self._id(request)}/containers/{segment(request.path_params['container'])}/logs"
        try:
            answer = await self.azure.get(path, tail=LINES)
        except RefusedError as refusal:
            return JSONResponse({"text": "", "note": refusal.message})
        return JSONResponse({"text": (answer.get("content") or "").rstrip("\n"), "note": ""})

    async def change(self, request: Request) -> Response:
        """Start, stop or restart the group; delete it where its name was typed."""
        form = await request.form()
        name, action = request.path_params["name"], text_field(form, "action")
        page, id = self._page(request), self._id(request)
        try:
            if action in ACTIONS:
                title = f"{ACTIONS[action]} container group {name}"
                await self.pages.operations.change("POST", f"{id}/{action}", title=title, link=page)
            elif text_field(form, "name") == name:
                title = f"Delete container group {name}"
                await self.pages.operations.change("DELETE", id, title=title)
                page = PAGE
        except RefusedError as refusal:
            return await self._show(request, refusal)
        return self.pages.see(request, page)

    def _page(self, request: Request) -> str:
        return (
            f"{PAGE}/{segment(request.path_params['group'])}/{segment(request.path_params['name'])}"
        )

    def _id(self, request: Request) -> str:
        group, name = (segment(request.path_params[key]) for key in ("group", "name"))
        return (
            f"{self.pages.subscription}/resourceGroups/{group}"
            f"/providers/Microsoft.ContainerInstance/containerGroups/{name}"
        )


def containers_of(group: Json) -> list[tuple[bool, Json]]:
    """Return a group's containers, its init containers first, each with whether it is one."""
    properties = group["properties"]
    return [
        *((True, one) for one in properties.get("initContainers") or []),
        *((False, one) for one in properties.get("containers") or []),
    ]


def addresses_of(group: Json) -> list[str]:
    """Return where a group answers: an address for each open port of TCP."""
    address = group["properties"].get("ipAddress") or {}
    host = address.get("fqdn") or address.get("ip")
    if not host or address.get("type", "").lower() == "private":
        return []
    ports = [
        port["port"]
        for port in address.get("ports") or []
        if (port.get("protocol") or "TCP").upper() == "TCP"
    ]
    return [f"http://{host}" + ("" if port == 80 else f":{port}") for port in ports]
