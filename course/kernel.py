"""Becomes the kernel of one place: `python -m course.kernel azure-local -f connection.json`.

Jupyter starts this instead of `python -m ipykernel`. It changes the environment of its own process
and then is ipykernel, so that a notebook holds the same code in both places.
"""

from __future__ import annotations

import ast
import os
import sys
from contextlib import suppress
from pathlib import Path

from ipykernel.kernelapp import IPKernelApp
from IPython.core.error import InputRejected
from IPython.core.interactiveshell import InteractiveShell

from course.places import LOCAL, PlaceError, enter
from course.quiet import hush
from course.user_agent import name_kernel_by_cell


class PlaceNotReady(InputRejected):
    """Stops a cell before it runs. Shown as its message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Entrance(ast.NodeTransformer):
    """Enters the place before the first cell runs, and lets no cell pass until that succeeds.

    A kernel that gave up at its start would show nothing but "dead" in JupyterLab; this way the
    reason is the output of the learner's own cell, and running it again tries again.
    """

    def __init__(self, place: str, shell: InteractiveShell) -> None:
        self.place = place
        self.shell = shell

    def visit(self, node: ast.AST) -> ast.AST:
        try:
            enter(self.place, os.environ, Path.cwd())
        except PlaceError as error:
            raise PlaceNotReady(str(error)) from None
        self.shell.ast_transformers.remove(self)
        return node


def main() -> None:
    place = sys.argv.pop(1)
    entered = False
    if place == LOCAL:
        # Quick, so it need not wait for a cell. On failure the entrance tries again, and tells.
        with suppress(PlaceError):
            enter(place, os.environ, Path.cwd())
            entered = True
    app = IPKernelApp.instance()
    hush(app, local=place == LOCAL)
    app.initialize(sys.argv[1:])
    # Only now, with everything loaded, may the notebook's own folder come first.
    sys.path.insert(0, "")
    assert app.shell is not None
    if place == LOCAL:
        name_kernel_by_cell(os.environ, app.shell)
    if not entered:
        app.shell.ast_transformers.append(Entrance(place, app.shell))
    app.start()


if __name__ == "__main__":
    main()
