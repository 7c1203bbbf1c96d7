"""What a rule compares with its threshold: minutes that are shorter, and values that are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.arm.readings import Reading
from emulator.data_plane.traffic_counts import TrafficCounts
from emulator.services.monitor.autoscale.pace import AutoscalePace
from emulator.services.monitor.autoscale.rule import MetricTrigger, RuleDimension
from emulator.services.monitor.autoscale.rule_metrics import RuleMetrics, watched_by
from emulator.services.monitor.metric_recorder import MetricRecorder
from emulator.store import Store
from tests.emulator.services.monitor.autoscale.rules import rule

ENDPOINT_TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
ENDPOINT = f"/subscriptions/s/resourceGroups/g/providers/{ENDPOINT_TYPE[:-16]}/w/onlineEndpoints/E"
BLUE = f"{ENDPOINT}/deployments/blue"
CPU = "CpuUtilizationPercentage"
FIVE = 5.0  # seconds, an Azure minute here


class Bench:
    """Time goes on minute by minute, and what comes in each is counted at its end."""

    def __init__(self, store: Store) -> None:
        self.now = 1_795_852_800.0
        self.store = store
        self.start()

    def start(self) -> None:
        """The emulator begins, with what is stored."""
        store = self.store
        self.recorder = MetricRecorder(store, TrafficCounts(self.clock), (), clock=self.clock)
        self.metrics = RuleMetrics(store, AutoscalePace(FIVE), self.clock)
        self.recorder.listeners.append(self.metrics.record)
        self.metrics.watch(watched_by([self.trigger(CPU), self.trigger("RequestLatency")]))

    def clock(self) -> float:
        return self.now

    def trigger(self, metric: str, **more: Any) -> MetricTrigger:
        of = {"resource": BLUE if metric == CPU else ENDPOINT}
        return rule(f"{metric} > 0", "+1", **(of | more)).trigger

    def minutes(
        self, *counts: int, cpu: dict[str, float] | None = None, deployment: str = "blue"
    ) -> None:
        for count in counts:
            self.now += FIVE
            for _ in range(count):
                labels = (deployment, "200", "200")
                self.recorder.counts.answered(ENDPOINT, labels, 0.02, 10)
            readings = [Reading(BLUE, CPU, (name,), used) for name, used in (cpu or {}).items()]
            self.recorder.save(readings)

    def value(self, metric: str, *, instances: int = 1, **more: Any) -> float | None:
        kind = f"{ENDPOINT_TYPE}/deployments" if metric == CPU else ENDPOINT_TYPE
        return self.metrics.value(self.trigger(metric, **more), kind, instances, self.now)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = Store(tmp_path / "store.db")
    yield Bench(store)
    store.close()


def test_requests_are_as_many_in_a_minute_as_azure_monitor_says(bench: Bench):
    bench.minutes(0, 50, 100, 150)
    # Twelve of these minutes are one of a clock's.
    assert bench.value("RequestsPerMinute", window=180) == pytest.approx(1200)
    assert bench.value("RequestsPerMinute", window=180, time_aggregation="Last") == 1800
    assert bench.value("RequestsPerMinute", window=180, time_aggregation="Minimum") == 600
    assert bench.value("RequestsPerMinute", window=180, time_aggregation="Count") == 3
    grain = {"grain": 120, "window": 240, "time_aggregation": "Last"}
    assert bench.value("RequestsPerMinute", **grain) == pytest.approx(1500)
    assert bench.value("RequestsPerMinute", window=180, is_per_instance=True, instances=3) == 400
    assert bench.value("RequestLatency") == pytest.approx(20)


def test_a_minute_without_requests_has_none_and_no_latency(bench: Bench):
    assert bench.value("RequestsPerMinute") is None
    bench.minutes(0, 60, 0, 0, 0, 0)
    assert bench.value("RequestsPerMinute") == pytest.approx(144)
    bench.minutes(0)
    assert bench.value("RequestsPerMinute") == 0
    assert bench.value("RequestLatency") is None


def test_what_came_before_a_resource_was_watched_is_unknown(bench: Bench):
    bench.minutes(60, 60)
    # The first was under way when watching began.
    assert bench.value("RequestsPerMinute") == pytest.approx(720)
    bench.metrics.watch(())
    bench.minutes(60, 60, 60, 60, 60)
    bench.metrics.watch(watched_by([bench.trigger("RequestsPerMinute")]))
    assert bench.value("RequestsPerMinute", window=120) is None
    bench.minutes(60, 60)
    assert bench.value("RequestsPerMinute", window=180) == pytest.approx(720)


def test_dimensions_choose_what_counts(bench: Bench):
    bench.minutes(0, 10)
    bench.minutes(30, deployment="green")
    found = {
        name: bench.value(
            "RequestsPerMinute",
            window=120,
            dimensions=(RuleDimension("Deployment", is_in, values),),
        )
        for name, is_in, values in (
            ("blue", True, ("Blue",)),
            ("both", True, ("blue", "green")),
            ("green", False, ("blue",)),
            ("neither", True, ("red",)),
        )
    }
    assert found == {"blue": 60, "both": 240, "green": 180, "neither": 0}


def test_instances_are_combined_by_the_statistic_and_minutes_by_the_aggregation(bench: Bench):
    bench.minutes(0, 0, cpu={"a": 10, "b": 30})
    bench.minutes(0, cpu={"a": 50, "b": 70})
    assert bench.value(CPU) == 40
    assert bench.value(CPU, statistic="Max") == 50
    assert bench.value(CPU, statistic="Max", time_aggregation="Maximum") == 70
    assert bench.value(CPU, statistic="Min", time_aggregation="Last") == 50
    assert bench.value(CPU, statistic="Sum") is None  # Azure Monitor has no total of it
    bench.minutes(0, 0, 0, 0)
    assert bench.value(CPU) == 60
    bench.minutes(0)
    assert bench.value(CPU) is None


def test_what_was_observed_outlives_a_crash(bench: Bench):
    bench.minutes(0, 50, 100, cpu={"a": 40})
    bench.start()
    assert bench.value("RequestsPerMinute", window=120) == pytest.approx(900)
    assert bench.value(CPU) == 40
    bench.minutes(0)
    # The minute in which it began again is unknown.
    assert bench.value("RequestsPerMinute", window=180) == pytest.approx(900)
