"""What every page is made with: templates, what they can call, and forms' answers."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from portal.azure import Azure, Json, RefusedError
from portal.charts import number
from portal.operations import Notification, Operations
from portal.settings import Settings

HERE = Path(__file__).parent
# A state of Azure's -> the sign beside its word, which is also its colour's name in portal.css.
GOOD = ("succeeded", "running", "healthy", "provisioned", "online", "ready", "activated")
BAD = ("failed", "unhealthy", "degraded", "canceled", "crashloopbackoff", "error")
BUSY = (
    "inprogress", "creating", "updating", "deleting", "scaling", "pending", "waiting",
    "provisioning", "activating", "repairing", "accepted", "queued", "started", "processing",
)  # fmt: skip
NONE = "\N{EN DASH}"  # in place of a value that is not there
Handler = Callable[[Request], Awaitable[Response]]


def state_kind(state: str) -> str:
    """Return "good", "bad", "busy" or "idle"."""
    word = state.lower()
    if word in GOOD:
        return "good"
    if word in BAD:
        return "bad"
    return "busy" if word in BUSY else "idle"


def moment(value: str | datetime | None) -> datetime | None:
    """Return a time as Azure writes it, seven decimals included, or None where it is none."""
    if not value or isinstance(value, datetime):
        return value or None
    text = value.replace("Z", "+00:00")
    head, dot, rest = text.partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{head}.{digits[:6]}{rest[len(digits) :]}"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def age(value: str | datetime | None) -> str:
    """Return how long ago a time was, in its largest unit: "12 s", "3 min", "5 h", "2 d"."""
    found = moment(value)
    if found is None:
        return NONE
    seconds = max(0, int((datetime.now(UTC) - found).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def clock(value: str | datetime | None) -> str:
    """Return a time's hours, minutes and seconds, UTC."""
    found = moment(value)
    return f"{found.astimezone(UTC):%H:%M:%S}" if found else NONE


def money(dollars: float | None) -> str:
    """Return US dollars with as many decimals as small sums need."""
    if dollars is None:
        return NONE
    if 0 < dollars < 0.0005:
        return "under $0.001"
    return f"${dollars:,.2f}" if dollars >= 1 or dollars == 0 else f"${dollars:.3f}"


def segment(value: str) -> str:
    """Return a value as one segment of a path."""
    return quote(value, safe="")


class Pages:
    """Renders templates, and answers forms, for all pages."""

    def __init__(self, azure: Azure, operations: Operations, settings: Settings) -> None:
        self.azure = azure
        self.operations = operations
        self.settings = settings
        self.subscription = f"/subscriptions/{settings.subscription}"
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters.update(
            age=age, clock=clock, money=money, number=number, segment=segment,
            pretty=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
            state_kind=state_kind,
        )  # fmt: skip

    async def resource_groups(self) -> list[Json]:
        """Return those of the subscription; first the one of the environment's workspace, as it is
        the one that a form most likely means. Raises RefusedError."""
        groups = await self.azure.list(f"{self.subscription}/resourcegroups")
        own = self.settings.workspace.split("/")[0].lower()
        return sorted(groups, key=lambda group: str(group["name"]).lower() != own)

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page. Templates also know `request`, `root`, `here`, `live`, `notifications`."""
        root = request.scope.get("root_path", "")
        path = request.scope["path"].removeprefix(root)
        query = f"?{request.url.query}" if request.url.query else ""
        html = self.templates.get_template(template).render(
            request=request,
            root=root,
            path=path,
            here=f"{root}{path}{query}",
            live=self.settings.live,
            refresh=self.settings.refresh,
            notifications=list(self.operations.notifications),
            **values,
        )
        return HTMLResponse(html, status)

    def see(self, request: Request, path: str) -> Response:
        """Return what leads a browser from a form to the page at `path`, below the root.

        It is told relative to the form's address, since Jupyter's proxy puts its own part before
        an absolute path: https://github.com/jupyterhub/jupyter-server-proxy/issues/574
        """
        here = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        up = "../" * (here.count("/") - 1)
        return RedirectResponse(f"{up or './'}{path.lstrip('/')}", 303)

    def say(self, title: str, detail: str = "", failed: bool = False, link: str = "") -> None:
        """Add a notification of something that is over."""
        state = "Failed" if failed else "Succeeded"
        self.operations.notifications.appendleft(Notification(title, link, state, detail))

    def telling(self, handler: Handler) -> Handler:
        """Return `handler` with what Azure refuses as a page, not as an error of the portal's."""

        @functools.wraps(handler)
        async def tell(request: Request) -> Response:
            try:
                return await handler(request)
            except RefusedError as refusal:
                if refusal.status == 404 and "hx-request" in request.headers:
                    # What a live part shows is gone: the page is asked for anew, and says so.
                    return Response(status_code=204, headers={"hx-refresh": "true"})
                status = refusal.status if refusal.status in (400, 404) else 502
                return self.render(request, "refusal.html", status, refusal=refusal)

        return tell


def text_field(form: Any, name: str) -> str:
    """Return a form's field, without the spaces around it; "" where it is missing."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""
