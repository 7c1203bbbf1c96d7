"""Exercises of lesson 07b: Scale to zero."""

from __future__ import annotations

import math

from azure.mgmt.appcontainers import ContainerAppsAPIClient

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong
from practice.exercises.pane_lines import line_of_pane
from practice.pricing.prices import ContainerAppsPrices

OF_THE_LESSON = ("v1", "v2", "v3")  # the revisions that it brings out itself
EXPECTED, BY_ONE = 180, 25  # requests a second: in the rush, by one replica
CORES, MEMORY = 0.5, 1  # of the lesson's replicas; GiB
DAYS, BUSY_HOURS = 30, 2
VARIABLE = "WEB_CONCURRENCY"  # with a value that the web server cannot read


@exercise(
    "The last line complains of a value that is not a number. Which line above it reads a value?",
    "A variable of a container's environment is read with os.environ.",
    solution="""
    line = next(n for n, text in enumerate(log.splitlines(), 1) if "os.environ" in text)
    """,
)
def find_line(log: str, line: object) -> Verdict:
    """The number, in the pane, of a line that reads the variable with the bad value."""
    text = line_of_pane(log, line)
    if isinstance(text, Verdict):
        return text
    if VARIABLE in text:
        return right(f"It names the variable, {VARIABLE}, and what is done with its value.")
    if "ValueError" in text:
        look = "That says what is wrong with the value. Where it came from is a little above."
    elif "Traceback" in text:
        look = "There the story begins. The way to the mistake ends just above the last line."
    else:
        look = "Start at the end of the log, at the ValueError, and go up."
    return wrong("line", line, look)


@exercise(
    "The number in concurrentRequests is what one replica takes, in requests a second.",
    "maxReplicas is the expected load divided by that, rounded up. minReplicas of 1 spares "
    "everybody the cold start.",
    solution="""
    changed = next_template(4)
    changed["scale"].update(minReplicas=1, maxReplicas=8)
    changed["scale"]["rules"][0]["http"]["metadata"]["concurrentRequests"] = "25"
    bring_out(changed)
    """,
)
def ready_for_the_rush(client: ContainerAppsAPIClient, resource_group: str, app: str) -> Verdict:
    """The newest revision is ready, kept warm, and scales to just what is expected."""
    properties = client.container_apps.get(resource_group, app).properties
    newest = str(properties.latest_revision_name) if properties else ""
    if not properties or newest.removeprefix(f"{app}--") in OF_THE_LESSON:
        return not_attempted(f"Azure has no revision of {app} after v3.")
    if properties.latest_ready_revision_name != newest:
        return wrong(
            "The newest revision that is ready",
            properties.latest_ready_revision_name,
            f"{newest} is not: read its log, and bring out another one.",
        )
    assert properties.template
    scale = properties.template.scale
    least, most = (scale.min_replicas or 0, scale.max_replicas or 0) if scale else (0, 0)
    metadata = [rule.http.metadata for rule in (scale and scale.rules) or [] if rule.http]
    asked = [int(each["concurrentRequests"]) for each in metadata if each]
    if asked != [BY_ONE]:
        return wrong(
            "concurrentRequests",
            asked,
            f"One replica answers {BY_ONE} requests a second well. The rule should say so: with a "
            "smaller number there are more replicas than needed, with a larger one too few.",
        )
    needed = math.ceil(EXPECTED / BY_ONE)
    if most != needed:
        return wrong(
            "maxReplicas",
            most,
            f"{most} replicas take {most * BY_ONE} requests a second; {EXPECTED} are expected"
            + (", and fewer replicas are enough." if most > needed else "."),
        )
    if least < 1:
        return wrong("minReplicas", least, "With 0, the first reader pays for a cold start.")
    if least > 1:
        return wrong("minReplicas", least, "One that waits is enough: the rule brings the others.")
    return right(f"{newest} waits with one replica, and has {most} for the rush.")


@exercise(
    "busy and idle, in the lesson, are what one replica costs in a second.",
    "Two hours of a day at the one price, twenty-two at the other, thirty days.",
    solution="month = 30 * 3600 * (2 * busy + 22 * idle)",
)
def months_bill(price: ContainerAppsPrices, month: object) -> Verdict:
    """What the replica costs in the month, to the cent."""
    busy = CORES * price.vcpu_second + MEMORY * price.gib_second
    idle = CORES * price.vcpu_second_idle + MEMORY * price.gib_second_idle
    per_day = 3600 * (BUSY_HOURS * busy + (24 - BUSY_HOURS) * idle)
    if not isinstance(month, int | float):
        return wrong("month", month, "It should be a number of US dollars.")
    if _same(month, DAYS * per_day):
        return right(f"{month:.2f} dollars: most of it for the hours in which nobody asks.")
    slips = {
        DAYS * 86400 * busy: "That is a replica that is busy day and night.",
        DAYS * 86400 * idle: "That is a replica that is never busy.",
        DAYS * 3600 * BUSY_HOURS * busy: "That leaves out the hours in which it waits.",
        per_day: "That is one day.",
        100 * DAYS * per_day: "That is in cents.",
    }
    for slip, why in slips.items():
        if _same(month, slip):
            return wrong("month", month, why)
    return wrong("month", month, "A second costs `busy` or `idle`: how many are there of each?")


def _same(value: float, wanted: float) -> bool:
    return math.isclose(value, wanted, rel_tol=0.002)
