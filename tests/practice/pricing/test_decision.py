from __future__ import annotations

import inspect
from itertools import product

import pytest

from practice.pricing.decision import APP, ENDPOINT, GROUP, QUESTIONS, RULES, SERVICES, recommend

ALL = [dict(zip(QUESTIONS, values, strict=True)) for values in product((False, True), repeat=5)]


def test_there_are_five_questions_and_each_one_matters() -> None:
    assert len(QUESTIONS) == 5
    assert list(inspect.signature(recommend).parameters) == list(QUESTIONS)
    for question in QUESTIONS:
        changed = [a for a in ALL if recommend(**a) != recommend(**a | {question: not a[question]})]
        assert changed, question


@pytest.mark.parametrize("answers", ALL, ids=str)
def test_every_case_has_one_recommendation_with_its_reasons(answers: dict[str, bool]) -> None:
    found = recommend(**answers)
    assert found.service in SERVICES
    assert found.pros
    assert set(found.others) == set(SERVICES) - {found.service}
    assert all(found.others.values())  # it is told why it is none of the others


@pytest.mark.parametrize("answers", ALL, ids=str)
def test_what_is_ruled_out_is_never_recommended(answers: dict[str, bool]) -> None:
    out = {r.service for r in RULES if r.says == 0 and r.when.items() <= answers.items()}
    assert recommend(**answers).service not in out


@pytest.mark.parametrize(
    ("yes", "service"),
    [
        ([], ENDPOINT),  # a model and a script, asked all day
        (["gpu"], ENDPOINT),
        (["own_api", "pauses", "may_wait"], APP),
        (["own_api"], APP),
        (["pauses", "may_wait"], APP),
        (["ends"], GROUP),
        (["ends", "own_api", "pauses", "may_wait"], GROUP),
        (["ends", "own_api", "gpu"], APP),
    ],
)
def test_known_cases(yes: list[str], service: str) -> None:
    assert recommend(**{question: question in yes for question in QUESTIONS}).service == service


def test_rules_name_questions_and_services() -> None:
    assert {question for rule in RULES for question in rule.when} == set(QUESTIONS)
    assert {rule.service for rule in RULES} == set(SERVICES)


def test_it_reads_as_advice() -> None:
    text = str(recommend(ends=False, own_api=True, pauses=True, may_wait=False, gpu=False))
    assert text.startswith("Take a container app.\n  + It runs your image")
    assert "min_replicas=1" in text
    assert "Not a container group:\n  - It has no https" in text
