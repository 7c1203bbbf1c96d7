"""`properties.template.scale`: how many replicas, and what for.

https://learn.microsoft.com/azure/container-apps/scale-app
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.services.container_apps.app_scale_rule import DEFAULT_CONCURRENCY, AppScaleRule
from emulator.services.container_apps.errors import invalid, whole
from emulator.services.container_apps.scaling import LoadTarget

MOST_REPLICAS = 1000
MOST_HERE = 300  # replicas that local Azure starts, however many are asked for
DEFAULT_REPLICAS = 10


@dataclass(frozen=True)
class AppScale:
    """Times in seconds. `polling_interval` is how often Azure looks at rules of other kinds than
    http, of which nothing asks here: it is kept."""

    min_replicas: int | None
    most: int
    cooldown_period: int
    polling_interval: int
    rules: tuple[AppScaleRule, ...]

    @classmethod
    def read(cls, fields: Fields, secrets: Container[str] | None) -> AppScale:
        """`secrets` are the app's (None: any). Raises ArmError 400 naming the field, or 501."""
        fields.only(
            (
                "minReplicas",
                "maxReplicas",
                "cooldownPeriod",
                "pollingInterval",
                "allowScalingRuleOverride",
                "rules",
            ),
            "scale",
        )
        fields.not_emulated(("allowScalingRuleOverride",), "a container app")
        most = whole(fields, "maxReplicas", 1, MOST_REPLICAS, DEFAULT_REPLICAS)
        least = whole(fields, "minReplicas", 0, MOST_REPLICAS, 0)
        if least > most:
            raise invalid(
                fields.at("minReplicas"),
                f"Invalid value: {least}: must not be more than maxReplicas, which is {most}",
            )
        if least > MOST_HERE:
            raise not_emulated(f"'{fields.at('minReplicas')}' of more than {MOST_HERE}")
        rules = tuple(AppScaleRule.read(rule, secrets) for rule in fields.objects("rules"))
        names = [rule.name for rule in rules]
        if len(names) != len(set(names)):
            raise invalid(fields.at("rules"), "Invalid value: each rule needs a name of its own")
        return cls(
            least if fields.has("minReplicas") else None,
            most,
            whole(fields, "cooldownPeriod", 0, 86400, 300),
            whole(fields, "pollingInterval", 1, 3600, 30),
            rules,
        )

    @property
    def least(self) -> int:
        """Replicas that are always there; none where nothing is said."""
        return self.min_replicas or 0

    @property
    def concurrency(self) -> int | None:
        """Requests at once for each replica: the smallest of the rules, Azure's default where there
        are no rules. None where all rules are about something else."""
        if not self.rules:
            return DEFAULT_CONCURRENCY
        return min((rule.concurrency for rule in self.rules if rule.concurrency), default=None)

    @property
    def loads(self) -> tuple[LoadTarget, ...]:
        return tuple(rule.load for rule in self.rules if rule.load)

    def to_body(self) -> dict[str, Any]:
        return {
            "minReplicas": self.min_replicas,
            "maxReplicas": self.most,
            "cooldownPeriod": self.cooldown_period,
            "pollingInterval": self.polling_interval,
            "rules": [rule.to_body() for rule in self.rules] or None,
        }
