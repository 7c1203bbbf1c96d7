"""`properties.configuration` of a job: its trigger, secrets, registries, retries.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/jobs/create-or-update
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.services.container_apps.app_configuration import (
    AppIdentitySetting,
    AppRegistry,
    AppSecret,
    read_secrets,
)
from emulator.services.container_apps.errors import invalid, whole
from emulator.services.container_apps.jobs.job_trigger import (
    CONFIGURATIONS,
    LARGEST,
    JobTrigger,
)


@dataclass(frozen=True)
class JobConfiguration:
    """`timeout` is how long (seconds) a replica may run, `retries` how often failed replicas of an
    execution are run again."""

    trigger: JobTrigger
    timeout: int
    retries: int
    secrets: tuple[AppSecret, ...]
    registries: tuple[AppRegistry, ...]
    identity_settings: tuple[AppIdentitySetting, ...]

    @classmethod
    def read(cls, fields: Fields, kept: Mapping[str, str], *, stored: bool) -> JobConfiguration:
        """`kept` has the values of the secrets that come without one.

        Raises ArmError 400 naming the field, or 501.
        """
        fields.only(
            (
                "triggerType",
                *CONFIGURATIONS.values(),
                "replicaTimeout",
                "replicaRetryLimit",
                "secrets",
                "registries",
                "identitySettings",
                "dapr",
            ),
            "the configuration of a job",
        )
        if fields.object("dapr").flag("enabled", False):
            raise not_emulated("Dapr")
        if not fields.has("replicaTimeout"):
            raise invalid(fields.at("replicaTimeout"), "Required value")
        secrets = read_secrets(fields, kept)
        names = [secret.name for secret in secrets]
        return cls(
            JobTrigger.read(fields, None if stored else names),
            whole(fields, "replicaTimeout", 1, LARGEST, 1),
            whole(fields, "replicaRetryLimit", 0, LARGEST, 0),
            secrets,
            tuple(AppRegistry.read(item, names) for item in fields.objects("registries")),
            tuple(AppIdentitySetting.read(item) for item in fields.objects("identitySettings")),
        )

    @property
    def secret_values(self) -> dict[str, str]:
        return {secret.name: secret.value for secret in self.secrets}

    @property
    def registry_users(self) -> dict[str, tuple[str, str]]:
        """Registry server -> user name and password."""
        values = self.secret_values
        return {one.server: (one.username, values[one.secret]) for one in self.registries}

    def to_body(self, *, reveal: bool = False) -> dict[str, Any]:
        """As it is shown. `reveal` puts the secrets' values in."""
        secrets = [
            {"name": one.name, **({"value": one.value} if reveal else {})} for one in self.secrets
        ]
        return {
            "secrets": secrets or None,
            "replicaTimeout": self.timeout,
            "replicaRetryLimit": self.retries,
            **self.trigger.to_body(),
            "registries": [registry.to_body() for registry in self.registries] or None,
            "identitySettings": [one.to_body() for one in self.identity_settings],
            "dapr": None,
        }
