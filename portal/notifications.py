"""Notifications: what changes are under way, and how they ended."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from portal.pages import Pages


class Notifications:
    ROUTES = (
        ("GET", "/notifications", "show"),
        ("POST", "/notifications/{number:int}/dismiss", "dismiss"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    async def show(self, request: Request) -> Response:
        return self.pages.render(request, "notifications.html")

    async def dismiss(self, request: Request) -> Response:
        there = self.pages.operations.notifications
        for one in [*there]:
            if one.number == request.path_params["number"]:
                there.remove(one)
        return await self.show(request)
