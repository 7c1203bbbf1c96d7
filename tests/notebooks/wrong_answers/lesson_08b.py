"""Wrong answers to the exercises of lesson 08b."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "08b",
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
        "08b",
        "switch_at",
        {
            "switch_at = costs.break_evens(to_zero, kept)[0].requests_per_day": "free grant",
            "switch_at = costs.break_evens(to_zero, in_group)[0].requests_per_day": "the same",
            "switch_at = costs.break_evens(to_zero, kept)": "a number of requests",
        },
    ),
    Answers(
        "08b",
        "full",
        {
            """
full_endpoint = 86_400 / seconds_per_page
full_app = 86_400 / seconds_per_page
""": "Its four processes",
            """
full_endpoint = 4 * 86_400 / seconds_per_page
full_app = 2 * 86_400 / seconds_per_page
""": "two cores",
            """
full_endpoint = 4 * 3600 / seconds_per_page
full_app = 3600 / seconds_per_page
""": "an hour's work",
            """
full_endpoint = 4 / seconds_per_page
full_app = 1 / seconds_per_page
""": "how many a second",
            """
full_endpoint = 4 * seconds_per_page
full_app = seconds_per_page
""": "One core reads",
            "full_endpoint = full_app = 'many'": "a number of pages",
        },
    ),
]
