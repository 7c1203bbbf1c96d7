"""A function or a class as it is written, folded away until somebody opens it."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any


class FoldedSource:
    """The source of functions, methods or classes, each to be opened with a click.

    As Markdown with a fenced block, so that JupyterLab, VS Code, GitHub and the site each show the
    code in the colours of their theme.
    """

    def __init__(self, *shown: Callable[..., Any]) -> None:
        self.sources = {
            f"{each.__module__}.{each.__qualname__}": textwrap.dedent(inspect.getsource(each))
            for each in shown
        }

    def __repr__(self) -> str:
        return "\n".join(
            f"{name}, {len(source.splitlines())} lines" for name, source in self.sources.items()
        )

    def _repr_markdown_(self) -> str:
        return "\n\n".join(
            f"<details><summary><code>{name}</code>, {len(source.splitlines())} lines</summary>"
            f"\n\n```python\n{source.rstrip()}\n```\n\n</details>"
            for name, source in self.sources.items()
        )
