"""A request's body, and JSON as Resource Manager reads and writes it: strictly, as RFC 8259 has it.

https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from starlette.requests import Request

from emulator.arm.errors import ArmError

# Levels of objects and lists in one another; .NET's readers, which Azure uses, take 64 by default.
# https://learn.microsoft.com/dotnet/api/system.text.json.jsonreaderoptions.maxdepth
DEEPEST = 64
# A surrogate that is escaped alone is no character, and cannot be written again.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


async def read_at_most(request: Request, most: int) -> bytes | None:
    """The body; None as soon as it is larger than `most` bytes."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            return None
    return bytes(received)


def parse(content: bytes) -> Any:
    """The JSON in a request's body. Raises ArmError 400 InvalidRequestContent."""
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        if _SURROGATE.search(content):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise _invalid(f"it is nested more than {DEEPEST} levels deep") from None
    except ValueError as error:
        raise _invalid(_one_line(error)) from None
    if _depth(value) > DEEPEST:
        raise _invalid(f"it is nested more than {DEEPEST} levels deep")
    return value


def written(value: Any) -> bytes:
    """The body of an answer. Raises ValueError for what JSON cannot hold."""
    return json.dumps(value, allow_nan=False).encode()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _depth(value: Any) -> int:
    """How deep lists and objects are nested in one another, 0 for anything else."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [
            inner for item in level for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _one_line(error: ValueError) -> str:
    if isinstance(error, UnicodeError):
        return "it is not text in UTF-8"
    return str(error).partition("\n")[0]


def _invalid(why: str) -> ArmError:
    return ArmError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: {why}.",
    )
