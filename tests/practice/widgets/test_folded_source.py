"""Code that is shown on request: folded, whole, under its name."""

from practice.pricing.costs import ContainerGroup, Work
from practice.widgets.folded_source import FoldedSource


def test_each_is_folded_away_under_its_name() -> None:
    shown = FoldedSource(Work, ContainerGroup.bill)._repr_markdown_()
    assert shown.count("<details><summary>") == shown.count("</details>") == 2
    assert "<code>practice.pricing.costs.ContainerGroup.bill</code>, " in shown


def test_a_method_is_shown_whole_and_without_its_indentation() -> None:
    shown = FoldedSource(ContainerGroup.bill)._repr_markdown_()
    _, _, code = shown.partition("```python\n")
    assert code.startswith("def bill(self, requests_per_day: float) -> Bill:\n    ")
    assert code.split("\n```")[0].endswith("return Bill(lines, requests_per_day)")


def test_in_a_terminal_it_says_what_there_is() -> None:
    assert repr(FoldedSource(Work.full)) == "practice.pricing.costs.Work.full, 3 lines"
