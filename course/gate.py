"""What each cell passes before it runs: the place is made ready, what was left is waited for.

A kernel that gave up at its start would show nothing but "dead" in JupyterLab; this way the reason
is the output of the learner's own cell, and running it again tries again.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import InputRejected

from course.places import LIVE, PlaceError, enter


class PlaceNotReady(InputRejected):
    """Stops a cell before it runs. Shown as its message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Gate(ast.NodeTransformer):
    """Lets a cell pass when `ensure` has seen to the place.

    `ensure` returns what to tell the learner, "" for nothing, or raises PlaceError.
    """

    def __init__(self, ensure: Callable[[], str]) -> None:
        self.ensure = ensure

    def visit(self, node: ast.AST) -> ast.AST:
        try:
            told = self.ensure()
        except PlaceError as error:
            raise PlaceNotReady(str(error)) from None
        if told:
            print(told)
        return node


class Resumption(ast.NodeTransformer):
    """Puts the waiting that a cell left unfinished in front of it, when it is run again.

    Azure refuses a change of what it is still changing: without this, the learner who stopped
    waiting would have to find out by other means when the cell can be run again.
    """

    GO_ON = "__import__('helpers.wait', fromlist=['go_on']).go_on({cell!r})"

    def __init__(self, shell: ZMQInteractiveShell) -> None:
        self.shell = shell
        self.last = ""

    def visit(self, node: ast.AST) -> ast.AST:
        waiting = sys.modules.get("helpers.wait")
        cell = self._cell(node)
        if waiting is not None and isinstance(node, ast.Module):
            for each in waiting.unfinished:
                each.cell = each.cell or self.last
            if any(each.cell == cell for each in waiting.unfinished):
                waiting.unfinished.extend(self._others(waiting, cell))
                node.body[:0] = ast.parse(self.GO_ON.format(cell=cell)).body
        self.last = cell
        return node

    def _others(self, waiting: ModuleType, cell: str) -> list[Any]:
        """Return what else is under way that the notebook has in a variable, or in a list there.

        A cell may begin several operations before it waits for the first.
        """
        known = {each.poller for each in waiting.unfinished}
        values = list(self.shell.user_ns.values())
        held = {
            each
            for value in values
            for each in (value if isinstance(value, list | tuple) else [value])
            if isinstance(each, waiting.LROPoller) and not each.done()
        }
        return [waiting.Unfinished(each, "another operation", cell) for each in held - known]

    def _cell(self, node: ast.AST) -> str:
        """Return the id that the notebook has for the cell, which may be edited; else its code."""
        metadata = self.shell.get_parent().get("metadata", {})
        return str(metadata.get("cellId") or ast.dump(node))


def live_azure(environment: MutableMapping[str, str]) -> Callable[[], str]:
    """Return an `ensure` for live Azure: it is entered before the first cell, and then no more."""
    entered = False

    def ensure() -> str:
        nonlocal entered
        if not entered:
            enter(LIVE, environment, Path.cwd())
            entered = True
        return ""

    return ensure
