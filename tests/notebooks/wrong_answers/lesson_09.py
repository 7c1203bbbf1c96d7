"""Wrong answers to the exercises of lesson 09."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

COUNTS = """
by_status = read(endpoint.id, "RequestsPerMinute", split_by="statusCode")
sums = {status: sum(minutes.values()) for status, minutes in by_status.items()}
"""

ANSWERS = [
    Answers(
        "09",
        "refused_share",
        {
            COUNTS + "refused_percent = sums['424'] / sum(sums.values())": "How many per cent",
            COUNTS + "refused_percent = 100 * sums['424'] / sums['200']": "sum of all",
            COUNTS + "refused_percent = sums['424']": "Add up each status",
            "refused_percent = '8 %'": "should be a number",
        },
    ),
    Answers(
        "09",
        "quiet_days",
        {
            "small_alarm = alarm": "on 60 ordinary days",
            "small_alarm = lambda values: True": "on 60 ordinary days is 60",
            "small_alarm = lambda values: drift(values)['ink'] > 2": "slipped and darker is",
            "small_alarm = lambda values: drift(values)['across'] > 0.6": "slipped and darker is 0",
            "small_alarm = alarm(measures(split.test_images), limit=0.6)": "should be a function",
        },
    ),
    Answers(
        "09",
        "silent_alarm",
        {
            "telling, its_psi = 'across', drift(measures(third))['across']": "far more",
            "telling, its_psi = 'sure', 0.4": "far more",
            """
named = [each["digit"] for each in ask(split.test_images).json()["predictions"]]
telling, its_psi = "digit", psi(split.train_labels, named)
""": "It is larger",
            "telling, its_psi = 'digits', 6.0": "one of ink, down",
        },
    ),
]
