"""Exercises of lesson 10: release."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from practice.exercises.checks import Verdict, exercise, right, wrong

COUNT = 100  # answers of each version
USUAL = 0.010  # seconds
OWNER, REPOSITORY = "rivera@5544", "digit-reader@81220"
SUBJECT = f"repo:{OWNER}/{REPOSITORY}:environment:production"


@dataclass(frozen=True)
class Named:
    """An answer, as the release program's gates see one."""

    status: int
    seconds: float
    digit: int | None
    truth: int


@dataclass(frozen=True)
class Case:
    """What two versions have answered, what is to be known of it, and whether a gate must stop."""

    told: str
    live: Sequence[Named]
    candidate: Sequence[Named]
    stop: bool


def _answers(seconds: float = USUAL, wrong_ones: Sequence[int] = ()) -> list[Named]:
    """A hundred answers; those at the numbers `wrong_ones` name another digit than was written."""
    return [
        Named(
            200,
            seconds * (1 + number % 7 / 20),
            (number + (number in wrong_ones)) % 10,
            number % 10,
        )
        for number in range(COUNT)
    ]


def _slower(answers: Sequence[Named], factor: float, every: int, first: int = 0) -> list[Named]:
    """The same answers, one of `every` (the first at `first`) by so much slower."""
    return [
        replace(answer, seconds=answer.seconds * (factor if number % every == first else 1))
        for number, answer in enumerate(answers)
    ]


def _failed(answers: Sequence[Named], every: int) -> list[Named]:
    """The same answers, one of `every` failed at once."""
    return [
        replace(answer, status=424, seconds=0.001, digit=None) if number % every == 0 else answer
        for number, answer in enumerate(answers)
    ]


LATENCY = [
    Case("is as fast as the one in use", _answers(), _answers(), stop=False),
    Case("is three times as slow", _answers(), _answers(3 * USUAL), stop=True),
    Case(
        "is as fast as before, but for every tenth request, which takes 40 times as long",
        _answers(),
        _slower(_answers(), 40, every=10),
        stop=True,
    ),
    Case(
        "was slow once in a hundred requests, as anything may be",
        _answers(),
        _slower(_answers(), 400, every=COUNT, first=42),
        stop=False,
    ),
    Case(
        "takes two seconds, and so does the one in use: the model is large",
        _answers(2.0),
        _answers(2.1),
        stop=False,
    ),
    Case("is three times as fast", _answers(3 * USUAL), _answers(), stop=False),
]
ACCURACY = [
    Case("reads every digit, as the one in use does", _answers(), _answers(), stop=False),
    Case(
        "reads one digit in ten wrong, where the one in use reads all of them right",
        _answers(),
        _answers(wrong_ones=range(8, COUNT, 10)),
        stop=True,
    ),
    Case(
        "reads all right where the one in use reads twelve wrong: they disagree, and it is better",
        _answers(wrong_ones=range(12)),
        _answers(),
        stop=False,
    ),
    Case(
        "reads 79 of 100 right, and the one in use 80: it is a hard set of digits",
        _answers(wrong_ones=range(20)),
        _answers(wrong_ones=range(21)),
        stop=False,
    ),
    Case(
        "reads every digit that it answers right, and fails one request in five: that is for the "
        "gate `failures`",
        _answers(),
        _failed(_answers(), every=5),
        stop=False,
    ),
    Case(
        "fails one request in five and reads one in ten of the others wrong",
        _answers(),
        _failed(_answers(wrong_ones=range(8, COUNT, 10)), every=5),
        stop=True,
    ),
]


@exercise(
    "The mean is moved by one slow answer, and the median does not see one in ten. What lies "
    "between: the time within which 95 of 100 answers come, np.percentile(times, 95).",
    "How slow is too slow? That depends on the version in use. Work out the same number for both, "
    "and compare.",
    solution='''
    def latency(live, candidate):
        """Stop a version whose slow answers take more than twice as long as before."""
        before, now = (
            np.percentile([answer.seconds for answer in answers if answer.status == 200], 95)
            for answers in (live, candidate)
        )
        if now > 2 * before:
            return f"95 of 100 answers come within {now:.3f} s, and before within {before:.3f} s."
        return None
    ''',
)
def latency(gate: object) -> Verdict:
    """The gate stops the slow ones of LATENCY and lets the others pass."""
    return _judge("latency", gate, LATENCY)


@exercise(
    "An answer has `digit`, what was read, and `truth`, what was written.",
    "The share of right ones among the answers with status 200, of both versions. Two versions "
    "that disagree are not both wrong.",
    "Stop the candidate if its share is lower by more than 0.03.",
    solution='''
    def accuracy(live, candidate):
        """Stop a version that reads more than 3 in 100 digits less than the one in use."""
        shares = []
        for answers in (live, candidate):
            good = [answer for answer in answers if answer.status == 200]
            shares.append(sum(answer.digit == answer.truth for answer in good) / len(good))
        before, now = shares
        if now < before - 0.03:
            return f"{now:.0%} of the digits are read right, and before {before:.0%}."
        return None
    ''',
)
def accuracy(gate: object) -> Verdict:
    """The gate stops the ones of ACCURACY that read worse and lets the others pass."""
    return _judge("accuracy", gate, ACCURACY)


def _judge(name: str, gate: object, cases: Sequence[Case]) -> Verdict:
    if not callable(gate):
        return wrong(name, gate, f"It should be a function: def {name}(live, candidate).")
    for case in cases:
        said = gate(list(case.live), list(case.candidate))
        if said is not None and not (isinstance(said, str) and said):
            return wrong(
                f"What {name} returned", said, "A gate returns None, or a sentence that says why."
            )
        if bool(said) != case.stop:
            should = "It should have been stopped." if case.stop else "It should have passed."
            return wrong(f"What {name} returned", said, f"The new version {case.told}. {should}")
    return right(f"It decided well in all of {len(cases)} cases.")


@exercise(
    "Compare with the subject in the text: owner and repository, each with its number, then what "
    "the job runs in.",
    "The job names an environment, so the branch is not in the subject.",
    solution=f'''
    subject = "{SUBJECT}"
    ''',
)
def subject(answer: object) -> Verdict:
    """The subject of a job in the environment production of a repository that is new."""
    if not isinstance(answer, str):
        return wrong("subject", answer, "It should be a text.")
    if answer == SUBJECT:
        return right("Nobody but that job gets a token: no branch, no fork, no pull request.")
    told = (why for is_made, why in _MISTAKES if is_made(answer))
    name = "Look at the environment's name in the workflow."
    return wrong("subject", answer, next(told, name))


_MISTAKES: list[tuple[Callable[[str], bool], str]] = [
    (
        lambda it: any(sign in it for sign in "*?"),
        "Entra ID compares letter by letter, and a star is a star. What would it stand for?",
    ),
    (
        lambda it: not it.startswith("repo:"),
        "A subject begins with repo: and the repository.",
    ),
    (
        lambda it: ":ref:" in it or ":pull_request" in it,
        "That is the subject of a job without an environment. This one has `environment:`.",
    ),
    (
        lambda it: not it.startswith(f"repo:{OWNER}/{REPOSITORY}"),
        "The repository was made in October 2026: its subject has the numbers of owner and "
        "repository, each after an @.",
    ),
    (
        lambda it: ":environment:" not in it,
        "What the job runs in is missing: :environment: and its name.",
    ),
]
