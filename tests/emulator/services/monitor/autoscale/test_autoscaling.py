"""Deployments that are really scaled: by requests that are sent, by limits, over a crash."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor.models import (
    AutoscaleProfile,
    MetricTrigger,
    ScaleAction,
    ScaleCapacity,
    ScaleRule,
)

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from emulator.home import Home
from tests.conftest import LocalAzure
from tests.emulator.services.arm import HOME
from tests.emulator.services.deployments import Workbench, inference_servers
from tests.waiting import until

MINUTE = timedelta(minutes=1)
# Says which instance has answered.
WHO = """
import os, time, json

def init(): ...

def run(raw_data):
    time.sleep(json.loads(raw_data).get("sleep", 0))
    return os.getpid()
"""
# Starts once; an instance that comes later does not.
ONLY_ONE = """
import os, json
from pathlib import Path

def init():
    Path(os.environ["ONCE"]).mkdir()

def run(raw_data):
    return os.getpid()
"""


class Autoscaled:
    """A deployment in an emulator whose Azure minutes take half a second."""

    def __init__(self, azure: LocalAzure, bench: Workbench) -> None:
        self.azure = azure
        self.bench = bench
        self.monitor = MonitorManagementClient(DefaultAzureCredential(), SUBSCRIPTION)

    def deploy(self, script: str = WHO, **extra: Any) -> None:
        self.endpoint = self.bench.endpoint().name
        self.bench.deploy(self.endpoint, "blue", script=script, **extra)
        self.bench.send_traffic(self.endpoint, blue=100)
        self.endpoint_id = f"{HOME}/onlineEndpoints/{self.endpoint}"
        self.id = f"{self.endpoint_id}/deployments/blue"

    def autoscale(
        self, minimum: int, maximum: int, *rules: ScaleRule, default: int | None = None
    ) -> str:
        """Put the one setting of the deployment, and return its id."""
        capacity = ScaleCapacity(
            minimum=str(minimum), maximum=str(maximum), default=str(default or minimum)
        )
        profile = AutoscaleProfile(name="usual", capacity=capacity, rules=list(rules))
        made = self.monitor.autoscale_settings.create_or_update(
            RESOURCE_GROUP,
            f"scale-{self.endpoint}",
            {
                "location": REGION,
                "enabled": True,
                "target_resource_uri": self.id,
                "profiles": [profile],
            },
        )
        return str(made.id)

    def by_requests(
        self, operator: str, threshold: float, direction: str, cooldown: timedelta = MINUTE
    ) -> ScaleRule:
        return ScaleRule(
            metric_trigger=MetricTrigger(
                metric_name="RequestsPerMinute",
                metric_resource_uri=self.endpoint_id,
                time_grain=MINUTE,
                statistic="Average",
                time_window=5 * MINUTE,
                time_aggregation="Average",
                operator=operator,
                threshold=threshold,
            ),
            scale_action=ScaleAction(
                direction=direction, type="ChangeCount", value="1", cooldown=cooldown
            ),
        )

    @property
    def count(self) -> int | None:
        """How many instances there are, once as many have come or gone as there are to be."""
        found = self.bench.client.online_deployments.get("blue", self.endpoint)
        return found.instance_count if found.provisioning_state == "Succeeded" else None

    def events(self, setting: str) -> list[Any]:
        """What autoscale has written to the activity log, the oldest first."""
        asked = f"eventTimestamp ge '2026-11-28T00:00:00Z' and resourceUri eq '{setting}'"
        found = [
            one
            for one in self.monitor.activity_logs.list(filter=asked)
            if one.category.value == "Autoscale"
        ]
        return found[::-1]

    @contextmanager
    def load(self, clients: int, pause: float = 0) -> Iterator[list[Any]]:
        """Requests from so many clients at once; yields the answers as they come."""
        answers: list[Any] = []
        over = threading.Event()

        def ask() -> None:
            call = self.bench.caller(self.endpoint)
            while not over.is_set():
                answers.append(call({"sleep": 0.01}))
                over.wait(pause)

        threads = [threading.Thread(target=ask) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield answers
        finally:
            over.set()
            for thread in threads:
                thread.join()


@pytest.fixture
def scaled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unique: str
) -> Iterator[Callable[[], Autoscaled]]:
    monkeypatch.setenv("AZURE_LOCAL_AUTOSCALE_MINUTE", "0.5")
    azure = LocalAzure(Home(tmp_path / "local-azure"))
    for name, value in azure.environment.items():
        monkeypatch.setenv(name, value)
    client = MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)
    yield Autoscaled(azure, Workbench(client, tmp_path, unique))
    azure.stop()


def test_load_brings_instances_and_its_end_takes_them_away(scaled: Autoscaled):
    scaled.deploy()
    out = scaled.by_requests("GreaterThan", 600, "Increase")
    setting = scaled.autoscale(1, 3, out, scaled.by_requests("LessThan", 100, "Decrease"))
    with scaled.load(4) as answers:
        until(lambda: scaled.count == 3, 60)
        assert len(inference_servers(scaled.azure)) >= 3
        began = len(answers)
        until(lambda: len({one.text for one in answers[began:] if one.ok}) >= 3)
    assert {one.status_code for one in answers} <= {200, 429}
    with scaled.load(1, pause=1.5) as answers:  # 40 a minute
        until(lambda: scaled.count == 1, 60)
    assert {one.status_code for one in answers} == {200}

    scale_ups, scale_downs = (
        [one for one in scaled.events(setting) if one.operation_name.value.split("/")[-2] == kind]
        for kind in ("Scaleup", "Scaledown")
    )
    counts = [
        (one.properties["OldInstancesCount"], one.properties["NewInstancesCount"])
        for one in (*scale_ups[:2], *scale_downs[-2:])
    ]
    assert counts == [("1", "2"), ("2", "3"), ("3", "2"), ("2", "1")]
    first = scale_ups[0]
    assert (first.category.value, first.event_name.value) == ("Autoscale", "AutoscaleAction")
    assert first.caller == "Microsoft.Insights/autoscaleSettings"
    assert first.description == (
        f"The autoscale engine attempting to scale resource '{scaled.id}' from 1 instances count "
        "to 2 instances count."
    )
    assert first.properties["ResourceName"] == scaled.id
    assert '"Name": "usual"' in first.properties["ActiveAutoscaleProfile"]
    ended = [one for one in scaled.events(setting) if one.correlation_id == first.correlation_id]
    assert [(one.event_name.value, one.status.value) for one in ended] == [
        ("AutoscaleAction", "Succeeded"),
        ("GetOperationStatusResult", "Succeeded"),
    ]


def test_limits_hold_over_what_is_set_by_hand_and_an_instance_that_cannot_start_is_told(
    scaled: Autoscaled, tmp_path: Path
):
    once = tmp_path / "once"
    scaled.deploy(ONLY_ONE, environment_variables={"ONCE": str(once)})
    setting = scaled.autoscale(2, 3)
    until(lambda: len(scaled.events(setting)) >= 2)
    begun, ended = scaled.events(setting)[:2]
    assert (begun.operation_name.value, begun.status.value) == (
        "Microsoft.Insights/AutoscaleSettings/Scaleup/Action",
        "Succeeded",
    )
    assert (ended.operation_name.value, ended.status.value, ended.level) == (
        "Microsoft.Insights/AutoscaleSettings/ScaleupResult/Action",
        "Failed",
        "Error",
    )
    assert "from 1 instances count to 2 instances count: User container" in ended.description
    assert scaled.bench.caller(scaled.endpoint)({}).status_code == 200

    once.rmdir()  # one more can start
    until(lambda: scaled.count == 2)
    once.rmdir()
    blue = scaled.bench.client.online_deployments.get("blue", scaled.endpoint)
    blue.instance_count = 1
    scaled.bench.client.online_deployments.begin_create_or_update(blue).result()
    until(lambda: scaled.count == 2)
    assert scaled.events(setting)[-1].status.value == "Succeeded"


def test_a_cooldown_outlives_a_crash(scaled: Autoscaled):
    scaled.deploy()
    day = timedelta(days=1)
    setting = scaled.autoscale(1, 3, scaled.by_requests("GreaterThan", 60, "Increase", day))
    with scaled.load(1):
        until(lambda: scaled.count == 2)
    told = [one.event_data_id for one in scaled.events(setting)]
    scaled.azure.kill()
    scaled.azure.start()
    with scaled.load(1) as answers:
        until(lambda: len(answers) > 200)
    assert [one.event_data_id for one in scaled.events(setting)] == told
    assert scaled.count == 2
    # Without the cooldown there is a third.
    scaled.autoscale(1, 3, scaled.by_requests("GreaterThan", 60, "Increase"))
    with scaled.load(1):
        until(lambda: scaled.count == 3, 200)
