"""Wrong answers to the exercises of lesson 09b."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

PROFILE = """
def processor(threshold, direction):
    operator = "GreaterThan" if direction == "Increase" else "LessThan"
    return rule("CpuUtilizationPercentage", blue.id, operator, threshold, direction)


usual.rules = """

RECURRING = """
WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


def begins(hour, minimum, days=WEEK, rules=by_requests):
    return scale.AutoscaleProfile(
        name=f"from {hour}",
        capacity=scale.ScaleCapacity(minimum=minimum, maximum="3", default=minimum),
        rules=rules,
        recurrence=scale.Recurrence(
            frequency="Week",
            schedule=scale.RecurrentSchedule(
                time_zone="UTC", days=days, hours=[hour], minutes=[0]
            ),
        ),
    )
"""

ANSWERS = [
    Answers(
        "09b",
        "no_ping_pong",
        {
            "safe_threshold = 70 * 2 / 3": "And from 2 to 1?",
            "safe_threshold = 69": "after 2 have become 1",
            "safe_threshold = 10": "it can be higher",
            "safe_threshold = '35 %'": "should be a number",
        },
    ),
    Answers(
        "09b",
        "processor_too",
        {
            PROFILE + "[*by_requests, processor(70, 'Increase')]\nsave(usual)": "needs a partner",
            PROFILE
            + "[*by_requests, processor(70, 'Increase'), processor(60, 'Decrease')]\nsave(usual)": (
                "Is that safe?"
            ),
            PROFILE + "[processor(70, 'Increase'), processor(35, 'Decrease')]\nsave(usual)": (
                "as before"
            ),
        },
    ),
    Answers(
        "09b",
        "office_hours",
        {
            RECURRING + "save(usual, begins(8, '2'))": "until the next one begins",
            RECURRING + "save(begins(8, '2', [*WEEK, 'Saturday']), begins(18, '1'))": (
                "Monday to Friday"
            ),
            RECURRING + "save(begins(8, '2'), begins(18, '2'))": "1 from 18 on",
            RECURRING + "save(begins(8, '2'), begins(18, '1', rules=[]))": "belongs into each",
        },
    ),
]
