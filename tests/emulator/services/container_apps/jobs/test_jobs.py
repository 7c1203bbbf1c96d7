"""Jobs: what is kept, changed, refused and deleted of them."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.jobs_bench import FOR_EVER, JobsBench


def test_what_a_job_shows(jobs: JobsBench):
    body = jobs.body(
        jobs.container("print()"),
        secrets=[{"name": "key", "value": "s3cret"}],
        replicaRetryLimit=2,
        parallelism=3,
        completions=2,
    )
    job = jobs.put({**body, "tags": {"a": "b"}})
    assert job.type == "Microsoft.App/jobs"
    assert job.tags == {"a": "b"}
    shown = job.as_dict()["properties"]
    configuration = shown["configuration"]
    assert configuration["triggerType"] == "Manual"
    assert configuration["replicaTimeout"] == 60
    assert configuration["replicaRetryLimit"] == 2
    assert configuration["manualTriggerConfig"] == {"replicaCompletionCount": 2, "parallelism": 3}
    assert configuration["scheduleTriggerConfig"] is None
    assert [one["name"] for one in configuration["secrets"]] == ["registry-password", "key"]
    assert not any("value" in one for one in configuration["secrets"])
    assert f"/containerApps/{jobs.name}/eventstream" in shown["eventStreamEndpoint"]
    secrets = jobs.jobs.list_secrets(RESOURCE_GROUP, jobs.name).value
    assert {one.name: one.value for one in secrets}["key"] == "s3cret"
    assert jobs.name in [one.name for one in jobs.jobs.list_by_resource_group(RESOURCE_GROUP)]
    assert jobs.name in [one.name for one in jobs.jobs.list_by_subscription()]


def test_a_patch_changes_what_it_names(jobs: JobsBench):
    jobs.make("print('one')", secrets=[{"name": "key", "value": "s3cret"}])
    patch: dict[str, Any] = {"tags": {"a": "b"}, "properties": {"configuration": {}}}
    patch["properties"]["configuration"] = {
        "triggerType": "Schedule",
        "scheduleTriggerConfig": {"cronExpression": "0 0 1 1 *", "parallelism": 2},
        "replicaTimeout": 30,
    }
    job = jobs.jobs.begin_update(RESOURCE_GROUP, jobs.name, patch).result()
    assert job.tags == {"a": "b"}
    assert job.configuration.replica_timeout == 30
    assert job.configuration.schedule_trigger_config.cron_expression == "0 0 1 1 *"
    assert job.configuration.schedule_trigger_config.parallelism == 2
    assert job.configuration.manual_trigger_config is None
    secrets = jobs.jobs.list_secrets(RESOURCE_GROUP, jobs.name).value
    assert "s3cret" in [one.value for one in secrets]
    # A job of any trigger can be started by hand.
    assert jobs.run().status == "Succeeded"


def test_a_job_of_an_event_is_kept_and_says_that_nothing_triggers_it(jobs: JobsBench):
    rule = {
        "name": "queue",
        "type": "azure-queue",
        "metadata": {"queueName": "work", "queueLength": "5"},
        "auth": [{"secretRef": "key", "triggerParameter": "connection"}],
    }
    job = jobs.make(
        "print()",
        triggerType="Event",
        trigger={"scale": {"minExecutions": 1, "maxExecutions": 5, "rules": [rule]}},
        secrets=[{"name": "key", "value": "s3cret"}],
    )
    scale = job.configuration.event_trigger_config.scale.as_dict()
    assert scale == {
        "minExecutions": 1,
        "maxExecutions": 5,
        "pollingInterval": 30,
        "rules": [rule],
    }
    assert "Nothing here triggers the scale rule 'queue'" in jobs.events()
    assert jobs.executions() == []
    assert jobs.run().status == "Succeeded"


def test_a_suspended_job_is_not_started(jobs: JobsBench):
    jobs.make("print()")
    job = jobs.jobs.begin_suspend(RESOURCE_GROUP, jobs.name).result()
    assert (job.provisioning_state, job.running_state) == ("Succeeded", "Suspended")
    job = jobs.make("print('again')")
    assert (job.provisioning_state, job.running_state) == ("Succeeded", "Suspended")
    with pytest.raises(ResourceExistsError, match="suspended"):
        jobs.start()
    job = jobs.jobs.begin_resume(RESOURCE_GROUP, jobs.name).result()
    assert job.running_state == "Ready"
    assert jobs.run().status == "Succeeded"


def edited(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    target: Any = body
    *way, last = path.split(".")
    for name in way:
        target = target[int(name)] if isinstance(target, list) else target.setdefault(name, {})
    target[last] = value
    return body


CONFIGURATION = "properties.configuration"
CONTAINER = "properties.template.containers.0"


WRONG: list[tuple[str, Any, str]] = [
    (f"{CONFIGURATION}.replicaTimeout", None, "InvalidParameterValueInContainerTemplate"),
    (f"{CONFIGURATION}.replicaTimeout", 0, "InvalidParameterValueInContainerTemplate"),
    (f"{CONFIGURATION}.replicaTimeout", "soon", "ContainerAppsJobInvalidSchema"),
    (f"{CONFIGURATION}.replicaRetryLimit", -1, "InvalidParameterValueInContainerTemplate"),
    (f"{CONFIGURATION}.triggerType", "Never", "ContainerAppsJobInvalidSchema"),
    (f"{CONFIGURATION}.triggerType", "Event", "InvalidParameterValueInContainerTemplate"),
    (f"{CONFIGURATION}.manualTriggerConfig", {"cron": 1}, "ContainerAppsJobInvalidSchema"),
    (
        f"{CONFIGURATION}.manualTriggerConfig.parallelism",
        0,
        "InvalidParameterValueInContainerTemplate",
    ),
    (f"{CONFIGURATION}.ingress", {"external": True}, "ContainerAppsJobInvalidSchema"),
    (f"{CONFIGURATION}.dapr", {"enabled": True}, "NotEmulated"),
    ("properties.workloadProfileName", "D4", "NotEmulated"),
    ("properties.environmentId", "", "InvalidManagedEnvironmentId"),
    ("properties.template.scale", {"minReplicas": 1}, "ContainerAppsJobInvalidSchema"),
    ("properties.template.containers", [], "ContainerAppContainersRequired"),
    (f"{CONTAINER}.resources", {"cpu": 9, "memory": "1Gi"}, "InvalidParameterValue"),
    (f"{CONTAINER}.env", [{"name": "A", "secretRef": "no"}], "ContainerAppSecretRefNotFound"),
    (f"{CONTAINER}.name", "a\0b", "ContainerAppsJobInvalidSchema"),
    ("location", "mars", "LocationNotAvailableForResourceType"),
]


def test_what_is_wrong_is_refused(jobs: JobsBench):
    for path, value, code in WRONG:
        body = edited(jobs.body(jobs.container("print()")), path, value)
        with pytest.raises(HttpResponseError) as caught:
            jobs.put(body)
        assert caught.value.error.code.startswith(code), (path, caught.value)
    for cron in ("", "0 2 * *", "61 * * * *", "@hourly"):
        with pytest.raises(HttpResponseError, match="CRON expression") as caught:
            jobs.make("print()", triggerType="Schedule", trigger={"cronExpression": cron})
        assert caught.value.error.code == "InvalidCronExpression"
    for name in ("Job", "1job", "a--b", "a", "x" * 33, "job-"):
        with pytest.raises(HttpResponseError) as caught:
            jobs.put(jobs.body(jobs.container("print()")), name)
        assert caught.value.error.code == "ContainerAppsJobInvalidName"
    with pytest.raises(ResourceNotFoundError):
        jobs.get()


def test_a_job_of_an_image_that_is_not_there_fails(jobs: JobsBench):
    image = jobs.apps.image.replace("web:1", "none:9")
    with pytest.raises(HttpResponseError, match="none:9"):
        jobs.put(jobs.body(jobs.container("print()", image=image)))
    assert jobs.get().provisioning_state == "Failed"
    jobs.make("print()")
    assert jobs.run().status == "Succeeded"


def test_detectors_are_not_emulated(jobs: JobsBench):
    jobs.make("print()")
    for ask in (
        lambda: jobs.jobs.list_detectors(RESOURCE_GROUP, jobs.name).next(),
        lambda: jobs.jobs.get_detector(RESOURCE_GROUP, jobs.name, "cpu"),
        lambda: jobs.jobs.proxy_get(RESOURCE_GROUP, jobs.name, "rootApi"),
    ):
        with pytest.raises(HttpResponseError, match="detector") as caught:
            ask()
        assert caught.value.status_code == 501


def test_a_job_that_runs_is_deleted_with_all_there_is_of_it(jobs: JobsBench):
    jobs.make(FOR_EVER)
    name = jobs.start_for_ever()
    folder = jobs.apps.machine.azure.home.containers / "jobs"
    assert list(folder.glob(f"{jobs.name}-*"))
    environment = jobs.apps.environment_id.rpartition("/")[2]
    with pytest.raises(ResourceExistsError, match=jobs.name):
        jobs.apps.environments.begin_delete(RESOURCE_GROUP, environment)

    jobs.jobs.begin_delete(RESOURCE_GROUP, jobs.name).result()
    with pytest.raises(ResourceNotFoundError):
        jobs.get()
    with pytest.raises(ResourceNotFoundError):
        jobs.execution(name)
    assert not list(folder.glob(f"{jobs.name}-*"))


def test_a_job_of_no_environment(jobs: JobsBench):
    body = jobs.body(jobs.container("print()"))
    body["properties"]["environmentId"] += "-none"
    with pytest.raises(ResourceNotFoundError) as caught:
        jobs.put(body)
    assert caught.value.error.code == "ManagedEnvironmentNotFound"
