"""Begins, stops and keeps the executions of jobs.

An execution that ran when local Azure was killed runs on: its replicas count as failed, as they do
on Azure when their node is lost, so it has failed where no retry is left.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import shutil
import string
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError
from emulator.arm.ids import name_of, parent_of
from emulator.arm.lifecycle import Finish, Lifecycle
from emulator.containers.runtime import ContainerRuntime, ContainerSpec
from emulator.services.container_apps.app_images import AppImages
from emulator.services.container_apps.events import Events
from emulator.services.container_apps.jobs.execution_replica import ReplicaRecord
from emulator.services.container_apps.jobs.execution_runner import (
    Demands,
    ExecutionRunner,
    Outcome,
    Progress,
)
from emulator.services.container_apps.jobs.job_spec import JobSpec
from emulator.services.container_apps.jobs.job_template import JobTemplate
from emulator.services.container_apps.jobs.states import (
    ENDED,
    execution_moves,
    job_moves,
    refuse_execution,
    refuse_job,
    show_execution,
    show_job,
)
from emulator.services.container_apps.neighbours import introduce
from emulator.services.container_apps.paths import EXECUTION_TYPE, JOB_TYPE
from emulator.services.container_apps.plan import (
    ReplicaPlan,
    Surroundings,
    check_secrets,
    container_plan,
)
from emulator.store import Resource
from emulator.workloads.access import WorkloadAccess

# Executions of one job that are kept once they have ended.
# https://learn.microsoft.com/azure/container-apps/jobs#get-job-execution-history
MOST_KEPT = 100
GRACE = 30.0  # seconds that containers have to end
_LETTERS = string.ascii_lowercase + string.digits
_log = logging.getLogger(__name__)


class JobController:
    """`folder` holds the logs of the containers."""

    def __init__(
        self,
        changes: Changes,
        runtime: ContainerRuntime,
        images: AppImages,
        access: WorkloadAccess,
        folder: Path,
    ) -> None:
        self.changes = changes
        self.store = changes.store
        self.runtime = runtime
        self.images = images
        self.access = access
        self.folder = folder
        self.events = Events("JobName", "ExecutionName", "ContainerAppsJobController")
        self._running: dict[str, ExecutionRunner] = {}  # by execution id, lower case
        changes.register(
            Lifecycle(
                JOB_TYPE,
                job_moves(self._provision),
                show=show_job,
                refuse=refuse_job,
                remove=self._remove_job,
            )
        )
        changes.register(
            Lifecycle(
                EXECUTION_TYPE,
                execution_moves(self._stop),
                show=show_execution,
                refuse=refuse_execution,
                remove=self._remove,
                revive=self._revive,
            )
        )

    # Jobs

    async def _provision(self, change: Change) -> None:
        """Get the images of a job. Raises ArmError when one is not to be had."""
        job = change.resource()
        spec = JobSpec.stored(job)
        await self.images.fetch(spec.template.images, spec.configuration.registry_users)
        if self.runtime.kind == "process":
            self.tell(job, "Warning", "NotAContainer", f"Replicas are {self.runtime.description}")
        scale = spec.configuration.trigger.scale
        for rule in scale.rules if scale else ():
            message = (
                f"Nothing here triggers the scale rule '{rule.name}' of type '{rule.type}'. "
                "Start the job by hand."
            )
            self.tell(job, "Warning", "EventsNotEmulated", message)

    async def _remove_job(self, job: Resource) -> None:
        self.events.forget(job.id)
        self.access.forget(job.id)
        await asyncio.to_thread(shutil.rmtree, self._folder(job.id), ignore_errors=True)

    # Executions

    def executions(self, job_id: str) -> list[Resource]:
        """The executions of a job, the newest first."""
        found = self.store.of_type(EXECUTION_TYPE, job_id)
        return sorted(found, key=lambda one: str(one.private["started"]), reverse=True)

    def runner(self, execution_id: str) -> ExecutionRunner | None:
        return self._running.get(execution_id.lower())

    def replicas(self, execution: Resource) -> list[ReplicaRecord]:
        """The replicas of an execution, the oldest first, those that have ended included."""
        if runner := self.runner(execution.id):
            return runner.records
        return [ReplicaRecord.stored(body) for body in execution.private["replicas"]]

    def log_file(self, execution: Resource, replica: str, container: str) -> Path:
        return self._folder(parent_of(execution.id)) / execution.name / replica / f"{container}.log"

    def start(
        self, job: Resource, *, template: JobTemplate | None = None, name: str = ""
    ) -> Resource:
        """Begin an execution and return it: of the job's own template unless another one is given.

        Raises ArmError 400 when it refers to a secret that the job has no more, 409 when the job
        is being deleted.
        """
        spec = JobSpec.stored(job)
        template = template or spec.template
        trigger = spec.configuration.trigger
        _check_secrets(template, spec)
        moment = datetime.now(UTC)
        execution = Resource(
            f"{job.id}/executions/{name or f'{job.name}-{_random(7)}'}",
            EXECUTION_TYPE,
            {
                "properties": {
                    "startTime": moment.isoformat(timespec="seconds"),
                    "template": template.shown_by_execution(),
                }
            },
            {
                "started": moment.isoformat(timespec="microseconds"),
                "template": template.to_body(),
                "parallelism": trigger.parallelism,
                "completions": trigger.completions,
                "retries": spec.configuration.retries,
                "timeout": spec.configuration.timeout,
                "succeeded": 0,
                "failed": 0,
                "replicas": [],
            },
        )
        self.changes.apply("start", execution, None)
        self.tell(job, "Normal", "SuccessfulCreate", "Execution has started", execution.name)
        self._launch(execution)
        return execution

    def _launch(self, execution: Resource) -> None:
        kept = execution.private
        key, job_id = execution.id.lower(), parent_of(execution.id)

        def tell(kind: str, reason: str, message: str, replica: str) -> None:
            self.events.tell(job_id, kind, reason, message, execution.name, replica)

        runner = ExecutionRunner(
            self.runtime,
            execution.name,
            Demands(kept["parallelism"], kept["completions"], kept["retries"], kept["timeout"]),
            Progress(kept["succeeded"], kept["failed"]),
            self._folder(job_id) / execution.name,
            prepare=lambda: self._prepare(execution),
            introduce=lambda spec: self._introduce(spec, job_id, execution.name),
            on_change=lambda one: self._keep(execution.id, one),
            on_end=lambda one, outcome: self._ended(execution.id, one, outcome),
            tell=tell,
        )
        runner.over = [ReplicaRecord.stored(body) for body in kept["replicas"]]
        self._running[key] = runner
        runner.start()

    async def _prepare(self, execution: Resource) -> ReplicaPlan:
        """What a replica runs, its images got. Raises ArmError when they are not to be had, or a
        secret is not there."""
        job = self._job(execution.id)
        spec, template = JobSpec.stored(job), JobTemplate.stored(execution.private["template"])
        _check_secrets(template, spec)
        await self.images.fetch(template.images, spec.configuration.registry_users)
        # https://learn.microsoft.com/azure/container-apps/environment-variables
        told = {
            "CONTAINER_APP_JOB_NAME": job.name,
            "CONTAINER_APP_JOB_EXECUTION_NAME": execution.name,
            "CONTAINER_APP_ENV_DNS_SUFFIX": self._domain(job),
        }
        around = Surroundings(told, spec.configuration.secret_values, template.volumes)
        return ReplicaPlan(
            execution.name,
            tuple(container_plan(one, around) for one in template.containers),
            tuple(container_plan(one, around) for one in template.init_containers),
            None,
            GRACE,
        )

    async def _introduce(self, spec: ContainerSpec, job_id: str, execution: str) -> ContainerSpec:
        job = self._job(job_id)
        found = await introduce(self.access, spec, job, self._domain(job))
        if problem := self.access.problem:
            self.events.tell(job_id, "Warning", "NoNeighbours", problem, execution)
        return found

    def _keep(self, execution_id: str, runner: ExecutionRunner) -> None:
        """Keep what a runner has come to."""
        execution = self.store.get(execution_id)
        if execution is None or self.runner(execution_id) is not runner:
            return
        _keep(execution, runner)
        self.store.put(execution)

    def _ended(self, execution_id: str, runner: ExecutionRunner, outcome: Outcome) -> None:
        execution = self.store.get(execution_id)
        if execution is None or self.runner(execution_id) is not runner:
            return
        del self._running[execution_id.lower()]
        _keep(execution, runner)
        self._end(execution, outcome)

    def _end(self, execution: Resource, outcome: Outcome) -> None:
        properties = execution.properties
        properties["endTime"] = datetime.now(UTC).isoformat(timespec="seconds")
        if outcome.reason:
            properties |= {"reason": outcome.reason, "message": outcome.message}
        try:
            self.changes.apply(outcome.move, execution, execution)
        except ArmError as error:
            # It is told to stop, or its job goes.
            _log.info("%s: no %s: %s", execution.id, outcome.move, error)
            return
        kind = "Normal" if outcome.move == "succeed" else "Warning"
        message = outcome.message or "Execution has successfully completed"
        self.events.tell(
            parent_of(execution.id), kind, outcome.reason or "Completed", message, execution.name
        )
        self._forget_old(parent_of(execution.id))

    def _forget_old(self, job_id: str) -> None:
        ended = [one for one in self.executions(job_id) if one.state in ENDED]
        for execution in ended[MOST_KEPT:]:
            self.changes.begin("forget", execution, execution)

    async def _stop(self, change: Change) -> Finish:
        """End the replicas of an execution. It may be that a restart did."""
        await self._dismiss(change.resource_id)
        self.events.tell(
            parent_of(change.resource_id),
            "Normal",
            "Stopped",
            "Execution was stopped",
            name_of(change.resource_id),
        )

        def finish(execution: Resource) -> None:
            over = [replace(one, is_over=True) for one in self.replicas(execution)]
            # Azure shows no endTime of what was stopped:
            # https://github.com/Azure/azure-cli/blob/dev/src/azure-cli/azure/cli/command_modules/containerapp/tests/latest/recordings/test_containerapp_job_executionstest_e2e.yaml
            execution.private["replicas"] = [one.to_body() for one in over]

        return finish

    async def _dismiss(self, execution_id: str) -> None:
        if runner := self.runner(execution_id):
            await runner.stop()
            self._running.pop(execution_id.lower(), None)

    async def _remove(self, execution: Resource) -> None:
        """End all that there is of an execution outside the database."""
        await self._dismiss(execution.id)
        folder = self._folder(parent_of(execution.id)) / execution.name
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _revive(self, execution: Resource) -> None:
        """Run on after a restart what ran before it, its replicas counted as failed."""
        if execution.state != "Running":
            return
        kept, lost = execution.private, 0
        for replica in kept["replicas"]:
            if not replica["is_over"]:
                replica["is_over"] = True
                lost += 1
        kept["failed"] += lost
        self.store.put(execution)
        message = f"Local Azure was stopped while {lost} replicas ran, which count as failed"
        self.events.tell(parent_of(execution.id), "Warning", "NodeLost", message, execution.name)
        self._launch(execution)

    async def close(self) -> None:
        """Look after nothing any more. The containers end with their runtime."""
        await asyncio.gather(*(runner.close() for runner in self._running.values()))

    # What they are in

    def tell(
        self, job: Resource, kind: str, reason: str, message: str, execution: str = ""
    ) -> None:
        self.events.tell(job.id, kind, reason, message, execution)

    def _job(self, some_id: str) -> Resource:
        """The job of an execution, or of its own id. Raises ArmError 404."""
        job_id = some_id if "/executions/" not in some_id.lower() else parent_of(some_id)
        job = self.store.get(job_id)
        if job is None:
            raise ArmError(404, "ResourceNotFound", f"The job '{job_id}' is gone.")
        return job

    def _domain(self, job: Resource) -> str:
        environment = self.store.get(job.properties["environmentId"])
        return str(environment.properties["defaultDomain"]) if environment else ""

    def _folder(self, job_id: str) -> Path:
        """Named by a hash of the id: names on Azure differ by nothing but case on some disks."""
        digest = hashlib.sha256(job_id.lower().encode()).hexdigest()[:16]
        return self.folder / f"{name_of(job_id)}-{digest}"


def _keep(execution: Resource, runner: ExecutionRunner) -> None:
    execution.private["succeeded"] = runner.progress.succeeded
    execution.private["failed"] = runner.progress.failed
    execution.private["replicas"] = [record.to_body() for record in runner.records]


def _check_secrets(template: JobTemplate, spec: JobSpec) -> None:
    containers = template.containers + template.init_containers
    check_secrets(containers, template.volumes, spec.configuration.secret_values)


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
