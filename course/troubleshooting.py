"""Finds the entry of docs/troubleshooting.md for an error.

The page's own table says what each entry is about: a status, `words` of the error, or both; what
stands after "or" is another way to say it. The entry of which most is found in the error is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from course.lessons import ROOT

PAGE = ROOT / "docs" / "troubleshooting.md"
ROW = re.compile(
    r"^\| (?P<sign>[^|*].*?) \| \[(?P<title>[^]]+)\]\(#(?P<anchor>[^)]+)\)", re.MULTILINE
)
HEADING = re.compile(r"^### (.+)$", re.MULTILINE)
STATUS = re.compile(r"(\d{3})\b")
WORDS = re.compile(r"`([^`]+)`|(model status \d+)")


@dataclass(frozen=True)
class Entry:
    """One sign of an entry: all of `words` are in the error, and its status is `status`, if any.

    `anchor` is its heading's on GitHub and on the course's site, `jupyter_anchor` in JupyterLab.
    """

    anchor: str
    jupyter_anchor: str
    title: str
    status: int | None
    words: tuple[str, ...]

    def fits(self, status: int | None, text: str) -> bool:
        return self.status in (None, status) and all(word in text for word in self.words)


@cache
def entries() -> tuple[Entry, ...]:
    """Return what the page's table has. Raises OSError."""
    return tuple(_read(PAGE.read_text(encoding="utf-8")))


def _read(page: str) -> Iterator[Entry]:
    headings = {_slug(heading): heading for heading in HEADING.findall(page)}
    for row in ROW.finditer(page):
        for sign in row["sign"].split(" or "):
            status = STATUS.match(sign)
            words = tuple(quoted or plain for quoted, plain in WORDS.findall(sign))
            if status or words:
                number = int(status[1]) if status else None
                # JupyterLab keeps all but the spaces:
                # https://github.com/jupyterlab/jupyterlab/blob/main/packages/rendermime/src/renderers.ts
                in_jupyter = headings[row["anchor"]].replace(" ", "-")
                yield Entry(row["anchor"], in_jupyter, row["title"], number, words)


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def find_entry(status: int | None, text: str) -> Entry | None:
    """Return the entry for an error with this HTTP status and text, None where there is none."""
    fitting = [entry for entry in entries() if entry.fits(status, text)]
    return max(fitting, key=lambda entry: len(" ".join(entry.words)), default=None)
