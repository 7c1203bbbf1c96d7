"""Autoscale settings in Resource Manager.

https://learn.microsoft.com/rest/api/monitor/autoscale-settings

One outlives what it scales, and holds again for what comes to have the same id:
https://github.com/MicrosoftDocs/azure-docs/issues/117585
"""

from __future__ import annotations

import re

from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request, conflict, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, resource_group_of, system_data
from emulator.arm.lifecycle import AT_ONCE, Lifecycle
from emulator.arm.locations import check_place
from emulator.arm.merge_patch import merge
from emulator.arm.operation_names import name_operation
from emulator.arm.resources import page, require, shown
from emulator.services.monitor.autoscale.engine import AutoscaleEngine
from emulator.services.monitor.autoscale.engine_state import EngineState
from emulator.services.monitor.autoscale.paths import (
    AUTOSCALE_OF_SUBSCRIPTION,
    AUTOSCALE_SETTING,
    AUTOSCALE_SETTINGS,
    AUTOSCALE_TYPE,
)
from emulator.services.monitor.autoscale.rule import MetricTrigger
from emulator.services.monitor.autoscale.rule_metrics import check_metric
from emulator.services.monitor.autoscale.setting_spec import (
    AutoscaleSettingSpec,
    bad_setting,
    immutable_target,
    read_setting,
)
from emulator.store import Resource

# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftinsights
_NAME = re.compile(r"[^:@/\\#?%&+*<>\"'|{}]{1,260}(?<![ .])")


class AutoscaleSettings:
    ROUTES = (
        ("PUT", AUTOSCALE_SETTING, "create_or_update"),
        ("DELETE", AUTOSCALE_SETTING, "delete"),
        ("GET", AUTOSCALE_SETTING, "get"),
        ("GET", AUTOSCALE_SETTINGS, "list"),
        ("GET", AUTOSCALE_OF_SUBSCRIPTION, "list"),
        ("PATCH", AUTOSCALE_SETTING, "update"),
    )

    def __init__(self, changes: Changes, engine: AutoscaleEngine) -> None:
        self.store = changes.store
        self.changes = changes
        self.engine = engine
        # Azure shows no provisioning state of them.
        changes.register(Lifecycle(AUTOSCALE_TYPE, moves=AT_ONCE, show=lambda _: None))

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        """Answered when it is done, with 201 and then 200."""
        name = request.params["autoscaleSettingName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"The name '{name}' of an autoscale setting is invalid: 1 to 260 characters, none "
                "of : @ / \\ # ? % & + * < > \" ' | { }, and no blank or period at the end.",
                code="InvalidResourceName",
            )
        before = self.store.get(request.id)
        spec = read_setting(Fields(request.body, refuse=bad_setting))
        location = check_place(Fields(request.body).raw("location"), before, AUTOSCALE_TYPE)
        self._check_target(spec, request.id)
        setting = self._put(request, before, spec, location)
        return ArmResponse(shown(setting), 200 if before else 201)

    async def delete(self, request: ArmRequest) -> ArmResponse:
        setting = self.store.get(request.id)
        if setting is None:
            return ArmResponse(None, 204)
        await self.changes.run("delete", setting, setting)
        return ArmResponse()

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(require(self.store, request.id)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        return page(request, [shown(one) for one in self.store.of_type(AUTOSCALE_TYPE, scope)])

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags, and any of the properties."""
        before = require(self.store, request.id)
        patch = Fields(request.body, refuse=bad_setting)
        news = {name: patch.raw(name) for name in ("tags", "properties") if patch.is_named(name)}
        spec = read_setting(Fields(merge(before.body, news), refuse=bad_setting))
        setting = self._put(request, before, spec, before.body["location"])
        return ArmResponse(shown(setting))

    def _put(
        self,
        request: ArmRequest,
        before: Resource | None,
        spec: AutoscaleSettingSpec,
        location: str,
    ) -> Resource:
        setting_id = before.id if before else request.id
        name, state = name_of(setting_id), EngineState(self.engine.clock())
        if before:
            old, state = AutoscaleSettingSpec.stored(before), EngineState.of(before)
            if old.target.lower() != spec.target.lower():
                raise immutable_target(name, resource_group_of(setting_id), old.target)
            if not old.is_enabled or old.profiles != spec.profiles:
                state.watched_since = self.engine.clock()
                # Microsoft says nothing of a cooldown whose rule is changed.
                state.cooldown = min(state.cooldown, spec.longest_cooldown)
        if not before or old.profiles != spec.profiles:
            for profile in spec.profiles:
                for rule in profile.rules:
                    self._check_metric(rule.trigger)
        setting = Resource(
            setting_id,
            AUTOSCALE_TYPE,
            {
                "location": location,
                **spec.to_body(name),
                "systemData": system_data(
                    request.claims, before.body["systemData"] if before else None
                ),
            },
        )
        state.keep(setting)
        self.changes.apply("put", setting, before)
        self.engine.wake()
        return setting

    def _check_target(self, spec: AutoscaleSettingSpec, setting_id: str) -> None:
        """Raises ArmError 400, 404, 409, 501."""
        kind = name_operation("GET", spec.target).resource_type
        if kind.lower() not in self.engine.targets:
            raise not_emulated(f"autoscale settings of {kind}")
        if self.store.get(spec.target) is None:
            # https://github.com/Azure/azure-powershell/issues/11710
            raise ArmError(
                404,
                "TargetResourceNotFound",
                f"The target resource id '{spec.target}' could not be found.",
            )
        for other in self.store.of_type(AUTOSCALE_TYPE):
            same = AutoscaleSettingSpec.stored(other).target.lower() == spec.target.lower()
            if same and other.id.lower() != setting_id.lower():
                # https://github.com/pulumi/pulumi-azure/issues/787
                raise conflict(
                    f"The autoscale setting '{other.name}' under resource group "
                    f"'{resource_group_of(other.id)}' is referencing target resource "
                    f"'{spec.target}' already. A resource can only have one autoscale setting."
                )

    def _check_metric(self, trigger: MetricTrigger) -> None:
        resource = self.store.get(trigger.resource)
        if resource is None:
            raise bad_request(
                f"The metric resource '{trigger.resource}' could not be found.",
                code="BadRequest",
                target="metricResourceUri",
            )
        check_metric(trigger, resource)
