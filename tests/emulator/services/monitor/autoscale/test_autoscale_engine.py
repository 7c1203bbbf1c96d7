"""The engine, by a clock of its own: cooldowns, what is told once, what a failure does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.arm.errors import ArmError, bad_request
from emulator.arm.operations import Operations
from emulator.arm.readings import Reading
from emulator.data_plane.traffic_counts import TrafficCounts
from emulator.services.monitor.activity_log import ActivityLog
from emulator.services.monitor.autoscale.engine import AutoscaleEngine
from emulator.services.monitor.autoscale.engine_state import EngineState
from emulator.services.monitor.autoscale.pace import AutoscalePace
from emulator.services.monitor.autoscale.paths import AUTOSCALE_TYPE
from emulator.services.monitor.autoscale.profile import AutoscaleProfile
from emulator.services.monitor.autoscale.rule import ScaleRule
from emulator.services.monitor.autoscale.setting_spec import AutoscaleSettingSpec
from emulator.services.monitor.metric_recorder import MetricRecorder
from emulator.store import Resource, Store
from tests.emulator.services.monitor.autoscale.rules import profile, rule

DEPLOYMENT_TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
GROUP = "/subscriptions/s/resourceGroups/g/providers"
BLUE = f"{GROUP}/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e/deployments/blue"
SETTING = f"{GROUP}/{AUTOSCALE_TYPE}/auto"
CPU = "CpuUtilizationPercentage"
MINUTE = 2.0  # seconds, an Azure minute here
pytestmark = pytest.mark.anyio


class Bench:
    """A target whose scale actions end when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1_795_852_800.0
        self.count: int | None = 1
        self.asked: list[int] = []
        self.refusal: ArmError | None = None
        self.cpu: float | None = None
        self.start()

    def start(self) -> None:
        """The emulator begins, with what is stored."""
        self.store = Store(self.folder / "store.db")
        self.operations = Operations(self.store)
        counts = TrafficCounts(self.clock)
        recorder = MetricRecorder(self.store, counts, (self.read,), clock=self.clock)
        activity = ActivityLog(self.store, self.operations)
        pace = AutoscalePace(MINUTE)
        self.engine = AutoscaleEngine(
            self.store,
            self.operations,
            recorder,
            activity,
            {DEPLOYMENT_TYPE: self},
            pace,
            self.clock,
        )

    def clock(self) -> float:
        return self.now

    async def read(self) -> list[Reading]:
        return [] if self.cpu is None else [Reading(BLUE, CPU, ("a",), self.cpu)]

    # As a target

    def instance_count(self, resource: Resource) -> int | None:
        return self.count

    def begin_scale(self, resource: Resource, count: int) -> str:
        if self.refusal:
            raise self.refusal
        self.asked.append(count)
        operation = f"operation-{len(self.asked)}"
        self.operations.insert(operation, resource.id, "scale", {})
        return operation

    def end(self, error: ArmError | None = None) -> None:
        """The scale action under way has ended."""
        if error is None:
            self.count = self.asked[-1]
        status = "Failed" if error else "Succeeded"
        self.operations.end(f"operation-{len(self.asked)}", status, error)

    # What the test does

    def put(self, *profiles: AutoscaleProfile) -> None:
        self.store.put(Resource(BLUE, DEPLOYMENT_TYPE, {"properties": {}}))
        spec = AutoscaleSettingSpec(BLUE, profiles, is_enabled=True)
        setting = Resource(SETTING, AUTOSCALE_TYPE, {"location": "x", **spec.to_body("auto")})
        EngineState(self.now).keep(setting)
        self.store.put(setting)

    async def minutes(self, number: float) -> None:
        for _ in range(int(number * 2)):
            self.now += MINUTE / 2
            await self.engine.look()

    def told(self) -> list[tuple[str, str, str]]:
        """Event, status and new number of instances of each entry of the log."""
        found = [json.loads(row["event"]) for row in self.store.query("SELECT event FROM activity")]
        return [
            (
                one["eventName"]["value"],
                one["status"]["value"],
                one["properties"].get("NewInstancesCount", ""),
            )
            for one in found
        ]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


def on_cpu(condition: str, action: str, **more: Any) -> ScaleRule:
    return rule(f"{CPU} {condition}", action, resource=BLUE, **more)


async def test_a_rule_scales_and_nothing_follows_before_its_cooldown_is_over(bench: Bench):
    bench.cpu = 90
    bench.put(profile(1, 5, on_cpu("> 70", "+1", cooldown=600), on_cpu("< 30", "-1")))
    await bench.minutes(3)
    assert bench.asked == [2]
    await bench.minutes(3)  # it is under way, and nothing else happens
    bench.end()
    bench.cpu = 1
    await bench.minutes(3)
    assert bench.asked == [2]
    bench.store.close()
    bench.start()  # the cooldown is remembered
    await bench.minutes(1)
    assert bench.asked == [2]
    await bench.minutes(5)
    assert bench.asked == [2, 1]
    bench.end()
    assert bench.told() == [
        ("AutoscaleAction", "Succeeded", "2"),
        ("GetOperationStatusResult", "Succeeded", "2"),
        ("AutoscaleAction", "Succeeded", "1"),
        ("GetOperationStatusResult", "Succeeded", "1"),
    ]


async def test_a_scale_action_under_way_at_a_crash_is_told_when_it_has_failed(bench: Bench):
    bench.put(profile(2, 5))
    await bench.minutes(1)
    assert bench.asked == [2]
    bench.store.close()
    bench.start()
    bench.end(bad_request("interrupted"))
    assert bench.told()[-1] == ("GetOperationStatusResult", "Failed", "2")
    await bench.minutes(4)
    assert bench.asked == [2]
    await bench.minutes(2)
    assert bench.asked == [2, 2]


async def test_what_the_target_refuses_has_failed_and_is_not_tried_at_each_look(bench: Bench):
    bench.refusal = bad_request("no quota", code="OutOfQuota")
    bench.put(profile(2, 5))
    await bench.minutes(4)
    assert bench.told() == [
        ("AutoscaleAction", "Succeeded", "2"),
        ("GetOperationStatusResult", "Failed", "2"),
    ]
    bench.refusal = None
    await bench.minutes(3)
    assert bench.asked == [2]


async def test_flapping_is_told_once(bench: Bench):
    bench.count, bench.cpu = 2, 28
    bench.put(profile(1, 5, on_cpu("> 50", "+1"), on_cpu("< 30", "-1")))
    await bench.minutes(8)
    assert bench.told() == [("Flapping", "Succeeded", "2")]
    bench.count, bench.cpu = 2, 40
    await bench.minutes(8)
    bench.cpu = 28
    await bench.minutes(8)
    assert bench.told() == [("Flapping", "Succeeded", "2")] * 2
    assert bench.asked == []


async def test_scaling_in_by_fewer_is_told_with_both_numbers(bench: Bench):
    bench.count, bench.cpu = 6, 20
    bench.put(profile(1, 9, on_cpu("> 35", "+1"), on_cpu("< 30", "-5")))
    await bench.minutes(3)
    assert bench.asked == [4]
    assert bench.told() == [
        ("FlappingOccurred", "Succeeded", "4"),
        ("AutoscaleAction", "Succeeded", "4"),
    ]


async def test_a_metric_that_is_not_to_be_had_is_told_once_and_the_default_holds(bench: Bench):
    bench.put(profile(1, 5, on_cpu("> 70", "+1"), default=3))
    await bench.minutes(5)
    assert (bench.told(), bench.asked) == ([], [])  # it may still come
    await bench.minutes(2)
    assert bench.asked == [3]
    bench.end()
    assert bench.told()[0] == ("MetricFailure", "Failed", "")
    bench.cpu = 50
    await bench.minutes(10)
    names = [name for name, _, _ in bench.told()]
    assert names == [
        "MetricFailure",
        "AutoscaleAction",
        "GetOperationStatusResult",
        "MetricRecovery",
    ]


async def test_what_is_being_changed_disabled_or_gone_is_left_alone(bench: Bench):
    bench.put(profile(2, 5))
    bench.count = None
    await bench.minutes(2)
    bench.count = 1
    bench.store.delete(BLUE)
    await bench.minutes(2)
    assert bench.asked == []
    bench.store.put(Resource(BLUE, DEPLOYMENT_TYPE, {"properties": {}}))
    await bench.minutes(1)
    assert bench.asked == [2]  # one of the same id has come
