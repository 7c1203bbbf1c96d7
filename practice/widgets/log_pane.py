"""A log, whole, in a pane that scrolls: to be read before anything is filtered out of it."""

from __future__ import annotations

import html
import re

# The folders of an absolute path. A URL's path follows a host name, and stays.
FOLDERS = re.compile(r"(?<![\w/:.])(?:/[\w.+@~-]+)+/(?=[\w<.+-])|\b[A-Z]:\\(?:[^\\\s\"]+\\)+")
PANE = (
    "max-height: {rows}lh; overflow: auto; margin: 0; padding: 4px 8px; line-height: 1.35; "
    "border: 1px solid color-mix(in srgb, currentColor 40%, transparent); color: inherit; "
    "background: transparent; white-space: pre; font-size: 12px; "
    "font-family: var(--jp-code-font-family, monospace);"
)


class LogPane:
    """Every line of a log with its number, in a pane `rows` lines high.

    Folders in front of a file's name are shortened to `.../`; nothing else is left out.
    """

    def __init__(self, log: str, rows: int = 16) -> None:
        self.lines = FOLDERS.sub(".../", log.strip("\n")).splitlines()
        self.rows = rows

    def __repr__(self) -> str:
        width = len(str(len(self.lines)))
        return "\n".join(f"{n:>{width}}  {line}" for n, line in enumerate(self.lines, start=1))

    def _repr_html_(self) -> str:
        width = len(str(len(self.lines)))
        rows = "\n".join(
            f'<span style="opacity: .6; user-select: none">{n:>{width}}  </span>{html.escape(line)}'
            for n, line in enumerate(self.lines, start=1)
        )
        # tabindex: a keyboard can scroll only what it can reach.
        label = f"Log, {len(self.lines)} lines"
        style = PANE.format(rows=self.rows)
        return f'<pre style="{style}" tabindex="0" role="region" aria-label="{label}">{rows}</pre>'
