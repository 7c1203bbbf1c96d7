"""The engine: looks at every setting that is enabled, and scales what it is for.

It looks twice in an Azure minute; Azure's does so every 30 to 60 seconds. While no setting is
enabled it sleeps.

https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-understanding-settings#autoscale-evaluation
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from emulator.arm.errors import ArmError
from emulator.arm.ids import new_guid
from emulator.arm.operations import Operations
from emulator.services.monitor.activity_event import Event
from emulator.services.monitor.activity_log import ActivityLog
from emulator.services.monitor.autoscale import autoscale_event
from emulator.services.monitor.autoscale.decision import Observed, ScaleDecision, decide
from emulator.services.monitor.autoscale.engine_state import EngineState
from emulator.services.monitor.autoscale.pace import AutoscalePace
from emulator.services.monitor.autoscale.paths import AUTOSCALE_TYPE
from emulator.services.monitor.autoscale.profile import AutoscaleProfile, profile_at
from emulator.services.monitor.autoscale.rule import MINUTE
from emulator.services.monitor.autoscale.rule_metrics import RuleMetrics, watched_by
from emulator.services.monitor.autoscale.scale_target import ScaleTarget
from emulator.services.monitor.autoscale.setting_spec import AutoscaleSettingSpec
from emulator.services.monitor.metric_recorder import MetricRecorder
from emulator.store import Resource, Store

# A scale action that has failed is not tried again before so many Azure seconds. Microsoft says
# nothing of it.
RETRY_AFTER = 5 * MINUTE
_log = logging.getLogger(__name__)


class AutoscaleEngine:
    """`targets` are what can be scaled, by type. `clock` returns seconds since 1970."""

    def __init__(
        self,
        store: Store,
        operations: Operations,
        recorder: MetricRecorder,
        activity: ActivityLog,
        targets: Mapping[str, ScaleTarget],
        pace: AutoscalePace,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.recorder = recorder
        self.activity = activity
        self.targets = {kind.lower(): target for kind, target in targets.items()}
        self.pace = pace
        self.clock = clock
        self.started = clock()
        self.metrics = RuleMetrics(store, pace, clock)
        self.task: asyncio.Task[None] | None = None
        self._is_wanted = asyncio.Event()
        # Scale actions under way -> the setting that has begun them.
        self._under_way = {
            operation: setting.id
            for setting in store.of_type(AUTOSCALE_TYPE)
            if (operation := EngineState.of(setting).operation)
        }
        operations.listeners.append(self._ended)
        recorder.listeners.append(self.metrics.record)

    def start(self) -> None:
        self._is_wanted.set()
        self.task = asyncio.create_task(self._run(), name="autoscale")

    def wake(self) -> None:
        """A setting was put: from now on there is something to look at."""
        self._is_wanted.set()

    async def close(self) -> None:
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._is_wanted.wait()
            await asyncio.sleep(self.pace.until_next_half(self.clock()))
            try:
                await self.look()
            except Exception:
                _log.exception("autoscale")

    async def look(self) -> None:
        """Read the metrics, and do what each setting that is enabled says."""
        specs = {setting.id: spec for setting, spec in self._enabled()}
        watched = watched_by(
            rule.trigger
            for spec in specs.values()
            for profile in spec.profiles
            for rule in profile.rules
        )
        self.metrics.watch(watched)
        if not specs:
            self._is_wanted.clear()
            return
        await self.recorder.look()
        for setting_id, spec in specs.items():
            setting = self.store.get(setting_id)
            if setting is None or AutoscaleSettingSpec.stored(setting) != spec:
                continue  # it was changed meanwhile, and the next look is at that
            try:
                self._evaluate(setting, spec)
            except Exception:
                _log.exception("%s", setting_id)

    def _enabled(self) -> list[tuple[Resource, AutoscaleSettingSpec]]:
        found = [
            (one, AutoscaleSettingSpec.stored(one)) for one in self.store.of_type(AUTOSCALE_TYPE)
        ]
        return [(setting, spec) for setting, spec in found if spec.is_enabled]

    def _evaluate(self, setting: Resource, spec: AutoscaleSettingSpec) -> None:
        now, state = self.clock(), EngineState.of(setting)
        resource = self.store.get(spec.target)
        profile = profile_at(spec.profiles, datetime.fromtimestamp(now, UTC))
        if resource is None or profile is None or state.operation:
            return
        target = self.targets[resource.type.lower()]
        count = target.instance_count(resource)
        if count is None or now - state.failed < self.pace.here(RETRY_AFTER):
            return
        observed = self._observe(profile, count, now)
        self._tell_of_metrics(setting, state, observed, now)
        if observed and all(one.value is None for one in observed) and not state.lacks_metrics:
            observed = []  # they are not lacking before there could have been some
        cools_down = now - state.acted < self.pace.here(state.cooldown)
        decision = decide(profile, count, observed, cools_down=cools_down)
        self._tell_of_flapping(setting, state, profile, resource, count, decision)
        if decision.count != count:
            self._act(setting, state, profile, resource, count, decision)

    def _observe(self, profile: AutoscaleProfile, count: int, now: float) -> list[Observed]:
        found = []
        for rule in profile.rules:
            resource = self.store.get(rule.trigger.resource)
            value = (
                self.metrics.value(rule.trigger, resource.type, count, now) if resource else None
            )
            found.append(Observed(rule, value))
        return found

    # Telling

    def _tell_of_metrics(
        self, setting: Resource, state: EngineState, observed: Sequence[Observed], now: float
    ) -> None:
        """Write down, once, that a metric has no value; not before it could have had one."""
        missing = [one.rule.trigger for one in observed if one.value is None]
        watched = now - max(state.watched_since, self.started)
        lacks = any(watched >= self.pace.here(one.window + MINUTE) for one in missing)
        if lacks == state.lacks_metrics:
            return
        state.lacks_metrics = lacks
        if lacks:
            names = ", ".join(sorted({one.metric for one in missing}))
            self._write(setting, state, autoscale_event.metric_failure(setting, names))
        else:
            self._write(setting, state, autoscale_event.metric_recovery(setting))

    def _tell_of_flapping(
        self,
        setting: Resource,
        state: EngineState,
        profile: AutoscaleProfile,
        resource: Resource,
        count: int,
        decision: ScaleDecision,
    ) -> None:
        """Write down, once, what is not done, or not whole, because of flapping."""
        flaps = decision.intended is not None
        if decision.intended is not None and not (state.flaps and decision.count == count):
            counts = count, decision.count
            event = autoscale_event.flapping(
                setting, profile, resource.id, counts, decision.intended
            )
            state.flaps = True
            self._write(setting, state, event)
        elif flaps != state.flaps:
            state.flaps = flaps
            self._keep(setting, state)

    def _write(self, setting: Resource, state: EngineState, *events: Event) -> None:
        with self.store.transaction():
            self._keep(setting, state)
            for event in events:
                self.activity.write(event)

    def _keep(self, setting: Resource, state: EngineState) -> None:
        state.keep(setting)
        self.store.put(setting)

    # Scaling

    def _act(
        self,
        setting: Resource,
        state: EngineState,
        profile: AutoscaleProfile,
        resource: Resource,
        count: int,
        decision: ScaleDecision,
    ) -> None:
        counts = count, decision.count
        state.acted, state.cooldown = self.clock(), decision.cooldown or state.cooldown
        state.old, state.new = counts
        try:
            operation = self.targets[resource.type.lower()].begin_scale(resource, decision.count)
        except ArmError as error:
            state.failed = self.clock()
            shared = new_guid()
            self._write(
                setting,
                state,
                autoscale_event.scaling(setting, profile, resource.id, counts, shared),
                autoscale_event.scaled(setting, resource.id, counts, shared, error.message),
            )
            return
        state.operation, state.failed = operation, 0.0
        self._under_way[operation] = setting.id
        self._write(
            setting,
            state,
            autoscale_event.scaling(setting, profile, resource.id, counts, operation),
        )

    def _ended(self, operation: str, error: ArmError | None) -> None:
        """An operation has ended, perhaps a scale action; within the transaction that ends it."""
        setting_id = self._under_way.pop(operation, None)
        setting = self.store.get(setting_id) if setting_id else None
        if setting is None:
            return
        state = EngineState.of(setting)
        state.operation = ""
        state.failed = self.clock() if error else 0.0
        self._keep(setting, state)
        target = AutoscaleSettingSpec.stored(setting).target
        self.activity.write(
            autoscale_event.scaled(
                setting, target, (state.old, state.new), operation, error.message if error else ""
            )
        )
