"""What must be true of every answer, whatever was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from tests.fuzz.message import Message
from tests.fuzz.wire import Answer

NOT_EMULATED = 501
_JSON = ("application/json", "text/json")


def problems(message: Message, answer: Answer) -> Iterator[str]:
    """What is wrong with the answer, in a few words; the same words for the same fault."""
    if answer.problem:
        yield (
            answer.problem.partition(":")[0].rstrip("0123456789. ")
            if (answer.problem.startswith("dropped"))
            else answer.problem
        )
        return
    if answer.status >= 500 and answer.status != NOT_EMULATED:
        yield f"answered {answer.status}"
    if "X-Injected" in answer.headers:
        yield "a header of the client's own making is in the answer"
    if message.method != "HEAD" and answer.headers.get_content_type() in _JSON:
        yield from _json_problem(answer)


def _json_problem(answer: Answer) -> Iterator[str]:
    if not answer.body and answer.status in (204, 304):
        return
    try:
        strict_json(answer.body)
    except ValueError as error:
        yield f"the answer is not JSON: {str(error)[:60]}"
    except RecursionError:
        yield "the answer is nested deeper than a client can read"


def strict_json(body: bytes) -> Any:
    """Raises ValueError for what RFC 8259 does not allow: NaN, Infinity, text that is not UTF-8."""
    return json.loads(body.decode("utf-8"), parse_constant=_refuse)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of what was made, what is gone and what has changed."""
    made = [f"made {name}" for name in after.keys() - before.keys()]
    gone = [f"gone {name}" for name in before.keys() - after.keys()]
    both = before.keys() & after.keys()
    changed = [f"changed {name}" for name in both if before[name] != after[name]]
    return sorted(made + gone + changed)
