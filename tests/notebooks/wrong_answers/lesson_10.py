"""Wrong answers to the exercises of lesson 10."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "10",
        "latency",
        {
            "latency = 'too slow'": "It should be a function",
            "def latency(live, candidate):\n    pass": "three times as slow. It should have been",
            "def latency(live, candidate):\n    return len(candidate) > 0": "None, or a sentence",
            """
def latency(live, candidate):
    before, now = (np.mean([a.seconds for a in each]) for each in (live, candidate))
    return "slow" if now > 2 * before else None
""": "was slow once in a hundred requests",
            """
def latency(live, candidate):
    before, now = (max(a.seconds for a in each) for each in (live, candidate))
    return "slow" if now > 2 * before else None
""": "was slow once in a hundred requests",
            """
def latency(live, candidate):
    before, now = (np.median([a.seconds for a in each]) for each in (live, candidate))
    return "slow" if now > 2 * before else None
""": "but for every tenth request",
            """
def latency(live, candidate):
    return "slow" if np.percentile([a.seconds for a in candidate], 95) > 0.02 else None
""": "and so does the one in use",
            """
def latency(live, candidate):
    before, now = (np.percentile([a.seconds for a in each], 95) for each in (candidate, live))
    return "slow" if now > 2 * before else None
""": "three times as slow. It should have been",
            """
def latency(live, candidate):
    return "slow" if candidate.seconds > live.seconds else None
""": "Your function latency stopped with AttributeError",
        },
    ),
    Answers(
        "10",
        "accuracy",
        {
            "accuracy = 0.97": "It should be a function",
            "def accuracy(live, candidate):\n    return None": "one digit in ten wrong",
            """
def accuracy(live, candidate):
    differ = sum(a.digit != b.digit for a, b in zip(live, candidate))
    return "wrong" if differ > 3 else None
""": "they disagree, and it is better",
            """
def accuracy(live, candidate):
    right = sum(a.digit == a.truth for a in candidate)
    return "wrong" if right < 90 else None
""": "one digit in ten wrong, where",
            """
def accuracy(live, candidate):
    right = sum(a.digit == a.truth for a in candidate) / len(candidate)
    return "wrong" if right < 0.95 else None
""": "it is a hard set of digits",
            """
def accuracy(live, candidate):
    before, now = (sum(a.digit == a.truth for a in each) for each in (live, candidate))
    return "wrong" if now < before - 3 else None
""": "fails one request in five: that is for the gate",
            """
def accuracy(live, candidate):
    wrong = sum(a.digit != a.truth for a in candidate if a.status == 200)
    return "wrong" if wrong > 3 else None
""": "it is a hard set of digits",
        },
    ),
    Answers(
        "10",
        "subject",
        {
            "subject = 5544": "It should be a text.",
            "subject = 'rivera@5544/digit-reader@81220:environment:production'": "begins with",
            "subject = 'repo:rivera/digit-reader:environment:production'": "has the numbers",
            "subject = 'repo:rivera@5544/digit-reader@81220:ref:refs/heads/main'": "without an env",
            "subject = 'repo:rivera@5544/digit-reader@81220:pull_request'": "without an env",
            "subject = 'repo:rivera@5544/digit-reader@81220:*'": "a star is a star",
            "subject = 'repo:rivera@5544/digit-reader@81220'": "is missing",
            "subject = 'repo:rivera@5544/digit-reader@81220:production'": "is missing",
            "subject = 'repo:rivera@5544/digit-reader@81220:environment:release'": "Look at the",
        },
    ),
]
