"""The entries of docs/troubleshooting.md, found by an error."""

from __future__ import annotations

import re

import pytest

from course.troubleshooting import PAGE, entries, find_entry

SLUG = re.compile(r"[^\w\- ]")


def test_each_row_of_the_table_can_be_found_and_leads_to_a_section() -> None:
    page = PAGE.read_text(encoding="utf-8")
    sections = {
        SLUG.sub("", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^### (.+)$", page, re.MULTILINE)
    }
    rows = re.findall(r"^\| [^*|].*\]\(#.*\|$", page, re.MULTILINE)
    found = entries()
    assert len({entry.anchor for entry in found}) >= len(rows) - 2
    assert {entry.anchor for entry in found} <= sections
    assert all(entry.words or entry.status for entry in found)


@pytest.mark.parametrize(
    ("status", "text", "anchor"),
    [
        (408, "upstream request timeout", "408-time-out"),
        (424, "model status 400", "424-the-script-says-no"),
        (None, "(ResourceNotReady) crashed", "resourcenotready-exception-in-init"),
        (
            None,
            "(ResourceNotReady) crashed ModuleNotFoundError",
            "resourcenotready-import-of-a-missing-package",
        ),
        (400, "(BadArgument) Traffic must add up", "traffic-of-an-endpoint-does-not-add-up"),
        (409, "MissingSubscriptionRegistration", "subscriptionnotregistered"),
        (400, "(BadArgument) some other one", None),
        (500, "Internal", None),
    ],
)
def test_the_entry_of_which_most_is_in_the_error_is_meant(
    status: int | None, text: str, anchor: str | None
) -> None:
    found = find_entry(status, text)
    assert (found.anchor if found else None) == anchor
