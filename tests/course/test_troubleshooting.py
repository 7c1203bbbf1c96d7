"""The entries of docs/troubleshooting.md, found by an error."""

from __future__ import annotations

import re

import pytest

from course.troubleshooting import PAGE, entries, find_entry

SLUG = re.compile(r"[^\w\- ]")


def sections() -> dict[str, str]:
    """The text of each section by its anchor on GitHub."""
    parts = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    heads = [part.partition("\n")[0] for part in parts]
    anchors = [SLUG.sub("", head.lower()).replace(" ", "-") for head in heads]
    return dict(zip(anchors, parts, strict=True))


def test_each_section_can_be_found_by_a_row_of_the_table() -> None:
    assert {entry.anchor for entry in entries()} == set(sections())
    assert all(entry.words or entry.status for entry in entries())


def test_what_a_failure_really_says_leads_to_its_own_section() -> None:
    """The boxes are real output: tests/docs/test_troubleshooting.py causes each failure."""
    boxes = {
        anchor: " ".join(" ".join(re.findall(r"```text\n(.*?)```", text, re.DOTALL)).split())
        for anchor, text in sections().items()
    }
    boxes["resourcenotready-import-of-a-missing-package"] += " (ResourceNotReady)"  # log alone
    led = {}
    for anchor, box in boxes.items():
        status = re.match(r"(\d{3}) ", box)
        # The box has the header, of which the kernel makes these words.
        said = box.replace("ms-azureml-model-error-statuscode:", "model status")
        found = find_entry(int(status[1]) if status else None, said)
        led[anchor] = found.anchor if found else None
    shown = {anchor for anchor, box in boxes.items() if box}
    assert len(shown) > 30
    assert {anchor: led[anchor] for anchor in shown} == {anchor: anchor for anchor in shown}


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
