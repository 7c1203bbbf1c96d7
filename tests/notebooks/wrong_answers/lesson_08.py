"""Wrong answers to the exercises of lesson 08."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "08",
        "three_cases",
        {
            """
hospital = "container app"
shop = "container app"
archive = "container group"
""": "mirroring",
            """
hospital = "managed endpoint"
shop = "container group"
archive = "container group"
""": "shop is 'container group'",
            """
hospital = "managed endpoint"
shop = "container app"
archive = "container app"
""": "job",
            """
hospital = "managed endpoint"
shop = "Container Apps"
archive = "container group"
""": "It is one of",
        },
    ),
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
        "switch_at",
        {
            "switch_at = costs.break_evens(to_zero, kept)[0].requests_per_day": "free grant",
            "switch_at = costs.break_evens(to_zero, in_group)[0].requests_per_day": "the same",
            "switch_at = costs.break_evens(to_zero, kept)": "a number of requests",
        },
    ),
]
