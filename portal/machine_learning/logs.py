"""The tab Logs: what both containers of a deployment have said, following.

https://learn.microsoft.com/rest/api/azureml/online-deployments/get-logs
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.azure import RefusedError
from portal.machine_learning.endpoint import Endpoint, OnlineEndpoints
from portal.pages import Pages

# As the SDK and the CLI name them -> as the REST API does.
CONTAINERS = {"inference-server": "InferenceServer", "storage-initializer": "StorageInitializer"}
LINES = 2000


class Logs:
    ROUTES = (
        ("GET", "/machine-learning/endpoints/{name}/logs", "show"),
        ("GET", "/machine-learning/endpoints/{name}/logs/{deployment}/{container}", "follow"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.endpoints = OnlineEndpoints(pages)

    async def show(self, request: Request) -> Response:
        endpoint, deployments = await self.endpoints.with_deployments(request)
        names = [one.name for one in deployments]
        asked = request.query_params.get("deployment", "")
        deployment = asked if asked in names else next(iter(names), "")
        container = request.query_params.get("container", "")
        container = container if container in CONTAINERS else next(iter(CONTAINERS))
        told = await self._told(endpoint, deployment, container) if deployment else {}
        return self.pages.render(
            request,
            "machine_learning/logs.html",
            endpoint=endpoint,
            names=names,
            containers=list(CONTAINERS),
            deployment=deployment,
            container=container,
            told=told,
        )

    async def follow(self, request: Request) -> Response:
        endpoint = await self.endpoints.of(request)
        deployment, container = (request.path_params[one] for one in ("deployment", "container"))
        return JSONResponse(await self._told(endpoint, deployment, container))

    async def _told(self, endpoint: Endpoint, deployment: str, container: str) -> dict[str, str]:
        try:
            kind = CONTAINERS.get(container, container)
            text = (await self.endpoints.log(endpoint, deployment, kind, LINES)).rstrip()
        except RefusedError as refusal:
            return {"text": "", "note": str(refusal)}
        return {"text": text, "note": "" if text else "The log is empty."}
