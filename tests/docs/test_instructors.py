"""The numbers in docs/instructors.md: minutes as the lessons state them, sums that add up."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise

import pytest

from course import lessons
from practice.catalogue import NUMBER, number_of

PAGE = (lessons.ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
SNAPSHOT = lessons.ROOT / "emulator" / "services" / "prices" / "snapshot.json"
REGION = "swedencentral"
MACHINE_CORES = 4  # Standard_D4as_v4
# Row of the cost table: the snapshot's meter.
METERS = {
    "machines of lessons 04, 05 and 08, hours": "D4as v4",
    "container groups of 06 and 08, vCPU hours": "Standard vCPU Duration",
    "their memory, GB hours": "Standard Memory Duration",
    "two container registries, Basic, days": "Basic Registry Unit",
}

Table = list[list[str]]


def tables(heading: str) -> list[Table]:
    """The tables below a heading up to the next: rows of cells, the title row first."""
    level = heading.split(" ")[0]
    section = PAGE.split(f"\n{heading}\n", 1)[1]
    section = re.split(rf"^#{{1,{len(level)}}} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    found: list[Table] = []
    for block in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()]
        found.append([row for row in rows if set("".join(row)) - set("- ")])
    return found


def stated() -> dict[str, int]:
    """Minutes by a lesson's number, as its text says."""
    found = {}
    for source in lessons.choose([], lessons.SOURCES, ".py"):
        text = source.read_text(encoding="utf-8")
        (minutes,) = re.findall(r"\*\*Time:\*\* about (\d+) minutes", text)
        found[number_of(source)] = int(minutes)
    return found


def price(meter: str) -> float:
    records = json.loads(SNAPSHOT.read_text(encoding="utf-8"))["records"]
    items = [item for record in records for item in record["Items"]]
    (found,) = {
        item["retailPrice"]
        for item in items
        if (item["armRegionName"], item["meterName"]) == (REGION, meter)
        and "Windows" not in item["productName"]
    }
    return float(found)


def minutes(clock: str) -> int:
    hours, rest = clock.split(":")
    return 60 * int(hours) + int(rest)


PLANS = [*tables("### Half a day"), *tables("### Three days")]


def test_each_lesson_has_the_minutes_that_it_states() -> None:
    (table,) = tables("## How long it takes")[:1]
    listed = {row[0].split(" ")[0].strip("["): int(row[1]) for row in table[1:]}
    assert stated().items() <= listed.items()


def test_each_lesson_was_timed() -> None:
    (table,) = tables("## How long it takes")[:1]
    seconds = {row[0].split(" ")[0].strip("["): row[2] for row in table[1:]}
    notebooks = lessons.choose([], lessons.NOTEBOOKS, ".ipynb")
    timed = {number_of(file) for file in notebooks if int(seconds.get(number_of(file), 0)) > 0}
    assert timed == set(stated()), "see build/course/summary.json"


def test_there_are_four_plans() -> None:
    assert len(PLANS) == 4


@pytest.mark.parametrize("plan", PLANS, ids=["half a day", "first day", "second day", "third day"])
def test_a_plan_has_no_gap_and_room_for_its_lessons(plan: Table) -> None:
    rows = plan[1:]
    assert len(rows) > 1
    for (begins, length, what), (following, *_) in pairwise(rows):
        assert minutes(begins) + int(length) == minutes(following), what
    known = stated()
    for _, length, what in rows:
        for number in re.findall(rf"^lesson ({NUMBER})\b|you show lesson ({NUMBER})\b", what):
            lesson = "".join(number)
            assert int(length) >= known.get(lesson, 0), what


def test_three_days_have_every_lesson() -> None:
    named = re.findall(rf"lesson ({NUMBER})\b", str(PLANS[1:]))
    assert set(stated()) <= set(named)


def test_the_cost_of_one_learner() -> None:
    rows = tables("### Cost")[0][1:]
    total = 0.0
    for what, amount, each, usd in rows[:-1]:
        assert float(each) == price(METERS[what]), what
        cost = float(amount) * float(each)
        assert usd == f"{cost:.2f}", what
        total += cost
    assert len(rows[:-1]) == len(METERS)
    assert rows[-1][-1] == f"{total:.2f}"


def test_the_cost_of_a_class() -> None:
    learners, whole, *forgotten = tables("### Cost")[1]
    counts = [int(cell) for cell in learners[1:]]
    one = sum(float(amount) * float(each) for _, amount, each, _ in tables("### Cost")[0][1:-1])
    assert whole[1:] == [f"{count * one:.2f}" for count in counts]
    for what, *cells in forgotten:
        (hours,) = re.findall(r"\((\d+) hours\)", what)
        assert cells == [f"{count * 2 * int(hours) * price('D4as v4'):.2f}" for count in counts]


def test_the_quota_of_a_class() -> None:
    learners, cores, *_ = tables("### Quota")[0]
    deployment = math.ceil(1.2 * 1) * MACHINE_CORES
    assert f"= {deployment}." in PAGE
    assert [int(cell) for cell in cores[1:]] == [3 * deployment * int(n) for n in learners[1:]]
