"""What the model allows, told from changes whose order is known."""

from __future__ import annotations

import math

import pytest

from tests.faults.model import ABSENT, FAILED, LOST, REFUSED, SUCCEEDED, Change, Model

GROUP = "/g"
APP = "/g/apps/a"


def change(
    value: str,
    sent: float,
    accepted: float,
    outcome: str = SUCCEEDED,
    *,
    resource: str = APP,
    ended: float = math.inf,
    status: int = 200,
) -> Change:
    what = "DELETE" if value == ABSENT else "PUT"
    return Change(resource, what, value, sent, accepted, ended, outcome, status)


@pytest.mark.parametrize(
    ("changes", "possible"),
    [
        ([], {ABSENT}),
        ([change("1", 0, 1)], {"1"}),
        ([change("1", 0, 1), change("2", 2, 3)], {"2"}),
        ([change("1", 0, 3), change("2", 2, 4)], {"1", "2"}),
        ([change("1", 0, 1), change("2", 2, 3, REFUSED)], {"1"}),
        ([change("1", 0, 1), change("2", 2, 3, FAILED)], {"1", "2"}),
        ([change("1", 0, 1), change("2", 2, 9, LOST)], {"1", "2"}),
        ([change("1", 0, 1, LOST)], {"1", ABSENT}),
        ([change("1", 0, 1, LOST), change("2", 2, 3)], {"2"}),
        ([change("1", 0, 1), change(ABSENT, 2, 3)], {ABSENT}),
        ([change("1", 0, 1), change(ABSENT, 2, 3, resource=GROUP)], {ABSENT}),
        ([change(ABSENT, 0, 1, resource=GROUP), change("1", 2, 3)], {"1"}),
        ([change("1", 0, 1), change("2", 2, 3, resource=GROUP)], {"1"}),
        ([change("1", 0, 1), change("", 2, 3)], {"1"}),
    ],
)
def test_the_last_change_that_succeeded_wins(changes: list[Change], possible: set[str]) -> None:
    assert Model(changes).possible(APP) == possible


@pytest.mark.parametrize(
    ("other", "under_way"),
    [
        (change("1", 0, 1, ended=2), False),
        (change("1", 0, 1, ended=20), True),
        (change("1", 0, 1, ended=20, resource=GROUP), True),
        (change("1", 0, 1, ended=20, resource="/g/apps/ab"), False),
        (change("1", 0, 1, REFUSED, ended=20), False),
        (change("1", 12, 13, ended=20), False),
    ],
)
def test_a_conflict_needs_something_that_is_under_way(other: Change, under_way: bool) -> None:
    refused = change("2", 10, 11, REFUSED, ended=11, status=409)
    assert Model([other, refused]).under_way(refused) is under_way
