"""docs/coverage.md says what is emulated, as the services' ROUTES do."""

from __future__ import annotations

from tests.conformance import coverage
from tests.conformance.specs import Specs
from tests.conformance.verdicts import ANSWERED, WRONG, Verdict
from tests.fuzz.routes import arm_routes

AGAIN = "run `make conformance SPECS=folder`; see CONTRIBUTING.md"


def test_the_table_agrees_with_the_routes() -> None:
    text = coverage.FILE.read_text()
    assert coverage.stale(text, arm_routes()) == [], AGAIN


def test_no_example_is_answered_wrongly() -> None:
    text = coverage.FILE.read_text()
    assert "| examples that were played | " in text
    assert "wrong" not in text


def test_a_route_that_comes_or_goes_makes_the_table_stale(specs: Specs) -> None:
    routes = arm_routes()
    text = coverage.table(specs, routes, [])
    assert coverage.stale(text, routes) == []
    assert [one.partition(" is ")[2] for one in coverage.stale(text, routes[1:])] == [
        "said to be emulated and is not"
    ]
    table = text.splitlines()
    row = next(n for n, line in enumerate(table) if coverage.ROW.fullmatch(line))
    assert len(coverage.stale("\n".join(table[:row] + table[row + 1 :]), routes)) == 1


def test_a_row_says_what_came_of_the_examples(specs: Specs) -> None:
    played = [
        Verdict("Microsoft.Resources", "Groups_Get", "2021-04-01", "Get", ANSWERED),
        Verdict("Microsoft.Resources", "Groups_Get", "2022-04-01", "Get", ANSWERED),
        Verdict("Microsoft.Resources", "Groups_Put", "2021-04-01", "Lost", WRONG, "because"),
        Verdict("Microsoft.Another", "Groups_Get", "2022-04-01", "Get", ANSWERED),
    ]
    text = coverage.table(specs, arm_routes(), played)
    group = "{subscription}/resourceGroups/{resourceGroupName}"
    assert f"| Groups_Get | `GET {group}` | 2 answered as in the example |" in text
    assert f"| Groups_Put | `PUT {group}` | **wrong**: Lost |" in text
    assert "/nothing` | 501 |" in text
