"""The gates of a release: each looks at the answers of both versions, and may stop the new one.

Every function of this file whose name has no leading underscore is a gate. It is called with two
lists of `scoring.release.measuring.Answer`, of the version that clients use and of the new one,
for the same digits in the same order. It returns None to let the new version pass, or a sentence
that says why not. There is one gate here. Which others you need depends on what your clients need.
"""

from scoring.release.measuring import Answer


def failures(live: list[Answer], candidate: list[Answer]) -> str | None:
    """Stop a version that fails more often than the one in use, by more than 1 in 100."""
    before, now = (_count_failed(answers) for answers in (live, candidate))
    if now - before > 0.01 * len(candidate):
        return f"{now} of {len(candidate)} requests failed; of the version in use, {before}."
    return None


def _count_failed(answers: list[Answer]) -> int:
    return sum(answer.status != 200 for answer in answers)
