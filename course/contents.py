"""Serves every lesson with the kernel that JupyterLab was started for, and no dead widgets.

The lessons in notebooks/, which hold outputs for readers, can be opened and not saved: a learner
works in copies (course/copies.py), and who changes a lesson edits its text. Those texts, in
notebooks/src, are not listed, where a learner would take them for the lessons; they open by their
path.

A lesson's file names the kernel azure-local. Where `course lab --kernel azure-live` was asked for,
the browser must get azure-live without a change to the file, which is under version control.

A widget that was saved is dead once its kernel has ended: JupyterLab would show "Error displaying
widget" where the output also holds what the widget said as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError
from traitlets import Unicode

from course.copies import FOLDER
from course.lessons import NOTEBOOKS, SOURCES
from course.notebooks import WIDGET
from course.places import LOCAL, TITLES

PUBLISHED = (
    f"The lessons in {NOTEBOOKS.name}/ hold outputs for readers and cannot be changed here. "
    f"Your own are in {FOLDER}/."
)


def set_kernel(notebook: dict[str, Any], place: str) -> None:
    """Set the kernel of `notebook` (an .ipynb's content) to `place`, unless it is another one."""
    metadata = notebook.get("metadata", {})
    if metadata.get("kernelspec", {}).get("name") in TITLES:
        metadata["kernelspec"] = {
            "display_name": TITLES[place],
            "language": "python",
            "name": place,
        }


def drop_dead_widgets(notebook: dict[str, Any]) -> None:
    """Keep of each widget in `notebook` its text, if it has one."""
    for cell in notebook.get("cells", []):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                data.pop(WIDGET, None)


class PlaceContentsManager(AsyncLargeFileManager):
    """Files as they are, but for the lessons: see the top of this file."""

    place = Unicode(LOCAL, help="The kernel to open lessons with.").tag(config=True)

    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,
        format: str | None = None,
        require_hash: bool = False,
    ) -> dict[str, Any]:
        model: dict[str, Any] = await super().get(path, content, type, format, require_hash)
        file = Path(self._get_os_path(path))
        if _is_published(file):
            model["writable"] = False
        if content and model["type"] == "directory" and file == NOTEBOOKS:
            model["content"] = [each for each in model["content"] if each["name"] != SOURCES.name]
        if content and model["type"] == "notebook":
            set_kernel(model["content"], self.place)
            if not await self.has_kernel(path):
                drop_dead_widgets(model["content"])
        return model

    async def has_kernel(self, path: str) -> bool:
        """Return whether the notebook at `path` is open with a kernel."""
        sessions = getattr(self.parent, "session_manager", None)
        if sessions is None:  # not inside a server
            return False
        return any(session["path"] == path.strip("/") for session in await sessions.list_sessions())

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        if _is_published(Path(self._get_os_path(path))):
            raise HTTPError(403, PUBLISHED)
        if model.get("type") == "notebook" and model.get("content"):
            set_kernel(model["content"], LOCAL)
        saved: dict[str, Any] = await super().save(model, path)
        return saved


def _is_published(file: Path) -> bool:
    return file.parent == NOTEBOOKS and file.suffix == ".ipynb"
