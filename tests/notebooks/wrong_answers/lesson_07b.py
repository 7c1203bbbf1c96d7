"""Wrong answers to the exercises of lesson 07b."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

# The solution of ready_for_the_rush, with other numbers.
RUSH = """
changed = next_template(4)
changed["scale"].update(minReplicas={least}, maxReplicas={most})
changed["scale"]["rules"][0]["http"]["metadata"]["concurrentRequests"] = "{requests}"
bring_out(changed)
"""

ANSWERS = [
    Answers(
        "07b",
        "find_line",
        {
            "line = 'ValueError'": "a number from 1 to 9",
            "line = 9": "a little above",
            "line = 2": "There the story begins",
            "line = 4": "go up",
        },
    ),
    Answers(
        "07b",
        "ready_for_the_rush",
        {
            RUSH.format(least=1, most=18, requests=10): "more replicas than needed",
            RUSH.format(least=1, most=7, requests=25): "7 replicas take 175",
            RUSH.format(least=0, most=8, requests=25): "pays for a cold start",
        },
    ),
    Answers(
        "07b",
        "months_bill",
        {
            "month = 30 * 86400 * busy": "busy day and night",
            "month = 30 * 3600 * 2 * busy": "leaves out the hours",
            "month = 3600 * (2 * busy + 22 * idle)": "one day",
            "month = '12 dollars'": "a number of US dollars",
        },
    ),
]
