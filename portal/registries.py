"""Container registries: repositories with their images, task runs with their logs, access keys.

https://learn.microsoft.com/rest/api/containerregistry/registries
https://learn.microsoft.com/rest/api/containerregistry/runs
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.azure import Json, RefusedError, body_of
from portal.login_server import delete, manifests, repositories
from portal.pages import Pages, segment, text_field

PAGE = "/registries"
ONE = PAGE + "/{group}/{name}"
TASKS = "2019-06-01-preview"  # the api-version of runs
TABS = {"": "Repositories", "runs": "Runs", "keys": "Access keys"}


class Registries:
    ROUTES = (
        ("GET", PAGE, "show_all"),
        ("GET", ONE, "show_repositories"),
        ("POST", ONE, "delete"),
        ("GET", ONE + "/repositories/{repository:path}", "show_repository"),
        ("GET", ONE + "/runs", "show_runs"),
        ("GET", ONE + "/runs/{run}", "show_run"),
        ("GET", ONE + "/runs/{run}/log", "log"),
        ("GET", ONE + "/keys", "show_keys"),
        ("POST", ONE + "/keys", "change_keys"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure

    async def show_all(self, request: Request) -> Response:
        listed = await self.azure.list(
            f"{self.pages.subscription}/providers/Microsoft.ContainerRegistry/registries"
        )
        registries = [(one["id"].split("/")[4], one) for one in listed]
        return self.pages.render(request, "registries/registries.html", registries=registries)

    async def _show(
        self, request: Request, tab: str, registry: Json | None = None, **values: Any
    ) -> Response:
        page = self._page(request)
        return self.pages.render(
            request,
            f"registries/{tab or 'repositories'}.html",
            page=page,
            tabs=[(name, page + (key and f"/{key}")) for key, name in TABS.items()],
            registry=registry or await self.azure.get(self._id(request)),
            **values,
        )

    async def show_repositories(self, request: Request) -> Response:
        """Raises RefusedError."""
        registry = await self.azure.get(self._id(request))
        server = registry["properties"]["loginServer"]
        names = await repositories(self.azure, server)
        images = await asyncio.gather(*(manifests(self.azure, server, name) for name in names))
        return await self._show(
            request, "", registry, repositories=list(zip(names, images, strict=True))
        )

    async def show_repository(self, request: Request) -> Response:
        """A repository's images. Raises RefusedError."""
        registry = await self.azure.get(self._id(request))
        name = request.path_params["repository"]
        images = await manifests(self.azure, registry["properties"]["loginServer"], name)
        return await self._show(request, "repository", registry, repository=name, images=images)

    async def delete(self, request: Request) -> Response:
        """Delete a tag or a repository where its name was typed. Raises RefusedError."""
        form = await request.form()
        repository, tag = text_field(form, "repository"), text_field(form, "tag")
        page = self._page(request)
        if repository and text_field(form, "name") == (tag or repository):
            registry = await self.azure.get(self._id(request))
            await delete(self.azure, registry["properties"]["loginServer"], repository, tag)
            self.pages.say(f"Delete {repository}{tag and ':'}{tag}")
            left = tag and await self._has_images(registry, repository)
            page += f"/repositories/{repository}" if left else ""
        return self.pages.see(request, page)

    async def _has_images(self, registry: Json, repository: str) -> bool:
        names = await repositories(self.azure, registry["properties"]["loginServer"])
        return repository in names

    async def show_runs(self, request: Request) -> Response:
        runs = await self.azure.list(f"{self._id(request)}/runs", TASKS)
        return await self._show(request, "runs", runs=runs)

    async def show_run(self, request: Request) -> Response:
        run = await self.azure.get(self._run_id(request), TASKS)
        return await self._show(request, "run", run=run)

    async def log(self, request: Request) -> Response:
        """What the macro `logs` asks for."""
        try:
            found = await self.azure.send("POST", f"{self._run_id(request)}/listLogSasUrl", TASKS)
            answer = await self.azure.request("GET", body_of(found)["logLink"], {})
        except RefusedError as refusal:
            return JSONResponse({"text": "", "note": refusal.message})
        if answer.status_code != 200:  # not begun
            return JSONResponse({"text": "", "note": "There is no log yet."})
        return JSONResponse({"text": answer.text().rstrip("\n"), "note": ""})

    async def show_keys(self, request: Request) -> Response:
        return await self._show(request, "keys", keys=None)

    async def change_keys(self, request: Request) -> Response:
        """Show the keys of the admin user, or change them, or the user. Raises RefusedError."""
        form = await request.form()
        id, action = self._id(request), text_field(form, "action")
        if action in ("enable", "disable"):
            await self.pages.operations.change(
                "PATCH",
                id,
                {"properties": {"adminUserEnabled": action == "enable"}},
                title=f"Update {request.path_params['name']}",
            )
            return self.pages.see(request, f"{self._page(request)}/keys")
        if action == "regenerate":
            body = {"name": text_field(form, "password")}
            answer = await self.azure.send("POST", f"{id}/regenerateCredential", body=body)
        else:
            answer = await self.azure.send("POST", f"{id}/listCredentials")
        return await self._show(request, "keys", keys=body_of(answer))

    def _page(self, request: Request) -> str:
        group, name = (segment(request.path_params[key]) for key in ("group", "name"))
        return f"{PAGE}/{group}/{name}"

    def _id(self, request: Request) -> str:
        group, name = (segment(request.path_params[key]) for key in ("group", "name"))
        return (
            f"{self.pages.subscription}/resourceGroups/{group}"
            f"/providers/Microsoft.ContainerRegistry/registries/{name}"
        )

    def _run_id(self, request: Request) -> str:
        return f"{self._id(request)}/runs/{segment(request.path_params['run'])}"
