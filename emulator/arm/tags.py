"""Tags, and lists that are filtered by them.

https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources
"""

from __future__ import annotations

import re
from typing import Any

from emulator.arm.errors import ArmError, bad_request
from emulator.arm.fields import Fields

MOST_TAGS = 50
LONGEST_NAME, LONGEST_VALUE = 512, 256  # characters
# https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
_NOT_IN_NAMES = re.compile(r"[<>%&\\?/\x00-\x1f]")
_BY_TAG = re.compile(
    r"\s*tagname\s+eq\s+'(?P<name>(?:[^']|'')*)'"
    r"(\s+and\s+tagvalue\s+eq\s+'(?P<value>(?:[^']|'')*)')?\s*",
    re.IGNORECASE,
)


def read_tags(fields: Fields, name: str = "tags") -> dict[str, str]:
    """The tags of a body. Raises ArmError 400 for what cannot be a tag."""
    tags = fields.mapping(name)
    if len(tags) > MOST_TAGS:
        raise bad_request(
            f"The number of tags, {len(tags)}, is more than {MOST_TAGS}, the most there can be.",
            code="InvalidTagCount",
            target=fields.at(name),
        )
    for key, value in tags.items():
        if not key or len(key) > LONGEST_NAME or _NOT_IN_NAMES.search(key):
            raise bad_request(
                f"The tag name '{key[:80]}' is invalid: it has 1 to {LONGEST_NAME} characters, and "
                "none of < > % & \\ ? /.",
                code="InvalidTagNameCharacters",
                target=fields.at(name),
            )
        if len(value) > LONGEST_VALUE:
            raise bad_request(
                f"The value of the tag '{key[:80]}' has {len(value)} characters, more than "
                f"{LONGEST_VALUE}.",
                code="InvalidTagValueLength",
                target=fields.at(name),
            )
    return tags


class TagFilter:
    """`tagName eq 'course'`, alone or with `and tagValue eq '05'`; names have no case."""

    def __init__(self, name: str, value: str | None) -> None:
        self.name = name.lower()
        self.value = value

    @classmethod
    def of(cls, text: str) -> TagFilter | None:
        """The filter by tag that a `$filter` is; None when it is another filter."""
        match = _BY_TAG.fullmatch(text)
        if match is None:
            return None
        value = match["value"]
        return cls(
            match["name"].replace("''", "'"), None if value is None else value.replace("''", "'")
        )

    def passes(self, tags: dict[str, Any] | None) -> bool:
        return any(
            name.lower() == self.name and self.value in (None, value)
            for name, value in (tags or {}).items()
        )


def invalid_filter(text: str, why: str) -> ArmError:
    return bad_request(
        f"Invalid $filter '{text[:200]}' specified in the query string: {why}.",
        code="InvalidFilterInQueryString",
    )
