"""Exercises of lesson 08: the comparison, measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from practice.exercises.checks import Verdict, exercise, right, wrong
from practice.measure import TimedRequest

MEASURED, BUSY = 50, 10  # milliseconds of the exercise with clients


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
    "Find the last bad request of a service. The next one is good: it was answered at sent + took.",
    "Two services of three have bad requests. For one without any, the answer is 0.",
    solution="""
    away = {}
    for service, calls in crashes.items():
        bad = [number for number, call in enumerate(calls) if not call.ok]
        if bad:
            back = calls[bad[-1] + 1]
            away[service] = back.sent + back.took
        else:
            away[service] = 0
    """,
)
def away(crashes: Mapping[str, Sequence[TimedRequest]], answer: object) -> Verdict:
    """The seconds from each service's crash to the first good answer after the last bad one."""
    if not isinstance(answer, Mapping):
        return wrong("away", answer, "It should be a dict: the name of a service -> seconds.")
    if set(answer) != set(crashes):
        return wrong("The keys of away", list(answer), f"Take those of {list(crashes)}.")
    for service, calls in crashes.items():
        bad = [number for number, call in enumerate(calls) if not call.ok]
        given = answer[service]
        name = f"away[{service!r}]"
        if isinstance(given, bool) or not isinstance(given, int | float):
            return wrong(name, given, "It should be a number of seconds.")
        if not bad:
            if given != 0:
                return wrong(name, given, "It lost no request, so it was never away: 0.")
            continue
        last, back = calls[bad[-1]], calls[bad[-1] + 1]
        # Whether the time until the request was sent or until it was answered: both are fair.
        if back.sent <= given <= back.sent + back.took + 0.001:
            continue
        shown = round(given, 2)
        if math.isclose(given, len(bad)):
            return wrong(name, shown, "That is how many requests failed, not for how long.")
        if last.sent <= given <= last.sent + last.took + 0.001:
            return wrong(
                name, shown, "That is the last bad request. It was back with the good one after it."
            )
        first = next(call for call in calls if call.ok and call.sent >= 0)
        if math.isclose(given, first.sent + first.took, rel_tol=0.01):
            return wrong(
                name, shown, "That good answer came before the last bad one. Look further on."
            )
        return wrong(
            name, shown, f"Its last bad request was sent {last.sent:.2f} s after the crash."
        )
    return right(
        "A client that gives up at the first failure feels these seconds. One that asks again "
        "loses a moment, and no request."
    )


@exercise(
    "For how much of its 50 ms does one client keep the process busy?",
    "One client keeps it busy for 10 ms of each 50, a fifth of the time.",
    solution="""
    clients_needed = 5  # 50 / 10
    """,
)
def clients_needed(answer: object) -> Verdict:
    """How many clients in a closed load keep one process busy."""
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return wrong("clients_needed", answer, "It should be a number of clients.")
    if answer == MEASURED / BUSY:
        return right(
            "Each keeps it busy for a fifth of the time. With five it answers 100 requests a "
            "second, and a sixth client makes only the queue longer. By Little's law: 100 requests "
            "a second x 0.05 s = 5 clients."
        )
    if answer == (MEASURED - BUSY) / BUSY:
        told = "Those are busy while one request is on its way. That request's own turn counts too."
    elif answer == 1000 / BUSY:
        told = "That is how many requests a second it answers when it is busy all the time."
    elif answer == 1000 / MEASURED:
        told = "That is how many requests a second one client sends."
    elif answer < MEASURED / BUSY:
        told = f"With {answer:g}, the process is busy for {answer * BUSY:g} ms of each {MEASURED}."
    else:
        told = "Fewer do: with so many, some of them wait for their turn."
    return wrong("clients_needed", answer, told)
