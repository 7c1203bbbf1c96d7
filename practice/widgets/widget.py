"""Widgets that stay readable where there are no widgets: terminals, stored notebooks, web pages.

Built on anywidget, https://anywidget.dev: a script and a style sheet beside this file, no build.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget

FOLDER = Path(__file__).parent


def script(name: str) -> str:
    """Return a widget's script, with what all of them share (keys.js) before it."""
    return "".join((FOLDER / part).read_text(encoding="utf-8") for part in ("keys.js", name))


class Widget(anywidget.AnyWidget):
    """A widget whose output carries the same as text and as HTML, for those who show no widgets.

    `course notebooks` stores these two alone, so that a stored output is the same at every run.
    """

    def as_text(self) -> str:
        """Return what a terminal shows."""
        raise NotImplementedError

    def as_html(self) -> str:
        """Return what a web page shows, and JupyterLab before the cell is run."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.as_text()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": self.as_text(), "text/html": self.as_html()}, metadata
