"""What starts the executions of a job, and how many replicas each has.

https://learn.microsoft.com/azure/container-apps/jobs#job-trigger-types

Any job can be started by hand. A schedule starts one as well; of an event's scale rules nothing
does here, so they are kept and shown, and the job's system log says so.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import bad_request
from emulator.arm.fields import Fields
from emulator.services.container_apps.errors import invalid, unknown_secret, whole
from emulator.services.container_apps.jobs.cron import CronError, CronSchedule

CONFIGURATIONS = {
    "Manual": "manualTriggerConfig",
    "Schedule": "scheduleTriggerConfig",
    "Event": "eventTriggerConfig",
}
MOST_REPLICAS = 300  # at once, or to succeed: what local Azure takes, as of an app
LARGEST = 2**31 - 1  # of the API's numbers, which have 32 bits


@dataclass(frozen=True)
class EventRule:
    """One scaler of KEDA's. `secrets` has pairs of a parameter and the name of its secret."""

    name: str
    type: str
    metadata: Mapping[str, str]
    secrets: tuple[tuple[str, str], ...]
    identity: str

    @classmethod
    def read(cls, rule: Fields, secrets: Container[str] | None) -> EventRule:
        """`secrets` are the job's; None: any. Raises ArmError 400."""
        rule.only(("name", "type", "metadata", "auth", "identity"), "a scale rule")
        for name in ("name", "type"):
            if not rule.text(name):
                raise invalid(rule.at(name), "Required value")
        auth = []
        for item in rule.objects("auth"):
            item.only(("secretRef", "triggerParameter"), "the auth of a scale rule")
            reference = item.text("secretRef", "")
            if secrets is not None and reference not in secrets:
                where = f"scale rule '{rule.text('name')}'"
                raise unknown_secret(reference, where, item.at("secretRef"))
            auth.append((item.text("triggerParameter", ""), reference))
        return cls(
            rule.text("name", ""),
            rule.text("type", ""),
            rule.mapping("metadata"),
            tuple(auth),
            rule.text("identity", ""),
        )

    def to_body(self) -> dict[str, Any]:
        auth = [
            {"secretRef": secret, "triggerParameter": parameter}
            for parameter, secret in self.secrets
        ]
        return {
            "name": self.name,
            "type": self.type,
            "metadata": dict(self.metadata),
            **({"auth": auth} if auth else {}),
            **({"identity": self.identity} if self.identity else {}),
        }


@dataclass(frozen=True)
class EventScale:
    """The scale of an event trigger, which is kept. Times in seconds."""

    polling_interval: int
    least: int
    most: int
    rules: tuple[EventRule, ...]

    @classmethod
    def read(cls, fields: Fields, secrets: Container[str] | None) -> EventScale:
        """`secrets` are the job's; None: any. Raises ArmError 400."""
        fields.only(("pollingInterval", "minExecutions", "maxExecutions", "rules"), "scale")
        most = whole(fields, "maxExecutions", 0, LARGEST, 100)
        least = whole(fields, "minExecutions", 0, LARGEST, 0)
        if least > most:
            raise invalid(
                fields.at("minExecutions"),
                f"Invalid value: {least}: must not be more than maxExecutions, which is {most}",
            )
        return cls(
            whole(fields, "pollingInterval", 1, LARGEST, 30),
            least,
            most,
            tuple(EventRule.read(rule, secrets) for rule in fields.objects("rules")),
        )

    def to_body(self) -> dict[str, Any]:
        return {
            "minExecutions": self.least,
            "maxExecutions": self.most,
            "pollingInterval": self.polling_interval,
            "rules": [rule.to_body() for rule in self.rules] or None,
        }


@dataclass(frozen=True)
class JobTrigger:
    """`parallelism` is how many replicas run at once, `completions` how many are to succeed.

    `cron` is the text of a schedule, "" where there is none; `scale` is of an event trigger.
    """

    type: str
    parallelism: int = 1
    completions: int = 1
    cron: str = ""
    scale: EventScale | None = None

    @classmethod
    def read(cls, configuration: Fields, secrets: Container[str] | None) -> JobTrigger:
        """Read what `properties.configuration` has of it. Raises ArmError 400."""
        kind = configuration.choice("triggerType", CONFIGURATIONS, "Manual")
        for other, name in CONFIGURATIONS.items():
            if other != kind and configuration.has(name):
                raise invalid(
                    configuration.at(name), f"Invalid value: the triggerType is {kind}, not {other}"
                )
        fields = configuration.object(CONFIGURATIONS[kind])
        more = {"Manual": (), "Schedule": ("cronExpression",), "Event": ("scale",)}[kind]
        fields.only(("parallelism", "replicaCompletionCount", *more), CONFIGURATIONS[kind])
        return cls(
            kind,
            whole(fields, "parallelism", 1, MOST_REPLICAS, 1),
            whole(fields, "replicaCompletionCount", 1, MOST_REPLICAS, 1),
            _read_cron(fields) if kind == "Schedule" else "",
            EventScale.read(fields.object("scale"), secrets) if kind == "Event" else None,
        )

    @property
    def schedule(self) -> CronSchedule | None:
        return CronSchedule.parse(self.cron) if self.cron else None

    def to_body(self) -> dict[str, Any]:
        numbers = {"replicaCompletionCount": self.completions, "parallelism": self.parallelism}
        own: dict[str, Any] = {**numbers}
        if self.cron:
            own["cronExpression"] = self.cron
        if self.scale:
            own["scale"] = self.scale.to_body()
        return {
            "triggerType": self.type,
            **{name: own if kind == self.type else None for kind, name in CONFIGURATIONS.items()},
        }


def _read_cron(fields: Fields) -> str:
    text = fields.text("cronExpression", "")
    try:
        CronSchedule.parse(text)
    except CronError as error:
        # https://github.com/microsoft/azure-container-apps/issues/886
        raise bad_request(
            f"Given CRON expression - '{text}' is not valid: {error}. It has five fields, in UTC, "
            "such as '*/5 * * * *'; see "
            "https://learn.microsoft.com/azure/container-apps/jobs#scheduled-jobs",
            code="InvalidCronExpression",
            target=fields.at("cronExpression"),
        ) from None
    return text
