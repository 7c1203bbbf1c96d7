"""`properties.template.scale`: how many replicas, and what for.

https://learn.microsoft.com/azure/container-apps/scale-app
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.services.container_apps.errors import invalid, whole

MOST_REPLICAS = 300  # what local Azure takes; Azure's own limit is 1,000
DEFAULT_REPLICAS = 10
DEFAULT_CONCURRENCY = 10
TARGET = "concurrentRequests"


@dataclass(frozen=True)
class HttpScaleRule:
    """Asks for a replica for every `concurrency` requests at once. `metadata` is all it was given;
    Azure heeds nothing else in it."""

    name: str
    concurrency: int
    metadata: Mapping[str, str]

    @classmethod
    def read(cls, given: Fields) -> HttpScaleRule:
        given.only(("name", "http", "azureQueue", "custom", "tcp"), "a scale rule")
        name = given.text("name", "")
        if not name:
            raise invalid("properties.template.scale.rules.name", "Required value")
        fields = Fields(given.value, f"properties.template.scale.rules.{name}", given.refuse)
        for kind in ("azureQueue", "custom", "tcp"):
            if fields.has(kind):
                raise not_emulated(f"{kind} scale rules, only http ones")
        if not fields.has("http"):
            raise invalid(fields.path, "Required value: one of azureQueue, custom, http, tcp")
        http = fields.object("http")
        http.only(("metadata", "auth", "identity"), "an http scale rule")
        http.not_emulated(("auth", "identity"), "a scale rule")
        metadata = http.mapping("metadata")
        target = next((metadata[key] for key in metadata if key.lower() == TARGET.lower()), None)
        if target is None:
            target = str(DEFAULT_CONCURRENCY)
        if not (target.isascii() and target.isdecimal() and len(target) < 10 and int(target) > 0):
            raise invalid(
                f"{http.path}.metadata.{TARGET}",
                f'Invalid value: "{target}": must be a whole number above 0',
            )
        others = {key: value for key, value in metadata.items() if key.lower() != TARGET.lower()}
        return cls(name, int(target), {**others, TARGET: target})

    def to_body(self) -> dict[str, Any]:
        return {"name": self.name, "http": {"metadata": dict(self.metadata)}}


@dataclass(frozen=True)
class AppScale:
    """Times in seconds. `polling_interval` is how often Azure looks at rules of other kinds than
    http, of which there are none here: it is kept."""

    min_replicas: int | None
    most: int
    cooldown_period: int
    polling_interval: int
    rules: tuple[HttpScaleRule, ...]

    @classmethod
    def read(cls, fields: Fields) -> AppScale:
        """Raises ArmError 400 naming the field, or 501."""
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
        rules = tuple(HttpScaleRule.read(rule) for rule in fields.objects("rules"))
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
    def concurrency(self) -> int:
        """Requests at once for each replica: the smallest of the rules, or Azure's default."""
        return min((rule.concurrency for rule in self.rules), default=DEFAULT_CONCURRENCY)

    def to_body(self) -> dict[str, Any]:
        return {
            "minReplicas": self.min_replicas,
            "maxReplicas": self.most,
            "cooldownPeriod": self.cooldown_period,
            "pollingInterval": self.polling_interval,
            "rules": [rule.to_body() for rule in self.rules] or None,
        }
