from __future__ import annotations

import pytest

from helpers import names


@pytest.fixture(autouse=True)
def _learner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_SUFFIX", raising=False)
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "00000000-0000-4000-8000-000000000001")
    monkeypatch.setattr("getpass.getuser", lambda: "ada")


def test_the_suffix_stays_the_same_and_fits_into_a_name() -> None:
    assert names.suffix() == names.suffix()
    assert names.SUFFIX.fullmatch(names.suffix())
    assert len(names.suffix()) == 6


def test_another_learner_or_subscription_has_another_suffix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = names.suffix()
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    theirs = names.suffix()
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "00000000-0000-4000-8000-000000000002")
    assert len({mine, theirs, names.suffix()}) == 3


def test_a_learner_can_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_SUFFIX", "ada7")
    assert names.suffix() == "ada7"


@pytest.mark.parametrize("chosen", ["", "ad", "Ada", "ada-1", "a" * 13])
def test_what_does_not_fit_into_a_name_is_refused(
    chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_SUFFIX", chosen)
    with pytest.raises(ValueError, match="COURSE_SUFFIX"):
        names.suffix()


def test_a_user_without_a_name_has_a_suffix_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert names.SUFFIX.fullmatch(names.suffix())


def test_a_masked_secret_shows_no_more_than_its_beginning() -> None:
    assert names.masked("abcdefghijkl") == "abcd... (12 characters)"
