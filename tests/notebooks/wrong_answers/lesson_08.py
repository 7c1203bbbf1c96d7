"""Wrong answers to the exercises of lesson 08."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "08",
        "slowest",
        {
            """
from statistics import median

slowest = {name: median(times) for name, times in milliseconds.items()}
""": "median",
            "slowest = {name: max(times) for name, times in milliseconds.items()}": "outlier",
            """
import numpy as np

slowest = {name: np.percentile(times, 95) for name, times in milliseconds.items()}
""": "99 of 100 requests took at most",
            "slowest = max(max(times) for times in milliseconds.values())": "a dict",
            "slowest = {'endpoint': 12.0}": "The keys",
        },
    ),
    Answers(
        "08",
        "away",
        {
            "away = {name: sum(not c.ok for c in calls) for name, calls in crashes.items()}": (
                "how many requests failed"
            ),
            """
away = {
    name: max((c.sent + c.took for c in calls if not c.ok), default=0)
    for name, calls in crashes.items()
}
""": "That is the last bad request",
            """
away = {}
for name, calls in crashes.items():
    first = next(c for c in calls if c.ok and c.sent >= 0)
    away[name] = 0 if all(c.ok for c in calls) else first.sent + first.took
""": "before the last bad one",
            "away = {name: max(c.sent for c in calls) for name, calls in crashes.items()}": (
                "It lost no request"
            ),
            "away = {name: 0 for name in crashes}": "last bad request was sent",
            "away = 1.5": "a dict",
            "away = {'container group': 1.5}": "The keys",
            "away = {name: 'long' for name in crashes}": "a number of seconds",
        },
    ),
    Answers(
        "08",
        "clients_needed",
        {
            "clients_needed = 40 / 10": "on its way",
            "clients_needed = 1000 / 10": "how many requests a second it answers",
            "clients_needed = 1000 / 50": "one client sends",
            "clients_needed = 1": "busy for 10 ms of each 50",
            "clients_needed = 16": "wait for their turn",
            "clients_needed = 'five'": "a number of clients",
        },
    ),
]
