"""`properties.configuration`: ingress, secrets, registries, the mode. Changing it makes no new
revision.

https://learn.microsoft.com/azure/container-apps/azure-resource-manager-api-spec
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.services.container_apps.app_ingress import AppIngress
from emulator.services.container_apps.errors import invalid_schema, unknown_secret, whole

MODES = ("Single", "Multiple", "Labels")
MOST_INACTIVE = 100
_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_SERVER = re.compile(r"[a-z0-9.-]+(:\d{1,5})?", re.ASCII)


@dataclass(frozen=True)
class AppSecret:
    name: str
    value: str

    @classmethod
    def read(cls, fields: Fields, kept: Mapping[str, str]) -> AppSecret:
        """`kept` has the values of those that come without one. Raises ArmError 400 or 501."""
        fields.only(("name", "value", "identity", "keyVaultUrl"), "a secret")
        name = fields.text("name", "")
        if not _SECRET.fullmatch(name):
            raise bad_request(
                f"Invalid Request: Container app secret name '{name}' is invalid: lower case "
                "alphanumeric characters, '-' or '.', starting and ending with an alphanumeric "
                "one.",
                code="ContainerAppSecretNameInvalid",
                target="properties.configuration.secrets.name",
            )
        if fields.text("keyVaultUrl") or fields.text("identity"):
            raise not_emulated("secrets that refer to a key vault")
        value = fields.text("value") or kept.get(name)
        if not value:
            raise bad_request(
                f"Invalid Request: Container app secret(s) with name(s) '{name}' are invalid: "
                "value or keyVaultUrl and identity should be provided.",
                code="ContainerAppSecretInvalid",
                target=f"properties.configuration.secrets.{name}",
            )
        return cls(name, value)


def read_secrets(fields: Fields, kept: Mapping[str, str]) -> tuple[AppSecret, ...]:
    """The secrets of a configuration. Raises as `AppSecret.read`, or 400 for a name twice."""
    secrets = tuple(AppSecret.read(item, kept) for item in fields.objects("secrets"))
    names = [secret.name for secret in secrets]
    if twice := [name for name in names if names.count(name) > 1]:
        raise bad_request(
            f"The secret '{twice[0]}' is defined more than once.",
            code="ContainerAppSecretInvalid",
            target=fields.at("secrets"),
        )
    return secrets


@dataclass(frozen=True)
class AppRegistry:
    """A registry from which images are pulled. `secret` is the name of the password's secret."""

    server: str
    username: str
    secret: str

    @classmethod
    def read(cls, given: Fields, secrets: Container[str]) -> AppRegistry:
        """`secrets` are the app's. Raises ArmError 400 or 501."""
        given.only(("server", "username", "passwordSecretRef", "identity"), "a registry")
        server = given.text("server", "").lower()
        path = f"properties.configuration.registries.{server or 'server'}"
        if not _SERVER.fullmatch(server):
            raise bad_request(
                f"The registry server '{server}' is not a host name.",
                code="ContainerAppRegistryInvalid",
                target=path,
            )
        if given.text("identity"):
            raise not_emulated(
                "pulling images with a managed identity; give a user name and password"
            )
        username, secret = given.text("username"), given.text("passwordSecretRef")
        if not (username and secret):
            raise bad_request(
                f"The registry '{server}' needs a username and a passwordSecretRef.",
                code="ContainerAppRegistryInvalid",
                target=path,
            )
        if secret not in secrets:
            where = f"registry server '{server}'"
            raise unknown_secret(secret, where, f"{path}.passwordSecretRef")
        return cls(server, username, secret)

    def to_body(self) -> dict[str, Any]:
        return {
            "server": self.server,
            "username": self.username,
            "passwordSecretRef": self.secret,
            "identity": "",
        }


@dataclass(frozen=True)
class AppDapr:
    """Dapr's settings while it is not enabled: they are kept, and do nothing on Azure either."""

    settings: Mapping[str, str | int | bool]

    @classmethod
    def read(cls, fields: Fields) -> AppDapr:
        """Raises ArmError 501 when Dapr is enabled."""
        texts = ("appId", "appProtocol", "logLevel")
        numbers = ("appPort", "httpReadBufferSize", "httpMaxRequestSize", "maxConcurrency")
        fields.only((*texts, *numbers, "enabled", "enableApiLogging", "appHealth"), "dapr")
        if fields.flag("enabled", False) or fields.object("appHealth").flag("enabled", False):
            raise not_emulated("Dapr")
        found: dict[str, str | int | bool | None] = {
            "enabled": False,
            **{name: fields.text(name) for name in texts},
            **{name: fields.whole(name, most=2**31 - 1) for name in numbers},
            "enableApiLogging": fields.flag("enableApiLogging"),
        }
        return cls({name: value for name, value in found.items() if value is not None})

    def to_body(self) -> dict[str, Any]:
        return dict(self.settings)


@dataclass(frozen=True)
class AppIdentitySetting:
    """When containers may use an identity of the app. It is kept."""

    identity: str
    lifecycle: str

    @classmethod
    def read(cls, fields: Fields) -> AppIdentitySetting:
        fields.only(("identity", "lifecycle"), "an identity setting")
        lifecycle = fields.choice("lifecycle", ("Init", "Main", "None", "All"), "All")
        return cls(fields.required_text("identity"), lifecycle)

    def to_body(self) -> dict[str, Any]:
        return {"identity": self.identity, "lifecycle": self.lifecycle}


@dataclass(frozen=True)
class AppConfiguration:
    """`mode` is Single or Multiple; `ingress` is None for an app that nobody can call."""

    mode: str
    secrets: tuple[AppSecret, ...]
    registries: tuple[AppRegistry, ...]
    ingress: AppIngress | None
    dapr: AppDapr | None
    most_inactive: int
    identity_settings: tuple[AppIdentitySetting, ...]

    @classmethod
    def read(cls, fields: Fields, kept: Mapping[str, str]) -> AppConfiguration:
        """`kept` has the values of the secrets that come without one.

        Raises ArmError 400 naming the field, or 501.
        """
        fields.only(
            (
                "secrets",
                "activeRevisionsMode",
                "ingress",
                "registries",
                "dapr",
                "runtime",
                "maxInactiveRevisions",
                "service",
                "identitySettings",
                "targetLabel",
                "revisionTransitionThreshold",
            ),
            "a configuration",
        )
        mode = fields.choice("activeRevisionsMode", MODES, "Single")
        if mode == "Labels":
            raise not_emulated("activeRevisionsMode Labels")
        fields.not_emulated(
            ("runtime", "service", "targetLabel", "revisionTransitionThreshold"),
            "a container app",
        )
        secrets = read_secrets(fields, kept)
        names = [secret.name for secret in secrets]
        return cls(
            mode,
            secrets,
            tuple(AppRegistry.read(item, names) for item in fields.objects("registries")),
            AppIngress.read(fields.object("ingress"), mode) if fields.has("ingress") else None,
            AppDapr.read(fields.object("dapr")) if fields.has("dapr") else None,
            whole(fields, "maxInactiveRevisions", 0, MOST_INACTIVE, MOST_INACTIVE),
            tuple(AppIdentitySetting.read(item) for item in fields.objects("identitySettings")),
        )

    @classmethod
    def stored(cls, body: dict[str, Any], secrets: Mapping[str, str]) -> AppConfiguration:
        """Read back what `to_body` made; `secrets` are `secret_values`."""
        return cls.read(Fields(body, "properties.configuration", invalid_schema), secrets)

    @property
    def secret_values(self) -> dict[str, str]:
        return {secret.name: secret.value for secret in self.secrets}

    @property
    def registry_users(self) -> dict[str, tuple[str, str]]:
        """Registry server -> user name and password."""
        values = self.secret_values
        return {one.server: (one.username, values[one.secret]) for one in self.registries}

    def to_body(self, fqdn: str, *, reveal: bool = False) -> dict[str, Any]:
        """As it is shown; `fqdn` is the app's host name. `reveal` puts the secrets' values in."""
        secrets = [
            {"name": one.name, **({"value": one.value} if reveal else {})} for one in self.secrets
        ]
        return {
            "secrets": secrets or None,
            "activeRevisionsMode": self.mode,
            "ingress": self.ingress.to_body(fqdn) if self.ingress else None,
            "registries": [registry.to_body() for registry in self.registries] or None,
            "dapr": self.dapr.to_body() if self.dapr else None,
            "runtime": None,
            "maxInactiveRevisions": self.most_inactive,
            "service": None,
            "identitySettings": [one.to_body() for one in self.identity_settings],
        }
