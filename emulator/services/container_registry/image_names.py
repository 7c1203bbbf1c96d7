"""The names under which images are put into a registry: "digits:1", "{server}/digits:1"."""

from __future__ import annotations

import re

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields

_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PATH}(?:/{_PATH})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def read_image_name(body: Fields, field: str, name: str, server: str) -> tuple[str, str]:
    """Repository and tag; the tag is "latest" where none is given. Raises ArmError."""
    rest = name
    first, slash, after = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        if first.lower() != server:
            raise not_emulated(f"a push to another registry ({first})")
        rest = after
    repository, _, tag = rest.partition(":")
    tag = tag or "latest"
    if not _REPOSITORY.fullmatch(repository) or not _TAG.fullmatch(tag):
        raise body.error(
            field,
            f"The image name '{name[:200]}' is invalid. A repository has lower-case letters, "
            "digits and single separators (. _ - /), a tag up to 128 letters, digits and . _ -: "
            "digits:1.",
        )
    return repository, tag
