"""Exercises of lesson 09b: autoscale rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor.models import AutoscaleProfile, AutoscaleSettingResource, ScaleRule

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong

ABOVE = 70.0  # per cent
SAFE = ABOVE / 2  # two share out what one has to do afterwards
LEAST_USEFUL = 30.0
FROM_THREE = ABOVE * 2 / 3
PROCESSOR, REQUESTS = "CpuUtilizationPercentage", "RequestsPerMinute"
OFFICE_DAYS = {"monday", "tuesday", "wednesday", "thursday", "friday"}
OPENS, CLOSES = 8, 18


@exercise(
    "All the work stays: 3 instances at 40 % are 2 at 60 %.",
    "After 2 -> 1, the one that is left has twice the load. It must not be above 70 %.",
    solution="safe_threshold = 70 / 2",
)
def no_ping_pong(threshold: object) -> Verdict:
    """35: from 2 to 1, the load of the one that is left doubles."""
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number):
        return wrong("safe_threshold", threshold, "It should be a number.")
    if abs(float(threshold) - FROM_THREE) < 1:
        return wrong("safe_threshold", threshold, "Right from 3 to 2. And from 2 to 1?")
    if float(threshold) > SAFE:
        return wrong(
            "safe_threshold", threshold, "How busy is the one that is left, after 2 have become 1?"
        )
    if float(threshold) < LEAST_USEFUL:
        return wrong("safe_threshold", threshold, "It is safe, but it can be higher.")
    return right("Two at 35 % become one at 70 %, which is not above 70.")


@exercise(
    "CpuUtilizationPercentage is a metric of the deployment: blue.id.",
    "rules=[*by_requests, rule(...), rule(...)], one that increases and one that decreases.",
    solution="""
    by_processor = [
        rule("CpuUtilizationPercentage", blue.id, "GreaterThan", 70, "Increase"),
        rule("CpuUtilizationPercentage", blue.id, "LessThan", 35, "Decrease"),
    ]
    save(
        scale.AutoscaleProfile(
            name="usual",
            capacity=scale.ScaleCapacity(minimum="1", maximum="3", default="1"),
            rules=[*by_requests, *by_processor],
        )
    )
    """,
)
def processor_too(
    monitor: MonitorManagementClient, resource_group: str, endpoint_name: str
) -> Verdict:
    """The usual profile has a pair of rules by processor that do not flap, and that by requests."""
    setting = _setting(monitor, resource_group, endpoint_name)
    if setting is None:
        return not_attempted("There is no autoscale setting of this deployment.")
    rules = [each for profile in setting.profiles for each in profile.rules]
    out = _threshold(rules, PROCESSOR, "Increase")
    back = _threshold(rules, PROCESSOR, "Decrease")
    if out is None and back is None:
        return not_attempted("No rule of the setting looks at the processor.")
    if out is None or back is None:
        kinds = "increases" if back is None else "decreases"
        return wrong("The only rule by processor", kinds, "It needs a partner.")
    if out != ABOVE:
        return wrong("The threshold above which there is one more", out, "70 % is wanted.")
    if not 0 < back <= SAFE:
        return wrong("The threshold below which there is one less", back, "Is that safe?")
    if None in (_threshold(rules, REQUESTS, each) for each in ("Increase", "Decrease")):
        return wrong(
            "The metrics of the rules",
            sorted({each.metric_trigger.metric_name for each in rules}),
            "The pair by requests should be there as before.",
        )
    if not setting.enabled:
        return wrong("enabled", setting.enabled, "So it does nothing.")
    return right("Either one adds an instance, and both must agree to take one away.")


@exercise(
    "Two recurring profiles: one that begins at 8, one that begins at 18, both from Monday to "
    "Friday.",
    "recurrence=scale.Recurrence(frequency='Week', schedule=scale.RecurrentSchedule(time_zone=..., "
    "days=[...], hours=[8], minutes=[0])). Time zones have Windows' names: 'UTC', 'W. Europe "
    "Standard Time'.",
    solution="""
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


    def from_hour(name, hour, minimum):
        return scale.AutoscaleProfile(
            name=name,
            capacity=scale.ScaleCapacity(minimum=minimum, maximum="3", default=minimum),
            rules=by_requests,
            recurrence=scale.Recurrence(
                frequency="Week",
                schedule=scale.RecurrentSchedule(
                    time_zone="W. Europe Standard Time", days=days, hours=[hour], minutes=[0]
                ),
            ),
        )


    save(from_hour("office hours", 8, "2"), from_hour("evening", 18, "1"))
    """,
)
def office_hours(
    monitor: MonitorManagementClient, resource_group: str, endpoint_name: str
) -> Verdict:
    """A profile begins at 8 with two instances at least, and one at 18 with one."""
    setting = _setting(monitor, resource_group, endpoint_name)
    recurring = [each for each in setting.profiles if each.recurrence] if setting else []
    if not setting or not recurring:
        return not_attempted("No profile of the setting recurs.")
    begins = {hour: each for each in recurring for hour in _hours(each)}
    if set(begins) != {OPENS, CLOSES}:
        return wrong(
            "The hours at which recurring profiles begin",
            sorted(begins),
            "A profile lasts until the next one begins: it takes one at 8 and one at 18.",
        )
    for hour, profile in begins.items():
        assert profile.recurrence
        days = {str(day).lower() for day in profile.recurrence.schedule.days}
        if days != OFFICE_DAYS:
            return wrong(
                f"The days on which a profile begins at {hour}", sorted(days), "Monday to Friday."
            )
        if None in (_threshold(profile.rules, REQUESTS, each) for each in ("Increase", "Decrease")):
            return wrong(
                f"The number of rules from {hour} on",
                len(profile.rules),
                "The pair by requests belongs into each profile.",
            )
    least = {hour: int(profile.capacity.minimum) for hour, profile in begins.items()}
    if (least[OPENS], least[CLOSES]) != (2, 1):
        return wrong("The minimum by the hour", least, "It is 2 from 8 on, and 1 from 18 on.")
    if not setting.enabled:
        return wrong("enabled", setting.enabled, "So it does nothing.")
    return right("From Friday 18 o'clock until Monday 8 it is evening.")


def _setting(
    monitor: MonitorManagementClient, resource_group: str, name: str
) -> AutoscaleSettingResource | None:
    try:
        return monitor.autoscale_settings.get(resource_group, name)
    except ResourceNotFoundError:
        return None


def _threshold(rules: Sequence[ScaleRule], metric: str, direction: str) -> float | None:
    """Return the threshold of the rule by this metric into this direction, None without."""
    for each in rules:
        trigger, action = each.metric_trigger, each.scale_action
        if trigger.metric_name == metric and str(action.direction).endswith(direction):
            return float(trigger.threshold)
    return None


def _hours(profile: AutoscaleProfile) -> list[int]:
    return list(profile.recurrence.schedule.hours) if profile.recurrence else []
