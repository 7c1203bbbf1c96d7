"""The page of all environments, apps and jobs.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Json, RefusedError
from portal.pages import Pages, text_field
from portal.resource_ids import ResourceId

PAGE = "/container-apps"
EXECUTIONS = 5  # of a job, the newest
MOST_JOBS = 20  # whose executions are asked for


class ContainerApps:
    ROUTES = (
        ("GET", PAGE, "show"),
        ("POST", PAGE, "change"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure

    async def show(self, request: Request, refusal: RefusedError | None = None) -> Response:
        provider = f"{self.pages.subscription}/providers/Microsoft.App"
        environments, apps, jobs = await asyncio.gather(
            self.azure.list(f"{provider}/managedEnvironments"),
            self.azure.list(f"{provider}/containerApps"),
            self.azure.list(f"{provider}/jobs"),
        )
        executions = await asyncio.gather(*(self._executions(job) for job in jobs[:MOST_JOBS]))
        replicas = await asyncio.gather(*(self._replicas(app) for app in apps))
        return self.pages.render(
            request,
            "container_apps/everything.html",
            environments=environments,
            apps=[
                (ResourceId.parse(app["id"]), app, count)
                for app, count in zip(apps, replicas, strict=True)
            ],
            jobs=[
                (job, executions[number] if number < MOST_JOBS else [])
                for number, job in enumerate(jobs)
            ],
            refusal=refusal,
        )

    async def _executions(self, job: Json) -> list[Json]:
        found = await self.azure.find(f"{job['id']}/executions") or {}
        newest = sorted(
            found.get("value") or [],
            key=lambda one: str(one["properties"].get("startTime")),
            reverse=True,
        )
        return newest[:EXECUTIONS]

    async def _replicas(self, app: Json) -> int | None:
        """Return how many replicas its newest revision has, or None where it has none yet."""
        name = app["properties"].get("latestRevisionName")
        found = await self.azure.find(f"{app['id']}/revisions/{name}") if name else None
        return found["properties"].get("replicas", 0) if found else None

    async def change(self, request: Request) -> Response:
        """Start a job, or delete an environment."""
        form = await request.form()
        try:
            target = ResourceId.parse(text_field(form, "id"))
        except ValueError as error:
            return await self.show(request, RefusedError(400, "", str(error)))
        verb, method, path = (
            ("Start", "POST", "/start")
            if target.type.lower() == "microsoft.app/jobs"
            else ("Delete", "DELETE", "")
        )
        try:
            if method == "DELETE" and text_field(form, "name") != target.name:
                raise RefusedError(400, "", "The name that was typed is another one.")
            await self.pages.operations.change(
                method, target.text + path, title=f"{verb} {target.name}", link=PAGE
            )
        except RefusedError as refusal:
            return await self.show(request, refusal)
        return self.pages.see(request, PAGE)
