"""Executions: containers run to their end, are run again, run out of time, are stopped."""

from __future__ import annotations

import json

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.jobs_bench import FOR_EVER, JobsBench


def test_an_execution_runs_to_its_end(jobs: JobsBench):
    show = "import os, json; print(json.dumps(dict(os.environ)))"
    container = jobs.container(
        show,
        env=[{"name": "PLAIN", "value": "a b"}, {"name": "HIDDEN", "secretRef": "key"}],
    )
    secrets = [{"name": "key", "value": "s3cret"}]
    job = jobs.put(jobs.body(container, secrets=secrets))
    assert (job.provisioning_state, job.running_state) == ("Succeeded", "Ready")

    execution = jobs.run()
    assert execution.status == "Succeeded"
    assert execution.type == "Microsoft.App/jobs/executions"
    assert execution.start_time <= execution.end_time
    assert execution.template.containers[0].image == jobs.apps.image
    (replica,) = execution.detailed_status.replicas
    assert replica.name.startswith(f"{execution.name}-")
    assert [(one.name, one.code, one.status) for one in replica.containers] == [
        ("main", 0, "Terminated")
    ]
    variables = json.loads(jobs.log(execution.name)[-1])
    assert variables["PLAIN"] == "a b"
    assert variables["HIDDEN"] == "s3cret"
    assert variables["CONTAINER_APP_JOB_NAME"] == jobs.name
    assert variables["CONTAINER_APP_JOB_EXECUTION_NAME"] == execution.name
    assert variables["CONTAINER_APP_REPLICA_NAME"] == replica.name
    assert "successfully completed" in jobs.events()


def test_init_containers_come_first_and_share_a_volume(jobs: JobsBench):
    write = "open('/scratch/it', 'w').write('from init')"
    read = "print(open('/scratch/it').read())"
    mounts = [{"volumeName": "work", "mountPath": "/scratch"}]
    template = {
        "initContainers": [jobs.container(write, "first", volumeMounts=mounts)],
        "volumes": [{"name": "work", "storageType": "EmptyDir"}],
    }
    jobs.put(jobs.body(jobs.container(read, volumeMounts=mounts), template=template))
    execution = jobs.run()
    assert execution.status == "Succeeded"
    assert jobs.log(execution.name) == ["from init"]


def test_a_failed_replica_is_run_again_within_its_limit(jobs: JobsBench):
    jobs.make("print('no'); raise SystemExit(3)", replicaRetryLimit=2)
    execution = jobs.run()
    assert execution.status == "Failed"
    assert execution.reason == "BackoffLimitExceeded"
    assert "3 replicas have failed" in execution.message
    replicas = execution.detailed_status.replicas
    assert [one.containers[0].code for one in replicas] == [3, 3, 3]
    assert len({one.name for one in replicas}) == 3
    assert jobs.log(execution.name) == ["no"]
    assert "exit code '3'" in jobs.events()


def test_an_init_container_that_fails_fails_the_replica(jobs: JobsBench):
    template = {"initContainers": [jobs.container("raise SystemExit(4)", "first")]}
    jobs.put(jobs.body(jobs.container("print('never')"), template=template))
    execution = jobs.run()
    assert execution.status == "Failed"
    (replica,) = jobs.replicas(execution.name)
    assert replica["properties"]["initContainers"][0]["runningState"] == "Terminated"
    assert replica["properties"]["containers"][0]["runningState"] == "Waiting"


def test_a_replica_that_runs_too_long_fails_the_execution(jobs: JobsBench):
    jobs.make(FOR_EVER, replicaTimeout=2, replicaRetryLimit=5)
    execution = jobs.run()
    assert (execution.status, execution.reason) == ("Failed", "DeadlineExceeded")
    (replica,) = execution.detailed_status.replicas
    assert replica.containers[0].status == "Terminated"


def test_several_replicas_run_at_once(jobs: JobsBench):
    jobs.make(FOR_EVER, parallelism=3, completions=3)
    name = jobs.start_for_ever(replicas=3)
    assert len(running(jobs, name)) == 3
    assert jobs.execution(name).status == "Running"
    jobs.jobs.begin_stop_execution(RESOURCE_GROUP, jobs.name, name).result()
    execution = jobs.execution(name)
    assert (execution.status, execution.end_time) == ("Stopped", None)
    assert not running(jobs, name)
    with pytest.raises(ResourceExistsError):
        jobs.jobs.begin_stop_execution(RESOURCE_GROUP, jobs.name, name)


def running(jobs: JobsBench, execution: str) -> list[str]:
    return [
        one["name"]
        for one in jobs.replicas(execution)
        if one["properties"]["runningState"] == "Running"
    ]


def test_more_completions_than_replicas_at_once(jobs: JobsBench):
    jobs.make("print('one')", parallelism=2, completions=5)
    execution = jobs.run()
    assert execution.status == "Succeeded"
    assert len(execution.detailed_status.replicas) == 5


def test_an_execution_with_a_template_of_its_own(jobs: JobsBench):
    jobs.make("print('the job')", secrets=[{"name": "key", "value": "s3cret"}])
    code = "import os; print('the execution', os.environ['KEY'])"
    own = jobs.container(code, "other", env=[{"name": "KEY", "secretRef": "key"}])
    execution = jobs.run({"containers": [own]})
    assert execution.status == "Succeeded"
    assert [one.name for one in execution.template.containers] == ["other"]
    assert jobs.log(execution.name, "other") == ["the execution s3cret"]
    assert jobs.log(jobs.run().name) == ["the job"]

    wrong = [
        ({"containers": []}, "ContainerAppContainersRequired"),
        (
            {"containers": [{**own, "probes": [{"type": "Liveness"}]}]},
            "ContainerAppsJobInvalidSchema",
        ),
        (
            {"containers": [{**own, "env": [{"name": "A", "secretRef": "no"}]}]},
            "ContainerAppSecretRefNotFound",
        ),
    ]
    for template, code in wrong:
        with pytest.raises(HttpResponseError) as caught:
            jobs.start(template)
        assert caught.value.error.code == code


def test_an_execution_of_an_image_that_is_not_there(jobs: JobsBench):
    jobs.make("print()")
    image = jobs.apps.image.replace("web:1", "none:9")
    execution = jobs.run({"containers": [{"name": "main", "image": image}]})
    assert execution.status == "Failed"
    assert "none:9" in execution.message


ASK = """\
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen("http://{app}/health").status, flush=True)
except urllib.error.HTTPError as error:
    sys.exit(print(error.code))
urllib.request.urlopen("http://{app}/healthy/no")
sys.exit(1)
"""


def test_the_second_replica_succeeds_where_the_first_has_failed(jobs: JobsBench):
    """Both ask an app that none but its environment reaches: the first makes it unhealthy."""
    jobs.apps.put(jobs.apps.body(configuration={"ingress": {"external": False}}))
    jobs.make(ASK.format(app=jobs.apps.name), replicaRetryLimit=1)
    execution = jobs.run()
    assert execution.status == "Succeeded"
    codes = [one.containers[0].code for one in execution.detailed_status.replicas]
    assert codes == [1, 0]
    assert jobs.log(execution.name) == ["503"]


def test_executions_are_listed_filtered_and_stopped_together(jobs: JobsBench):
    jobs.make("import sys; sys.exit(1)")
    failed = jobs.run().name
    jobs.make(FOR_EVER)
    names = [jobs.start_for_ever() for _ in range(2)]
    assert [one.name for one in jobs.executions()] == [*reversed(names), failed]
    assert [one.name for one in jobs.executions(filter="status eq 'Failed'")] == [failed]
    page = jobs.call("GET", "executions", pageSize="2")
    assert (len(page["value"]), "pageSize=2" in page["nextLink"]) == (2, True)

    stopped = jobs.jobs.begin_stop_multiple_executions(RESOURCE_GROUP, jobs.name).result()
    assert {one.name: one.status for one in stopped.value} == dict.fromkeys(names, "Stopped")
    assert {one.name: one.status for one in jobs.executions()} == {
        failed: "Failed",
        **dict.fromkeys(names, "Stopped"),
    }
    with pytest.raises(ResourceNotFoundError):
        jobs.execution("none")


def test_as_the_az_cli_stops_and_follows(jobs: JobsBench):
    jobs.make(FOR_EVER)
    name = jobs.start_for_ever()
    (replica,) = running(jobs, name)
    (one,) = jobs.replicas(name)
    assert one["type"] == "Microsoft.App/containerApps/revisions/replicas"
    (container,) = one["properties"]["containers"]
    url = container["logStreamEndpoint"]
    assert f"/jobs/{jobs.name}/executions/{name}/replicas/{replica}/" in url
    answer = jobs.call("POST", f"stop/{name}", version="2023-04-01-preview")
    assert answer == f"Job Execution: {name}, stopped successfully."
    # What has ended has no more to follow: the stream ends by itself.
    lines = jobs.stream(url, follow="true").text.splitlines()
    assert json.loads(lines[-1])["Log"] == "here"
    assert f"[Execution: '{name}', Replica: '{replica}']" in json.loads(lines[1])["Log"]
