"""Scaling by HTTP concurrency, scale to zero, the cold start, probes."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.apps_bench import AppsBench
from tests.waiting import until


def scale(least: int, most: int, concurrency: int = 2) -> dict[str, Any]:
    metadata = {"concurrentRequests": str(concurrency)}
    rule = {"name": "http", "http": {"metadata": metadata}}
    return {"minReplicas": least, "maxReplicas": most, "rules": [rule]}


def replicas(apps: AppsBench) -> int:
    return apps.revision(apps.get().latest_revision_name).replicas


@pytest.mark.slow
def test_load_adds_replicas_and_idleness_takes_them(apps: AppsBench):
    apps.put(apps.body(scale=scale(1, 4)))
    host, stop, answered = apps.fqdn(), threading.Event(), set()

    def load() -> None:
        while not stop.is_set():
            answer = apps.ask("/sleep/0.3", host=host)
            assert answer.status_code == 200
            answered.add(answer.json()["replica"])

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: replicas(apps) == 4)
        until(lambda: len(answered) == 4)
        revision = apps.revision(apps.get().latest_revision_name)
        assert revision.running_state == "RunningAtMaxScale"
        assert len(apps.list_replicas()) == 4
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    until(lambda: replicas(apps) == 1)
    assert apps.ask(host=host).status_code == 200


@pytest.mark.slow
def test_to_zero_and_the_cold_start(apps: AppsBench):
    apps.put(apps.body(apps.container(env={"DELAY": "1"}), scale=scale(0, 2)))
    host, name = apps.fqdn(), apps.get().latest_revision_name
    assert apps.ask(host=host).status_code == 200
    until(lambda: replicas(apps) == 0)
    revision = apps.revision(name)
    assert (revision.running_state, revision.health_state) == ("ScaledToZero", "Healthy")
    assert apps.list_replicas() == []
    began = time.monotonic()
    cold = apps.ask(host=host)
    assert cold.status_code == 200
    assert time.monotonic() - began > 1
    assert apps.ask(host=host).json()["replica"] == cold.json()["replica"]
    assert replicas(apps) == 1


def test_rules_that_nothing_triggers_are_kept_and_told_of(apps: AppsBench):
    auth = [{"secretRef": "registry-password", "triggerParameter": "connection"}]
    rules = [
        {"name": "web", "http": {"metadata": {"concurrentRequests": "4"}, "auth": auth}},
        {"name": "jobs", "azureQueue": {"queueName": "q", "queueLength": 5, "auth": auth}},
        {"name": "bus", "custom": {"type": "azure-servicebus", "metadata": {"queueName": "q"}}},
    ]
    apps.put(apps.body(scale={"minReplicas": 0, "maxReplicas": 1000, "rules": rules}))
    assert [rule.as_dict() for rule in apps.get().template.scale.rules] == rules
    told = [event["Msg"] for event in apps.events() if event.get("Reason") == "KEDAScalerFailed"]
    assert [text.partition(":")[0] for text in told] == [
        "Scale rule 'jobs' (azureQueue)",
        "Scale rule 'bus' (custom, azure-servicebus)",
    ]


@pytest.mark.slow
def test_what_replicas_use_of_the_processor(apps: AppsBench):
    metadata = {"type": "Utilization", "value": "50"}
    rule = {"name": "cpu", "custom": {"type": "cpu", "metadata": metadata}}
    apps.put(apps.body(scale={"minReplicas": 0, "maxReplicas": 2, "rules": [rule]}))
    host = apps.fqdn()
    assert apps.ask("/burn/yes", host=host).status_code == 200
    until(lambda: replicas(apps) == 2)
    # It stays at one: what uses nothing has a replica that does so.
    until(lambda: apps.ask("/burn/no", host=host).status_code == 200 and replicas(apps) == 1)


def test_a_request_under_way_keeps_a_replica(apps: AppsBench):
    apps.put(apps.body(scale=scale(0, 1)))
    assert apps.ask("/sleep/9").status_code == 200


def test_the_least_is_kept(apps: AppsBench):
    apps.put(apps.body(scale=scale(2, 3)))
    assert replicas(apps) == 2
    names = {replica.name for replica in apps.list_replicas()}
    # One that may go to zero is as idle, and has gone when this one could have.
    idle = f"idle-{apps.unique}"
    latest = apps.put(apps.body(scale=scale(0, 1)), idle).latest_revision_name
    until(lambda: not apps.replicas.list_replicas(RESOURCE_GROUP, idle, latest).value)
    assert {replica.name for replica in apps.list_replicas()} == names
    one = apps.replicas.get_replica(
        RESOURCE_GROUP, apps.name, apps.get().latest_revision_name, sorted(names)[0]
    )
    assert one.running_state == "Running"


def probe(kind: str, **more: Any) -> dict[str, Any]:
    request = {"httpGet": {"path": "/health", "port": 80}}
    return {"type": kind, "periodSeconds": 1, "timeoutSeconds": 1, **request, **more}


def test_a_replica_that_is_not_ready_gets_no_requests(apps: AppsBench):
    probes = [probe("Readiness", failureThreshold=1)]
    apps.put(apps.body(apps.container(probes=probes)))
    host = apps.fqdn()
    apps.ask("/healthy/no", host=host)
    until(lambda: apps.ask(host=host).status_code == 503)
    container = apps.list_replicas()[0].containers[0]
    assert (container.ready, container.started, container.restart_count) == (False, True, 0)
    name = apps.get().latest_revision_name
    assert apps.revision(name).health_state == "Unhealthy"


def test_a_container_that_is_not_alive_is_restarted(apps: AppsBench):
    apps.put(apps.body(apps.container(probes=[probe("Liveness", failureThreshold=2)])))
    host = apps.fqdn()
    before = apps.ask("/healthy/no", host=host).json()["start"]
    until(lambda: (a := apps.ask(host=host)).status_code == 200 and a.json()["start"] != before)
    assert apps.list_replicas()[0].containers[0].restart_count == 1
