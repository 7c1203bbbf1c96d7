"""Profiles and rules for the tests, in the few words that each test is about."""

from __future__ import annotations

from typing import Any

from emulator.services.monitor.autoscale.profile import AutoscaleProfile, ScaleCapacity
from emulator.services.monitor.autoscale.rule import (
    DECREASE,
    INCREASE,
    MetricTrigger,
    ScaleAction,
    ScaleRule,
)


def rule(condition: str, action: str, *, cooldown: float = 60, **trigger: Any) -> ScaleRule:
    """`rule("CPU > 70", "+2")`; the action may be "+50%", "-1", or "=3" with + or - before it."""
    metric, sign, threshold = condition.split()
    operators = {">": "GreaterThan", "<": "LessThan", ">=": "GreaterThanOrEqual"}
    said: dict[str, Any] = {
        "resource": "/subscriptions/s/resourceGroups/g/providers/p/t/n",
        "grain": 60,
        "statistic": "Average",
        "window": 300,
        "time_aggregation": "Average",
        **trigger,
    }
    direction, number = (INCREASE if action[0] == "+" else DECREASE), action[1:]
    kind = {"%": "PercentChangeCount", "=": "ExactCount"}
    how = next((kind[mark] for mark in kind if mark in number), "ChangeCount")
    return ScaleRule(
        MetricTrigger(metric, operator=operators[sign], threshold=float(threshold), **said),
        ScaleAction(direction, how, int(number.strip("%=")), cooldown),
    )


def profile(
    minimum: int, maximum: int, *rules: ScaleRule, default: int | None = None, **schedule: Any
) -> AutoscaleProfile:
    capacity = ScaleCapacity(minimum, maximum, minimum if default is None else default)
    return AutoscaleProfile("test", capacity, rules, **schedule)
