"""kill -9: executions go on as on Azure when a node is lost, and what has ended stays so."""

from __future__ import annotations

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.container_machine import Machine
from tests.emulator.services.jobs_bench import FOR_EVER, JobsBench
from tests.waiting import until


def test_executions_after_a_kill(own_machine: Machine, unique: str):
    jobs = JobsBench(AppsBench(own_machine, unique))
    jobs.make("print('done')")
    done = jobs.run()
    jobs.make(FOR_EVER)
    fails = jobs.start_for_ever()
    jobs.make(FOR_EVER, replicaRetryLimit=1)
    retried = jobs.start_for_ever()
    lost = jobs.replicas(retried)[0]["name"]

    own_machine.azure.kill()
    own_machine.azure.start()

    assert jobs.execution(done.name).as_dict() == done.as_dict()
    assert jobs.log(done.name) == ["done"]
    failed = jobs.end(fails)
    assert (failed.status, failed.reason) == ("Failed", "BackoffLimitExceeded")
    until(lambda: jobs.replicas(retried)[0]["name"] != lost)
    until(lambda: jobs.log(retried) == ["here"])
    assert jobs.execution(retried).status == "Running"
    newest, before = [one["name"] for one in jobs.replicas(retried)]
    assert (before, newest != lost) == (lost, True)
    assert "which count as failed" in jobs.events()
    jobs.call("POST", f"stop/{retried}")
    assert jobs.execution(retried).status == "Stopped"
    assert jobs.get().provisioning_state == "Succeeded"


def is_running(jobs: JobsBench, execution: str) -> bool:
    replicas = jobs.replicas(execution)
    return bool(replicas) and replicas[0]["properties"]["runningState"] == "Running"


def test_what_was_stopped_stays_stopped(own_machine: Machine, unique: str):
    """A program that takes its time to end is ended by the kill; the stop is done all the same."""
    jobs = JobsBench(AppsBench(own_machine, unique))
    jobs.make("import signal, time; signal.signal(15, lambda *_: time.sleep(60)); signal.pause()")
    name = jobs.start()
    until(lambda: is_running(jobs, name))
    jobs.jobs.begin_stop_execution(RESOURCE_GROUP, jobs.name, name, polling=False)
    own_machine.azure.kill()
    own_machine.azure.start()
    until(lambda: jobs.execution(name).status == "Stopped")
