"""Facts about Azure: whole, cited, read within the last year, and named by the lessons."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from course import lessons, notebooks
from practice import facts
from practice.facts import Fact, FactError

YEAR = timedelta(days=365)
USED = re.compile(r"\{\{\s*(\w+\.\w+)\s*\}\}|\bfact\(\s*\"(\w+\.\w+)\"")
PRICES = lessons.ROOT / "emulator" / "services" / "prices" / "snapshot.json"


@pytest.fixture(params=facts.facts().values(), ids=lambda each: each.name)
def each(request: pytest.FixtureRequest) -> Fact:
    found: Fact = request.param
    return found


def test_it_has_a_source_and_was_read_within_a_year(each: Fact) -> None:
    assert each.source.startswith("https://")
    assert each.read <= date.today()
    assert date.today() - each.read <= YEAR, f"{each.name} is old: read {each.source} again"


def test_the_prices_were_read_within_a_year() -> None:
    records = json.loads(PRICES.read_text(encoding="utf-8"))["records"]
    dates = [date.fromisoformat(record["read"]) for record in records if record["read"]]
    assert dates
    assert date.today() - min(dates) <= YEAR, "docs/prices.md says how to read them again"


def test_every_fact_is_used() -> None:
    places = [*lessons.SOURCES.glob("*.py")]
    for folder in ("practice", "scoring", "course"):
        places += (lessons.ROOT / folder).rglob("*.py")
    found = {
        name
        for place in places
        for names in USED.findall(place.read_text(encoding="utf-8"))
        for name in names
    }
    assert set(facts.facts()) - found == set()


def test_a_lesson_is_built_with_the_values(tmp_path: Path) -> None:
    source = tmp_path / "00-facts.py"
    source.write_text(
        "# %% [markdown]\n# A {{online_endpoints.instance_type}} has\n"
        "# {{ online_endpoints.instance_cores }} cores.\n\n"
        '# %%\nprint("{{online_endpoints.instance_cores}}")\n'
    )
    prose, code = notebooks.from_source(source).cells
    assert prose.source == "A Standard_D4as_v4 has\n4 cores."
    assert code.source == 'print("{{online_endpoints.instance_cores}}")'


def test_a_fact_that_there_is_not_is_named_with_its_lesson(tmp_path: Path) -> None:
    source = tmp_path / "00-facts.py"
    source.write_text("# %% [markdown]\n# {{container_apps.colour}}\n")
    with pytest.raises(FactError, match=r"00-facts.py: .*'container_apps.colour'"):
        notebooks.from_source(source)


def test_a_date_is_written_as_a_sentence_has_it() -> None:
    end = Fact("a.end", date(2028, 5, 1), "https://example.com", date(2026, 11, 28))
    assert str(end) == "1 May 2028"


@pytest.mark.parametrize(
    ("value", "written"), [(180_000, "180,000"), (500, "500"), (0.204, "0.204")]
)
def test_a_large_number_is_written_with_commas(value: float, written: str) -> None:
    assert str(Fact("a.number", value, "https://example.com", date(2026, 11, 28))) == written


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("value: 4\n    read: 2026-11-28", "source"),
        ("value: 4\n    source: https://example.com\n    read: soon", "2026-11-28"),
        ("value: [4]\n    source: https://example.com\n    read: 2026-11-28", "a number"),
        ("value: 4\n    source: https://example.com\n    read: 2026-11-28\n    by: me", "by"),
    ],
)
def test_a_fact_that_is_not_whole_is_named(tmp_path: Path, entry: str, why: str) -> None:
    file = tmp_path / "facts.yaml"
    file.write_text(f"apps:\n  cores:\n    {entry}\n")
    with pytest.raises(FactError, match=r"apps\.cores") as raised:
        facts.facts(file)
    assert why in str(raised.value)
