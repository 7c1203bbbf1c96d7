"""Revisions: when one is made, how they take over from one another, traffic, labels."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.apps_bench import AppsBench
from tests.waiting import until

MULTIPLE = {"activeRevisionsMode": "Multiple"}


def version(apps: AppsBench, number: str, **more: Any) -> dict[str, Any]:
    return apps.body(apps.container(env={"VERSION": number}), **more)


def traffic(*shares: dict[str, Any]) -> dict[str, Any]:
    return {"configuration": {"ingress": {"traffic": list(shares)}}}


def two_revisions(apps: AppsBench) -> None:
    """Revisions one and two, all traffic to the latest."""
    apps.put(version(apps, "1", configuration=MULTIPLE, revisionSuffix="one"))
    apps.put(version(apps, "2", configuration=MULTIPLE, revisionSuffix="two"))


def versions(apps: AppsBench, count: int) -> Counter[str]:
    """Which version answered how often, on one connection."""
    url = f"https://{apps.fqdn()}/"
    with requests.Session() as session:
        return Counter(session.get(url, timeout=30).json()["version"] for _ in range(count))


def test_only_another_template_makes_a_revision(apps: AppsBench):
    first = apps.put(version(apps, "1"))
    again = apps.put(version(apps, "1"))
    assert again.latest_revision_name == first.latest_revision_name
    changed = apps.patch({"configuration": {"maxInactiveRevisions": 7}})
    assert changed.configuration.max_inactive_revisions == 7
    retagged = apps.apps.begin_update(RESOURCE_GROUP, apps.name, {"tags": {"a": "b"}}).result()
    assert (retagged.tags, len(apps.list_revisions())) == ({"a": "b"}, 1)
    second = apps.put(version(apps, "2"))
    assert second.latest_revision_name != first.latest_revision_name
    assert second.latest_revision_name.startswith(f"{apps.name}--")
    scaled = apps.patch({"template": {"scale": {"maxReplicas": 2}}})
    assert scaled.latest_revision_name != second.latest_revision_name
    assert len(apps.list_revisions()) == 3


def test_single_mode_moves_to_the_revision_that_is_ready(apps: AppsBench):
    first = apps.put(version(apps, "1"))
    start = apps.ask().json()["start"]
    poller = apps.begin(version(apps, "2") | {"tags": {}})
    seen = set()
    while not poller.done():
        answer = apps.ask()
        assert answer.status_code == 200  # without a gap
        seen.add(answer.json()["version"])
    app = poller.result()
    assert seen <= {"1", "2"}
    assert versions(apps, 5) == {"2": 5}
    old = apps.revision(first.latest_revision_name)
    assert (old.active, old.running_state, old.traffic_weight) == (False, "Stopped", 0)
    new = apps.revision(app.latest_revision_name)
    assert (new.active, new.running_state, new.health_state, new.traffic_weight) == (
        True,
        "RunningAtMaxScale",
        "Healthy",
        100,
    )
    assert (new.provisioning_state, new.replicas) == ("Provisioned", 1)
    assert apps.ask().json()["start"] != start


def test_a_revision_that_fails_leaves_the_one_before_it(apps: AppsBench):
    good = apps.put(version(apps, "1"))
    broken = apps.body(apps.container(env={"VERSION": "2", "FAIL": "3"}), revisionSuffix="broken")
    with pytest.raises(HttpResponseError, match="exit code '3'") as error:
        apps.put(broken)
    assert error.value.error.code == "ContainerAppOperationError"
    app = apps.get()
    assert app.provisioning_state == "Failed"
    assert app.latest_revision_name == f"{apps.name}--broken"
    assert app.latest_ready_revision_name == good.latest_revision_name
    failed = apps.revision(app.latest_revision_name)
    assert (failed.provisioning_state, failed.health_state, failed.running_state) == (
        "Failed",
        "Unhealthy",
        "Failed",
    )
    assert "exit code '3'" in failed.provisioning_error
    assert (failed.active, failed.traffic_weight) == (True, 0)
    container = apps.list_replicas(failed.name)[0].containers[0]
    assert (container.ready, container.restart_count >= 2) == (False, True)
    assert versions(apps, 3) == {"1": 3}
    # The next one that works takes the place of both.
    fixed = apps.put(version(apps, "3"))
    assert fixed.provisioning_state == "Succeeded"
    assert versions(apps, 3) == {"3": 3}
    active = [revision.name for revision in apps.list_revisions() if revision.active]
    assert active == [fixed.latest_revision_name]


def test_an_app_whose_first_revision_fails_answers_503(apps: AppsBench):
    with pytest.raises(HttpResponseError, match="exit code '1'"):
        apps.put(apps.body(apps.container(env={"FAIL": "1"})))
    answer = apps.ask()
    assert (answer.status_code, "no healthy upstream" in answer.text) == (503, True)
    assert apps.get().latest_ready_revision_name == ""


def test_traffic_is_shared_by_weight(apps: AppsBench):
    two_revisions(apps)
    assert versions(apps, 5) == {"2": 5}
    app = apps.patch(
        traffic(
            {"revisionName": f"{apps.name}--one", "weight": 80},
            {"revisionName": f"{apps.name}--two", "weight": 20},
        )
    )
    weights = {one.revision_name: one.weight for one in app.configuration.ingress.traffic}
    assert weights == {f"{apps.name}--one": 80, f"{apps.name}--two": 20}
    assert len(apps.list_revisions()) == 2
    counted = versions(apps, 200)
    assert 20 <= counted["2"] <= 62  # 40 expected; further off once in more than 10,000 times
    assert apps.revision(f"{apps.name}--one").traffic_weight == 80
    apps.patch(traffic({"latestRevision": True, "weight": 100}))
    assert versions(apps, 5) == {"2": 5}


def test_each_revision_and_label_has_an_address(apps: AppsBench):
    two_revisions(apps)
    apps.patch(
        traffic(
            {"revisionName": f"{apps.name}--two", "weight": 100, "label": "blue"},
            {"revisionName": f"{apps.name}--one", "weight": 0, "label": "green"},
        )
    )
    domain = apps.fqdn().partition(".")[2]
    hosts = {"--one": "1", "--two": "2", "---green": "1", "---blue": "2"}
    for suffix, expected in hosts.items():
        answer = apps.ask(host=f"{apps.name}{suffix}.{domain}")
        assert answer.json()["version"] == expected
    assert apps.revision(f"{apps.name}--one").as_dict()["properties"]["labels"] == ["green"]
    assert apps.ask(host=f"{apps.name}---red.{domain}").status_code == 404


def test_deactivate_activate_restart(apps: AppsBench):
    two_revisions(apps)
    one, domain = f"{apps.name}--one", apps.fqdn().partition(".")[2]
    apps.revisions.deactivate_revision(RESOURCE_GROUP, apps.name, one)
    assert apps.ask(host=f"{one}.{domain}").status_code == 404
    revision = apps.revision(one)
    assert (revision.active, revision.provisioning_state) == (False, "Deprovisioned")
    assert apps.list_replicas(one) == []
    apps.revisions.activate_revision(RESOURCE_GROUP, apps.name, one)
    until(lambda: apps.revision(one).provisioning_state == "Provisioned")
    before = apps.ask(host=f"{one}.{domain}").json()
    assert before["version"] == "1"
    apps.revisions.restart_revision(RESOURCE_GROUP, apps.name, one)
    until(lambda: apps.ask(host=f"{one}.{domain}").json()["replica"] != before["replica"])
    assert versions(apps, 3) == {"2": 3}


def test_going_back_to_single_mode_keeps_the_latest(apps: AppsBench):
    two_revisions(apps)
    apps.patch({"configuration": {"activeRevisionsMode": "Single"}})
    active = [revision.name for revision in apps.list_revisions() if revision.active]
    assert active == [f"{apps.name}--two"]


def test_old_inactive_revisions_are_forgotten(apps: AppsBench):
    configuration = {"maxInactiveRevisions": 1}
    for number in "1234":
        apps.put(version(apps, number, configuration=configuration, revisionSuffix=f"v{number}"))
    names = [revision.name for revision in apps.list_revisions()]
    assert names == [f"{apps.name}--v3", f"{apps.name}--v4"]


def test_a_suffix_is_used_once(apps: AppsBench):
    apps.put(version(apps, "1", revisionSuffix="v1"))
    poller = apps.begin(version(apps, "2", revisionSuffix="v1"))
    with pytest.raises(HttpResponseError, match="already exists") as error:
        poller.result()
    assert error.value.error.code == "ContainerAppOperationError"
    assert "Field 'template.revisionsuffix' is invalid" in error.value.message
    app = apps.get()
    assert (app.provisioning_state, app.latest_revision_name) == ("Failed", f"{apps.name}--v1")
    assert apps.ask().json()["version"] == "1"
    apps.put(version(apps, "2", revisionSuffix="v2"))
    assert apps.ask().json()["version"] == "2"
