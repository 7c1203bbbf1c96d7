"""YAML that a client has uploaded: conda files, MLmodel files.

https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

MOST_PARTS = 100_000  # of one text, with its aliases written out


def read_yaml(text: str) -> object:
    """The content of the text. Raises ValueError, whose message ends a sentence that begins with
    the name of the file."""
    import yaml  # here: it takes a tenth of the emulator's start, and few starts need it

    try:
        content = yaml.safe_load(text)
    # YAML holds more than Python does: dates that are none, keys of any type.
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from None
    if _is_too_large(content):
        raise ValueError("is too large.")
    return content


def _is_too_large(content: object) -> bool:
    """Whether the content, with its YAML aliases written out, has too many parts, or no end."""
    waiting, parts = [content], 0
    while waiting and parts < MOST_PARTS:
        part = waiting.pop()
        parts += 1
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return bool(waiting)
