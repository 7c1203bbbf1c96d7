"""Pages: all endpoints, one endpoint in detail with its traffic, create and delete.

https://learn.microsoft.com/rest/api/azureml/online-endpoints
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Json, RefusedError
from portal.machine_learning.autoscale import autoscaled
from portal.machine_learning.endpoint import AUTHENTICATION, Endpoint, OnlineEndpoints
from portal.pages import Pages, segment, text_field
from portal.traffic import read_shares, whole_number

LOG_LINES = 25  # of a deployment that is on its way, in the list
# What a PUT takes of what a GET shows.
KEPT = ("authMode", "description", "properties", "publicNetworkAccess", "compute")


class Endpoints:
    ROUTES = (
        ("GET", "/machine-learning", "list"),
        ("GET", "/machine-learning/create-endpoint", "form"),
        ("POST", "/machine-learning/create-endpoint", "create"),
        ("GET", "/machine-learning/endpoints/{name}", "details"),
        ("POST", "/machine-learning/endpoints/{name}", "set_traffic"),
        ("POST", "/machine-learning/endpoints/{name}/delete", "delete"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.endpoints = OnlineEndpoints(pages)
        self.workspaces = self.endpoints.workspaces

    async def list(self, request: Request) -> Response:
        workspace, workspaces = await asyncio.gather(
            self.workspaces.of(request), self.workspaces.all()
        )
        endpoints = await self.endpoints.all(workspace)
        return self.pages.render(
            request,
            "machine_learning/endpoints.html",
            ws=workspace,
            workspaces=workspaces,
            endpoints=endpoints,
            deployments=await asyncio.gather(*map(self.endpoints.deployments, endpoints)),
        )

    async def details(self, request: Request) -> Response:
        return await self._details(request)

    async def _details(self, request: Request, given: Any = None, problem: str = "") -> Response:
        """`given`: the fields of the form of traffic, where they were refused."""
        endpoint, deployments = await self.endpoints.with_deployments(request)
        given = given or {}
        shares = {
            one.name: int(share)
            for one in deployments
            if (share := text_field(given, f"share:{one.name}")).isdecimal() and len(share) <= 3
        }
        mirrored = next(((one.name, one.mirrored) for one in deployments if one.mirrored), ("", 0))
        return self.pages.render(
            request,
            "machine_learning/details.html",
            endpoint=endpoint,
            deployments=deployments,
            autoscaled=await autoscaled(self.pages.azure, endpoint),
            rows=[
                {"name": one.name, "share": shares.get(one.name, one.traffic), "note": ""}
                for one in deployments
            ],
            mirror=given.get("mirror", mirrored[0]),
            mirror_share=given.get("mirror-share", mirrored[1]),
            logs=await self.endpoints.logs_of(deployments, LOG_LINES),
            problem=problem,
        )

    async def form(self, request: Request) -> Response:
        return await self._form(request, {})

    async def _form(
        self, request: Request, given: Any, refusal: RefusedError | None = None
    ) -> Response:
        return self.pages.render(
            request,
            "machine_learning/create_endpoint.html",
            ws=await self.workspaces.of(request),
            authentication=AUTHENTICATION,
            given={name: text_field(given, name) for name in ("name", "description", "auth")},
            refusal=refusal,
        )

    async def create(self, request: Request) -> Response:
        workspace = await self.workspaces.of(request)
        form = await request.form()
        name = text_field(form, "name")
        link = workspace.page(f"/endpoints/{segment(name)}")
        path = f"{workspace.id}/onlineEndpoints/{segment(name)}"
        body: Json = {
            "location": workspace.location,
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "authMode": text_field(form, "auth"),
                "description": text_field(form, "description"),
            },
        }
        try:
            if await self.azure.find(path):  # a PUT would change it
                raise RefusedError(409, "Conflict", f"There is an endpoint named {name} already.")
            await self.pages.operations.change(
                "PUT", path, body, title=f"Create endpoint {name}", link=link
            )
        except RefusedError as refusal:
            return await self._form(request, form, refusal)
        return self.pages.see(request, link)

    async def set_traffic(self, request: Request) -> Response:
        endpoint = await self.endpoints.of(request)
        form = await request.form()
        try:
            shares = read_shares(form, zero=True)
            mirrored = text_field(form, "mirror")
            share = whole_number("Mirrored traffic", text_field(form, "mirror-share") or "0")
            await self._put(endpoint, shares, {mirrored: share} if mirrored and share else {})
        except (ValueError, RefusedError) as problem:
            return await self._details(request, form, str(problem))
        return self.pages.see(request, endpoint.page())

    async def _put(
        self, endpoint: Endpoint, traffic: dict[str, int], mirror_traffic: dict[str, int]
    ) -> None:
        """A PATCH changes no traffic, so that all of the endpoint is sent, as the SDK does."""
        identity = {"type": "None", **(endpoint.body.get("identity") or {})}
        users = identity.get("userAssignedIdentities")
        kept = {name: endpoint.properties.get(name) for name in KEPT}
        body: Json = {
            **{name: endpoint.body.get(name) for name in ("location", "kind", "tags")},
            "identity": {
                "type": identity["type"],
                **({"userAssignedIdentities": {id: {} for id in users}} if users else {}),
            },
            "properties": {**kept, "traffic": traffic, "mirrorTraffic": mirror_traffic},
        }
        title = f"Update traffic of {endpoint.name}"
        await self.pages.operations.change(
            "PUT", endpoint.id, body, title=title, link=endpoint.page()
        )

    async def delete(self, request: Request) -> Response:
        endpoint = await self.endpoints.of(request)
        form = await request.form()
        title = f"Delete endpoint {endpoint.name}"
        try:
            if text_field(form, "name") != endpoint.name:
                raise RefusedError(400, "", "The name that was typed is another.")
            await self.pages.operations.change("DELETE", endpoint.id, title=title)
        except RefusedError as refusal:
            self.pages.say(title, str(refusal), failed=True)
            return self.pages.see(request, endpoint.page())
        return self.pages.see(request, endpoint.workspace.page())
