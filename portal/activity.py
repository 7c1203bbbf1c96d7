"""Activity: the requests that reached Resource Manager, as they come, and Azure's activity log.

Only local Azure keeps requests, those that read and the bodies included; live Azure answers 404.
Azure's activity log is in both places, and has the changes alone.

https://learn.microsoft.com/rest/api/monitor/activity-logs/list
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import MANAGEMENT, Json
from portal.pages import Pages

REQUESTS, REQUESTS_VERSION = "/providers/LocalAzure.RequestLog/requests", "2026-11-01"
EVENTS = "/providers/Microsoft.Insights/eventtypes/management/values"
EVENTS_VERSION = "2015-04-01"
KERNEL = "azure-local"  # as requests of notebooks name it
CHANGES = "PUT,PATCH,POST,DELETE"
SPAN = timedelta(hours=6)  # what the activity log shows, as `az monitor activity-log list` does
KEPT_FOR = timedelta(days=89)  # Azure refuses a start more than 90 days ago


class Activity:
    ROUTES = (
        ("GET", "/activity", "show_requests"),
        ("GET", "/activity/newer", "show_newer"),
        ("GET", "/activity/requests/{sequence:int}", "show_request"),
        ("GET", "/activity/log", "show_events"),
        ("GET", "/activity/log/{correlation}", "show_operation"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.place = MANAGEMENT + pages.subscription  # what a list need not repeat

    # Requests

    async def show_requests(self, request: Request) -> Response:
        """The newest, or those before `before`. Raises RefusedError."""
        found = await self._requests(request, top="100")
        if found is None:
            return self.pages.see(request, "/activity/log")
        return self._render(request, "activity_requests.html", found)

    async def show_newer(self, request: Request) -> Response:
        """The rows of what came after `after`. Raises RefusedError."""
        found = await self._requests(request, top="500")
        return self._render(request, "activity_rows.html", found or {"value": []})

    async def _requests(self, request: Request, **query: str) -> Json | None:
        """Return what the page's filters leave of the log, None where Azure has none."""
        asked = request.query_params
        names = ("after", "before", "kernel", "text")
        query |= {name: asked[name] for name in names if asked.get(name)}
        if asked.get("changes"):
            query["method"] = CHANGES
        path = self.pages.subscription + REQUESTS
        return await self.azure.find(path, REQUESTS_VERSION, exclude="portal", **query)

    def _render(self, request: Request, template: str, found: Json) -> Response:
        """The list, and where it goes on: `newer` is asked for more, `older` is a page."""
        asked, items = request.query_params, found["value"]
        filters = {name: asked.get(name, "") for name in ("kernel", "changes", "text")}
        notebooks = {*found.get("notebooks", []), filters["kernel"]} - {"", KERNEL}
        before = items[-1]["sequence"] if found.get("nextLink") else None
        return self.pages.render(
            request,
            template,
            items=items,
            place=self.place,
            kernels=[
                ("", "All, and other programs"),
                (KERNEL, "All notebooks"),
                *((name, name) for name in sorted(notebooks)),
            ],
            filters=filters,
            newer={**filters, "after": found.get("lastSequence") or asked.get("after", "0")},
            older={**filters, "before": before} if before else None,
            follows="before" not in asked,
        )

    async def show_request(self, request: Request) -> Response:
        """One with its bodies, or that it has dropped out of the log. Raises RefusedError."""
        path = f"{self.pages.subscription}{REQUESTS}/{request.path_params['sequence']}"
        one = await self.azure.find(path, REQUESTS_VERSION)
        return self.pages.render(request, "activity_request.html", one=one)

    # The activity log

    async def show_events(self, request: Request) -> Response:
        """What changed in the past hours, the newest page of it. Raises RefusedError."""
        text = request.query_params.get("text", "").strip()
        events = [one for one in await self._events(SPAN) if text.lower() in _searched(one)]
        return self.pages.render(
            request, "activity_log.html", events=events, text=text, place=self.pages.subscription
        )

    async def show_operation(self, request: Request) -> Response:
        """All entries of one operation. Raises RefusedError."""
        correlation = request.path_params["correlation"].replace("'", "''")
        events = await self._events(KEPT_FOR, f" and correlationId eq '{correlation}'")
        return self.pages.render(request, "activity_operation.html", events=events)

    async def _events(self, span: timedelta, more: str = "") -> list[Json]:
        """One page, the newest 200 or so: a live subscription may have thousands."""
        start = (datetime.now(UTC) - span).isoformat(timespec="seconds").replace("+00:00", "Z")
        asked = {"$filter": f"eventTimestamp ge '{start}'{more}"}
        page = await self.azure.get(self.pages.subscription + EVENTS, EVENTS_VERSION, **asked)
        return list(page["value"])


def _searched(event: Json) -> str:
    """Return the text of an entry in which a word is looked for, in small letters."""
    texts = [str(event.get(name) or "") for name in ("resourceId", "caller")]
    for name in ("operationName", "status", "subStatus"):
        texts += [str(text or "") for text in (event.get(name) or {}).values()]
    return " ".join(texts).lower()
