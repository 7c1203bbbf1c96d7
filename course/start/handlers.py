"""What Jupyter's server answers for the start page, below /course.

    GET  course/start                    the page, as HTML
    POST course/azure {"do": "stop"}     start, stop or reset local Azure
    POST course/lessons/04/restore       make a copy anew; {"kept": the learner's own, or null}

What fails is answered {"message": why}, in words for the learner.

https://jupyter-server.readthedocs.io/en/stable/developers/extensions.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from course import copies, lessons, places
from course.start import page
from emulator import daemon
from emulator.home import Home, find_home
from emulator.state_file import StateError
from practice.catalogue import NUMBER


def reset(home: Home) -> None:
    """Delete everything in local Azure, and start it again. Raises EmulatorError and StateError."""
    if home.root.exists():
        daemon.reset(home)
    daemon.up(home)


ACTIONS: dict[str, Callable[[Home], object]] = {
    "start": daemon.up,
    "stop": daemon.down,
    "reset": reset,
}


class CourseHandler(APIHandler):
    """A request for the course; whom Jupyter lets run cells may send it."""

    auth_resource = "kernels"
    folder: page.Folder
    place: str

    def initialize(self, folder: page.Folder, place: str) -> None:
        """Take what `add_handlers` gives each handler."""
        super().initialize()
        self.folder, self.place = folder, place


class StartHandler(CourseHandler):
    """The page, which asks for itself anew: that is no sign that a learner is there."""

    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        try:
            html = await asyncio.to_thread(page.render, self.folder, self.place)
        except (lessons.LessonError, StateError, ValueError) as error:
            raise web.HTTPError(500, str(error)) from None
        self.finish(html, set_content_type="text/html; charset=utf-8")


class AzureHandler(CourseHandler):
    """Local Azure's buttons."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        if self.place != places.LOCAL:
            raise web.HTTPError(409, "JupyterLab was started for live Azure.")
        try:
            action = ACTIONS[json.loads(self.request.body)["do"]]
        except (ValueError, KeyError, TypeError):
            raise web.HTTPError(400, f'Send {{"do": one of {", ".join(ACTIONS)}}}.') from None
        try:
            await asyncio.to_thread(action, find_home())
        except (daemon.EmulatorError, StateError) as error:
            raise web.HTTPError(500, str(error)) from None
        self.finish("{}")


class RestoreHandler(CourseHandler):
    """A lesson's button "Start over"."""

    @web.authenticated
    @authorized
    async def post(self, number: str) -> None:
        try:
            [copy] = copies.copies([number])
            kept = await asyncio.to_thread(copy.restore)
        except (lessons.LessonError, OSError) as error:
            raise web.HTTPError(500, str(error)) from None
        self.finish(json.dumps({"kept": kept and kept.name}))


def add_handlers(server: ServerApp) -> None:
    """Answer below /course, unless the server was started for a folder outside of the course's."""
    folder = page.Folder(Path(server.root_dir).resolve(), server.base_url)
    try:
        folder.path(lessons.ROOT)
    except ValueError:
        server.log.debug("The course is not below %s: no start page.", folder.root)
        return
    try:
        copies.renew()
    except lessons.LessonError as error:
        server.log.error("%s", error)
    live = server.kernel_manager.default_kernel_name == places.LIVE
    given = {"folder": folder, "place": places.LIVE if live else places.LOCAL}

    def below(path: str) -> str:
        return url_path_join(server.base_url, "course", path)

    server.web_app.add_handlers(  # type: ignore[no-untyped-call] # tornado leaves it untyped
        ".*$",
        [
            (below("start"), StartHandler, given),
            (below("azure"), AzureHandler, given),
            (below(rf"lessons/({NUMBER})/restore"), RestoreHandler, given),
        ],
    )
