"""An autoscale setting as it is asked for: read once from a body, and written as it is shown.

https://learn.microsoft.com/rest/api/monitor/autoscale-settings/create-or-update
https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-understanding-settings
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.arm.fields import Fields, refusing
from emulator.arm.tags import read_tags
from emulator.services.monitor.autoscale.profile import AutoscaleProfile, read_profile
from emulator.store import Resource

MOST_PROFILES = 20
PREDICTIVE_MODES = ("Disabled", "ForecastOnly", "Enabled")
bad_setting = refusing("BadRequest")


@dataclass(frozen=True)
class AutoscaleSettingSpec:
    """`target` is the id of what is scaled. `notifications` are kept, and nobody is notified."""

    target: str
    profiles: tuple[AutoscaleProfile, ...]
    is_enabled: bool = False
    target_location: str = ""
    notifications: tuple[Mapping[str, Any], ...] = ()
    has_policy: bool = False
    tags: Mapping[str, str] | None = None

    @classmethod
    def stored(cls, setting: Resource) -> AutoscaleSettingSpec:
        """The setting that a stored body describes."""
        return read_setting(Fields(setting.body, refuse=bad_setting))

    @property
    def longest_cooldown(self) -> float:
        """Of its rules, in Azure's seconds; 0 without rules."""
        rules = (rule for profile in self.profiles for rule in profile.rules)
        return max((rule.action.cooldown for rule in rules), default=0.0)

    def to_body(self, name: str) -> dict[str, Any]:
        """The body as Azure shows it, but for where it is; `read_setting` reads it."""
        properties: dict[str, Any] = {
            "profiles": [profile.to_body() for profile in self.profiles],
            "enabled": self.is_enabled,
            "name": name,
            "targetResourceUri": self.target,
            "notifications": list(self.notifications),
        }
        if self.target_location:
            properties["targetResourceLocation"] = self.target_location
        if self.has_policy:
            policy = {"scaleMode": "Disabled", "scaleLookAheadTime": None}
            properties["predictiveAutoscalePolicy"] = policy
        return {"tags": dict(self.tags or {}), "properties": properties}


def read_setting(body: Fields) -> AutoscaleSettingSpec:
    """Raises ArmError 400, 501."""
    properties = body.object("properties", required=True)
    target = properties.text("targetResourceUri")
    if not target:
        # https://github.com/Azure/azure-sdk-for-net/issues/43948
        raise bad_request(
            "Request content is not well formed or supported.", code="UnsupportedRequestContent"
        )
    return AutoscaleSettingSpec(
        target.rstrip("/"),
        _read_profiles(properties),
        # The reference: "The default value is 'false'."
        properties.flag("enabled", False),
        properties.text("targetResourceLocation", ""),
        tuple(_read_notification(one) for one in properties.objects("notifications")),
        _read_policy(properties),
        read_tags(body),
    )


def _read_profiles(properties: Fields) -> tuple[AutoscaleProfile, ...]:
    profiles = tuple(map(read_profile, properties.objects("profiles")))
    if not profiles:
        raise properties.missing("profiles")
    if len(profiles) > MOST_PROFILES:
        raise properties.error(
            "profiles",
            f"The setting has {len(profiles)} profiles, more than {MOST_PROFILES}, the most that "
            "it can have.",
        )
    if sum(profile.is_default for profile in profiles) > 1:
        raise properties.error(
            "profiles", "Only one profile can be without a fixed date and a recurrence."
        )
    return profiles


def _read_policy(properties: Fields) -> bool:
    """Whether there is one, which can only be Disabled."""
    policy = properties.object("predictiveAutoscalePolicy")
    mode = policy.choice("scaleMode", PREDICTIVE_MODES)
    if mode not in (None, "Disabled"):
        # https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-predictive
        raise not_emulated("predictive autoscale, which Azure has for virtual machine scale sets")
    return mode is not None


def _read_notification(fields: Fields) -> dict[str, Any]:
    if fields.choice("operation", ("Scale",)) is None:
        raise fields.missing("operation")
    email = fields.object("email")
    shown: dict[str, Any] = {"operation": "Scale"}
    if fields.has("email"):
        shown["email"] = {
            name: email.flag(name, False)
            for name in ("sendToSubscriptionAdministrator", "sendToSubscriptionCoAdministrators")
        } | {"customEmails": email.texts("customEmails")}
    shown["webhooks"] = [
        {
            "serviceUri": webhook.required_text("serviceUri"),
            "properties": webhook.mapping("properties"),
        }
        for webhook in fields.objects("webhooks")
    ]
    return shown


def immutable_target(name: str, group: str, target: str) -> ArmError:
    # https://github.com/Azure/vm-scale-sets/issues/4
    return bad_request(
        f"The autoscale setting '{name}' under resource group '{group}' is referencing target "
        f"resource '{target}'. The target resource reference is immutable. If you want to change "
        "it, please create a new autoscale setting with a different name.",
        code="TargetResourceIdIsImmutable",
        target="properties.targetResourceUri",
    )
