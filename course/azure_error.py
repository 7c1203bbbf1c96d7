"""What a cell shows of an error of Azure's: code, message, log and where to read on.

Of azure-core, azure-identity, azure-ai-ml and requests; any other exception is none of it.
"""

from __future__ import annotations

import html
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from course.troubleshooting import PAGE, Entry, find_entry

COLOUR = re.compile(r"\x1b\[[\d;]*m")
AADSTS = re.compile(r"AADSTS\d+")
WRITTEN = re.compile(
    r"\((?P<code>\w+)\) (?P<message>.*)", re.DOTALL
)  # as azure-core writes an error
SHOWN_LINES = 32  # of a message or a log: its first and its last
FIRST_LINES = 4
SIGN_IN = "azure.core.exceptions.ClientAuthenticationError"
MODEL_STATUS = "ms-azureml-model-error-statuscode"


@dataclass(frozen=True)
class AzureError:
    """An error in a learner's words. `log` is the end of a log, "" where there is none."""

    title: str
    message: str
    log: str = ""
    entry: Entry | None = None

    def as_text(self) -> str:
        parts = [f"{self.title}\n{self.message}"]
        if self.log:
            parts.append(self.log)
        if self.entry:
            where = f"{_page('')}#{self.entry.anchor}"
            parts.append(f"What to do ({self.entry.title}): {where}")
        return "\n\n".join(parts)

    def as_html(self, traceback: str, folder: Path) -> str:
        """Return the box, with the traceback folded; links are relative to `folder`."""
        pre = (
            'style="margin: 4px 0; white-space: pre-wrap; word-break: normal; '
            'overflow-wrap: anywhere"'
        )
        parts = [
            '<div role="group" aria-label="Error" style="max-width: 60rem; padding: 6px 14px; '
            'border: 1px solid #b3261e; border-left-width: 6px; border-radius: 4px">',
            f"<strong>{html.escape(self.title)}</strong>",
            f"<pre {pre}>{html.escape(self.message)}</pre>",
        ]
        if self.log:
            head, _, lines = self.log.partition("\n")
            parts.append(f"{html.escape(head)}\n<pre {pre}>{html.escape(lines)}</pre>")
        if self.entry:
            page = _page(os.path.relpath(PAGE.parent.parent, folder))
            address = html.escape(f"{page}#{quote(self.entry.jupyter_anchor)}")
            told = html.escape(self.entry.title)
            parts.append(f'<div>What to do: <a href="{address}">{told}</a></div>')
        parts.append(
            f"<details><summary>The whole traceback</summary><pre {pre}>{html.escape(traceback)}"
            "</pre></details>\n</div>"
        )
        return "\n".join(parts)


LOST = AzureError(
    "Local Azure stopped while this cell ran.",
    "Run the cell again: local Azure is started before it.",
)


def explain(error: BaseException, is_local_lost: bool) -> AzureError | None:
    """Return what to show of an error, None when it is none of Azure's.

    `is_local_lost` says that local Azure, with which the kernel works, is gone or another one.
    """
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    # A sign-in that reaches nobody has the class of one that is refused, and no response.
    if is_local_lost and SIGN_IN in kinds and getattr(error, "response", None) is None:
        return LOST
    if kinds & {
        "azure.core.exceptions.ServiceRequestError",
        "azure.core.exceptions.ServiceResponseError",
        "requests.exceptions.ConnectionError",
    }:
        if is_local_lost:
            return LOST
        if "azure.core.exceptions.AzureError" not in kinds:
            return None  # whatever it is that the learner asked: perhaps no part of Azure
        text = _plain(str(error))
        return AzureError(
            "Nobody answered.", text, entry=find_entry(None, f"{text} {error.__cause__!r}")
        )
    if "requests.exceptions.HTTPError" in kinds and getattr(error, "response", None) is not None:
        return _answer(error, error.response)  # type: ignore[attr-defined]  # as looked at above
    if "azure.core.exceptions.HttpResponseError" in kinds:
        return _refusal(error, is_sign_in=SIGN_IN in kinds)
    if "azure.ai.ml.exceptions.MlException" in kinds:
        title = f"The SDK refused this before it asked Azure ({type(error).__name__})."
        text = _plain(str(error))
        return AzureError(title, _clip(text), _notes(error), find_entry(None, text))
    if "azure.core.exceptions.AzureError" in kinds:
        text = _plain(str(error))
        return AzureError(f"{type(error).__name__}:", _clip(text), entry=find_entry(None, text))
    return None


def _refusal(error: Any, *, is_sign_in: bool) -> AzureError:
    """What Azure said, in the shape of its REST API, or what its sign-in said."""
    text, log = _plain(str(error)), _notes(error)
    code = getattr(error.error, "code", None)
    message = text
    if code:
        details = [f"{each.code}: {each.message}" for each in error.error.details or ()]
        message = "\n".join([str(error.error.message or text), *details])
        title = f"Azure says: {code}"
    elif error.response is not None:
        title = f"Azure says: {error.status_code} {error.reason}"
    elif is_sign_in:
        number = AADSTS.search(text)
        title = f"The sign-in failed: {number[0]}" if number else "The sign-in failed."
    elif written := WRITTEN.match(text):
        title, message = f"Azure says: {written['code']}", written["message"]
    else:
        title = f"{type(error).__name__}:"
    status = _model_status(error.response)
    entry = find_entry(error.status_code, f"{code} {text} {log} {status}")
    return AzureError(title, _clip(_plain(message)), log, entry)


def _answer(error: Any, response: Any) -> AzureError:
    """The answer to a plain HTTP request, which `raise_for_status` leaves out."""
    title = f"The answer was {response.status_code} {response.reason}."
    said = f"{response.text} {_model_status(response)}"
    return AzureError(
        title, _clip(response.text or str(error)), entry=find_entry(response.status_code, said)
    )


def _model_status(response: Any) -> str:
    headers = getattr(response, "headers", None) or {}
    return f"model status {headers[MODEL_STATUS]}" if MODEL_STATUS in headers else ""


def _notes(error: BaseException) -> str:
    return "\n".join(_clip(_plain(note)) for note in getattr(error, "__notes__", ()))


def _page(root: str) -> str:
    """Return the way to the page from the folder in which `root` is the course's."""
    return (Path(root) / PAGE.relative_to(PAGE.parent.parent)).as_posix()


def _plain(text: str) -> str:
    return COLOUR.sub("", text).strip()


def _clip(text: str) -> str:
    """Return the first and the last lines; the traceback has all."""
    lines = text.strip().splitlines()
    if len(lines) <= SHOWN_LINES:
        return "\n".join(lines)
    last = lines[FIRST_LINES - SHOWN_LINES :]
    left_out = len(lines) - FIRST_LINES - len(last)
    return "\n".join([*lines[:FIRST_LINES], f"[... {left_out} lines ...]", *last])
