"""The composition root: one connection to Azure, the pages, and who may see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from portal import machine_learning
from portal.access import OPEN, Access
from portal.activity import Activity
from portal.azure import Azure
from portal.console import Console
from portal.container_apps.app import ContainerApp
from portal.container_apps.create import CreateApp
from portal.container_apps.everything import ContainerApps
from portal.container_instances.create import CreateGroup
from portal.container_instances.groups import ContainerInstances
from portal.home import Home
from portal.notifications import Notifications
from portal.operations import Operations
from portal.pages import HERE, Pages
from portal.passing import Passing
from portal.registries import Registries
from portal.settings import Settings
from portal.sign_in import SignIn

# Each has ROUTES: (method, path, name of the handler).
SERVICES = (
    Home,
    *machine_learning.PAGES,
    CreateGroup,
    ContainerInstances,
    ContainerApps,
    CreateApp,
    ContainerApp,
    Registries,
    Activity,
    Notifications,
)


def create_app(settings: Settings) -> Starlette:
    azure = Azure()
    operations = Operations(azure)
    pages = Pages(azure, operations, settings)
    sign_in = SignIn(settings.folder)
    passing = Passing(pages, sign_in)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await operations.close()
        await passing.close()
        await azure.close()

    async def not_found(request: Request, _: Exception) -> Response:
        if request.url.path.startswith(OPEN):  # a page has notifications, which are not for all
            return PlainTextResponse("There is no such file.\n", 404)
        return pages.render(request, "missing.html", 404)

    routes: list[BaseRoute] = [
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    for service in (passing, Console(pages, passing), *(make(pages) for make in SERVICES)):
        routes += [
            Route(path, pages.telling(getattr(service, handler)), methods=[method])
            for method, path, handler in service.ROUTES
        ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(Access, settings=settings, sign_in=sign_in, passing=passing),
        ],
        exception_handlers={404: not_found},
    )
