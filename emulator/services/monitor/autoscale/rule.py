"""One rule of a profile: the metric that triggers it, and what it does then.

https://learn.microsoft.com/rest/api/monitor/autoscale-settings/create-or-update#scalerule
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import isodate

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields

MINUTE, HOUR = 60.0, 3600.0
LONGEST_WINDOW = 12 * HOUR
LONGEST_COOLDOWN = 7 * 24 * HOUR
INCREASE, DECREASE = "Increase", "Decrease"
# How the values of instances are combined -> the aggregation of Azure Monitor's metrics.
STATISTICS: Mapping[str, str] = {
    "Average": "Average",
    "Min": "Minimum",
    "Max": "Maximum",
    "Sum": "Total",
    "Count": "Count",
}
TIME_AGGREGATIONS: Mapping[str, Callable[[list[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
    "Total": sum,
    "Count": lambda values: float(len(values)),
    "Last": lambda values: values[-1],
}
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}


@dataclass(frozen=True)
class RuleDimension:
    """Which values of a metric's dimension count: these, or all but these."""

    name: str
    is_in: bool
    values: tuple[str, ...]

    def to_body(self) -> dict[str, Any]:
        return {
            "DimensionName": self.name,
            "Operator": "Equals" if self.is_in else "NotEquals",
            "Values": list(self.values),
        }


@dataclass(frozen=True)
class MetricTrigger:
    """A metric of a resource, compared with a threshold; times in Azure's seconds.

    Each `grain` of the `window` that has passed gives one value by the `statistic`, and these give
    the one that is compared, by the `time_aggregation`.
    """

    metric: str
    resource: str
    grain: float
    statistic: str
    window: float
    time_aggregation: str
    operator: str
    threshold: float
    namespace: str = ""
    location: str = ""
    dimensions: tuple[RuleDimension, ...] = ()
    is_per_instance: bool = False

    def is_met(self, value: float) -> bool:
        return OPERATORS[self.operator](value, self.threshold)

    def to_body(self) -> dict[str, Any]:
        return {
            "metricName": self.metric,
            "metricNamespace": self.namespace,
            "metricResourceUri": self.resource,
            **({"metricResourceLocation": self.location} if self.location else {}),
            "timeGrain": iso_of(self.grain),
            "statistic": self.statistic,
            "timeWindow": iso_of(self.window),
            "timeAggregation": self.time_aggregation,
            "operator": self.operator,
            "threshold": self.threshold,
            "dimensions": [one.to_body() for one in self.dimensions],
            "dividePerInstance": self.is_per_instance,
        }


@dataclass(frozen=True)
class ScaleAction:
    """How many instances there are to be; `cooldown` in Azure's seconds.

    Of a part of an instance, which percentages make, Microsoft says nothing: here more are started
    rather than fewer, fewer stopped rather than more, and never none.
    """

    direction: str
    kind: str
    value: int
    cooldown: float

    def result(self, count: int) -> int:
        """The instances that there are to be where there are `count`, whatever the capacity."""
        if self.kind == "ExactCount":
            return self.value
        part = self.value / 100 * count
        if self.direction == INCREASE:
            return count + (math.ceil(part) if self.kind == "PercentChangeCount" else self.value)
        less = max(1, math.floor(part)) if self.kind == "PercentChangeCount" else self.value
        return count - less

    def to_body(self) -> dict[str, Any]:
        return {
            "direction": self.direction,
            "type": self.kind,
            "value": str(self.value),
            "cooldown": iso_of(self.cooldown),
        }


@dataclass(frozen=True)
class ScaleRule:
    trigger: MetricTrigger
    action: ScaleAction

    def to_body(self) -> dict[str, Any]:
        return {"metricTrigger": self.trigger.to_body(), "scaleAction": self.action.to_body()}


def read_rule(rule: Fields) -> ScaleRule:
    """Raises ArmError 400, 501."""
    return ScaleRule(
        _read_trigger(rule.object("metricTrigger", required=True)),
        _read_action(rule.object("scaleAction", required=True)),
    )


def iso_of(seconds: float) -> str:
    return str(isodate.duration_isoformat(timedelta(seconds=seconds)))


def _read_trigger(fields: Fields) -> MetricTrigger:
    grain = _minutes(fields, "timeGrain", LONGEST_WINDOW)
    # The reference says 5 minutes at least; the service has been taking one for years:
    # https://github.com/Azure/azure-powershell/pull/10186
    window = _minutes(fields, "timeWindow", LONGEST_WINDOW)
    if window < grain:
        raise fields.wrong("timeWindow", f"no shorter than the time grain, {iso_of(grain)},")
    if not fields.has("threshold"):
        raise fields.missing("threshold")
    return MetricTrigger(
        metric=fields.required_text("metricName"),
        resource=fields.required_text("metricResourceUri").rstrip("/"),
        grain=grain,
        statistic=_choice(fields, "statistic", STATISTICS),
        window=window,
        time_aggregation=_choice(fields, "timeAggregation", TIME_AGGREGATIONS),
        operator=_choice(fields, "operator", OPERATORS),
        threshold=fields.number("threshold", 0.0, least=-1e18),
        namespace=fields.text("metricNamespace", ""),
        location=fields.text("metricResourceLocation", ""),
        dimensions=tuple(map(_read_dimension, fields.objects("dimensions"))),
        is_per_instance=fields.flag("dividePerInstance", False),
    )


def _read_dimension(fields: Fields) -> RuleDimension:
    name = fields.required_text("DimensionName")
    values = tuple(fields.texts("Values"))
    if not values:
        raise fields.missing("Values")
    kind = _choice(fields, "Operator", {"Equals": True, "NotEquals": False})
    return RuleDimension(name, kind == "Equals", values)


def _read_action(fields: Fields) -> ScaleAction:
    direction = _choice(fields, "direction", {"None": 0, INCREASE: 0, DECREASE: 0})
    kind = _choice(
        fields,
        "type",
        {"ChangeCount": 0, "PercentChangeCount": 0, "ExactCount": 0, "ServiceAllowedNextValue": 0},
    )
    if kind == "ServiceAllowedNextValue":
        raise not_emulated(f"scale actions of the type {kind}, which online deployments have not")
    value = fields.whole("value", 1, least=1)
    return ScaleAction(direction, kind, value, _minutes(fields, "cooldown", LONGEST_COOLDOWN))


def _choice(fields: Fields, name: str, choices: Mapping[str, object]) -> str:
    found = fields.choice(name, choices)
    if found is None:
        raise fields.missing(name)
    return found


def _minutes(fields: Fields, name: str, most: float) -> float:
    """A duration of whole minutes, in seconds."""
    seconds = fields.duration(name)
    if seconds is None:
        raise fields.missing(name)
    if seconds % MINUTE or not MINUTE <= seconds <= most:
        raise fields.wrong(name, f"whole minutes, from {iso_of(MINUTE)} to {iso_of(most)}")
    return seconds
