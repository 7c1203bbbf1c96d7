"""Exercises of lesson 08: the comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong
from practice.pricing import costs
from practice.pricing.decision import APP, ENDPOINT, GROUP, SERVICES

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
            "job would do, as something of its own; this course has not shown it.)",
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
    "numpy.percentile(times, 99) is the value that 99 of 100 times do not exceed.",
    "milliseconds has a list for each service: go through milliseconds.items().",
    solution="""
    import numpy as np

    slowest = {
        name: float(np.percentile(times, 99)) for name, times in milliseconds.items()
    }
    """,
)
def slowest(milliseconds: Mapping[str, Sequence[float]], answer: object) -> Verdict:
    """The 99th percentile of each service's times, in milliseconds."""
    if not isinstance(answer, Mapping):
        return wrong("slowest", answer, "It should be a dict: the name of a service -> its value.")
    if set(answer) != set(milliseconds):
        return wrong("The keys of slowest", list(answer), f"Take those of {list(milliseconds)}.")
    for name, times in milliseconds.items():
        low, value, high = np.percentile(times, [98, 99, 99.6])
        # Two hundred times have no exact 99th percentile: every usual way to count is right.
        if not low <= answer[name] <= high:
            median = float(np.median(times))
            if math.isclose(answer[name], median):
                told = "That is the median, which half of the requests exceed."
            elif math.isclose(answer[name], max(times)):
                told = "That is the very slowest one: one outlier decides it. Look at 99 of 100."
            else:
                told = f"99 of 100 requests took at most {value:.2f} ms."
            return wrong(f"slowest[{name!r}]", round(answer[name], 2), told)
    return right("Whoever waits does not ask about the mean: this is the one to watch.")


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
