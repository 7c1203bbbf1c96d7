"""Exercises of lesson 08b: what the services cost, and which one to choose."""

from __future__ import annotations

import math
from dataclasses import replace

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong
from practice.pricing import costs
from practice.pricing.decision import APP, ENDPOINT, GROUP, SERVICES

DAY = 24 * 3600  # seconds

# For each case: the service that fits, and what speaks against each of the others.
CASES = {
    "hospital": (
        ENDPOINT,
        {
            APP: "They have model and script, and nobody for servers; an app wants an image with "
            "an API. And copies of the traffic (mirroring) are what endpoints have.",
            GROUP: "Patients' data over http, one version at a time and nobody to start a second "
            "group when it gets busy?",
        },
    ),
    "shop": (
        APP,
        {
            ENDPOINT: "A machine that is paid day and night, for 40 requests, and the page for the "
            "browser has no place there.",
            GROUP: "It would be paid day and night too, unless it is stopped every evening; and "
            "browsers warn of an address without https.",
        },
    ),
    "archive": (
        GROUP,
        {
            ENDPOINT: "Nobody sends requests, and the machine would be paid for the other 23 hours "
            "as well. (Batch endpoints are another thing.)",
            APP: "An app waits for requests, and one that ends is started again. (A Container Apps "
            "job would do; this course has not shown it.)",
        },
    ),
}


@exercise(
    "Ask for each case: does it go on and on or does it end? Who brings the server? When is it "
    "asked? What has to be there from the start: https, versions?",
    "recommend(ends=..., own_api=..., pauses=..., may_wait=..., gpu=...) answers, once you have "
    "turned a case into five answers.",
    solution="""
    hospital = "managed endpoint"
    shop = "container app"
    archive = "container group"
    """,
)
def three_cases(hospital: str, shop: str, archive: str) -> Verdict:
    """The service that fits each case, one of SERVICES."""
    chosen = {"hospital": hospital, "shop": shop, "archive": archive}
    for name, service in chosen.items():
        if service not in SERVICES:
            return wrong(name, service, f"It is one of: {', '.join(SERVICES)}.")
    for name, service in chosen.items():
        fits, against = CASES[name]
        if service != fits:
            return wrong(name, service, against[service])
    return right(
        "The hospital brings a model and a script and wants versions and https: an endpoint. The "
        "shop brings an API and is mostly idle: an app, with nothing to pay at night. The archive "
        "has a program that ends: a group, with restart policy OnFailure. A group has no clock: "
        "something (a Logic App, a scheduled script) has to start it each night. A Container Apps "
        "job, which this course has not shown, brings its own."
    )


@exercise(
    "costs.break_evens(first, second) returns a list; each has requests_per_day.",
    "Make both apps again with free=costs.NO_GRANTS (dataclasses.replace(to_zero, free=...) copies "
    "one with a change), and ask for their break-even.",
    solution="""
    from dataclasses import replace

    pair = [replace(each, free=costs.NO_GRANTS) for each in (to_zero, kept)]
    switch_at = costs.break_evens(*pair)[0].requests_per_day
    """,
)
def switch_at(to_zero: costs.ContainerApp, kept: costs.ContainerApp, answer: object) -> Verdict:
    """Requests per day from which one kept replica is cheaper, when the free grant is used up."""
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return wrong("switch_at", answer, "It should be a number of requests per day.")
    if answer <= 0:
        return not_attempted("switch_at is a number of requests per day, above 0.")
    free = costs.break_evens(to_zero, kept)[0].requests_per_day
    zero, one = (replace(each, free=costs.NO_GRANTS) for each in (to_zero, kept))
    paid = costs.break_evens(zero, one)[0].requests_per_day
    if abs(answer / paid - 1) < 0.02:
        return right(
            f"{paid:.0f} requests a day without the grant, {free:.0f} with it. The grant is given "
            "once for a whole subscription: the second app pays from the first second on."
        )
    if abs(answer / free - 1) < 0.02:
        look = "That is with the free grant, which another app has used up."
    else:
        look = (
            f"With so many, zero costs {zero.bill(answer).per_month:.2f} USD a month and one "
            f"kept replica {one.bill(answer).per_month:.2f}: they should be the same."
        )
    return wrong("switch_at", answer, look)


@exercise(
    "In a day there are 86,400 seconds. How many pages does one busy core read in them?",
    "How many cores are busy? As many as there are processes, and no more than there are cores.",
    solution="""
    full_endpoint = 4 * 24 * 3600 / seconds_per_page
    full_app = 1 * 24 * 3600 / seconds_per_page
    """,
)
def full(seconds: float, full_endpoint: object, full_app: object) -> Verdict:
    """Pages a day that keep an endpoint with four workers, and an app with one process, busy."""
    one_core = DAY / seconds
    for name, answer, cores in (("full_endpoint", full_endpoint, 4), ("full_app", full_app, 1)):
        if isinstance(answer, bool) or not isinstance(answer, int | float):
            return wrong(name, answer, "It should be a number of pages a day.")
        if math.isclose(answer, cores * one_core, rel_tol=0.01):
            continue
        if math.isclose(answer, 2 * one_core, rel_tol=0.01):
            told = "It is billed for two cores, but its one process computes on one of them."
        elif math.isclose(answer, one_core, rel_tol=0.01):
            told = "That is what one core reads. Its four processes have four."
        elif math.isclose(answer * 24, cores * one_core, rel_tol=0.01):
            told = "That is an hour's work. A day has 24."
        elif math.isclose(answer * DAY, cores * one_core, rel_tol=0.01):
            told = "That is how many a second."
        else:
            told = f"One core reads {one_core:,.0f} pages a day."
        return wrong(name, round(answer), told)
    return right(
        f"{4 * one_core:,.0f} and {one_core:,.0f} pages. The app pays for a core that never works: "
        "give it two processes (uvicorn --workers 2), or one core."
    )
