"""Starts the executions of jobs that have a schedule, at the beginning of each minute.

Each minute is looked at once. Those in which local Azure was down, or this machine asleep, are
not made up for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from emulator.arm.errors import ArmError
from emulator.services.container_apps.jobs.job_controller import JobController
from emulator.services.container_apps.jobs.job_spec import JobSpec
from emulator.services.container_apps.paths import JOB_TYPE
from emulator.store import Resource

MINUTE = timedelta(minutes=1)
# How late a minute is still looked at, if this process was busy at its beginning.
LATEST = 5 * MINUTE
_log = logging.getLogger(__name__)


class JobScheduler:
    """`now` returns the present moment in UTC."""

    def __init__(
        self,
        controller: JobController,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.controller = controller
        self.now = now
        self.seen = _minute(now())
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From the next minute on."""
        self.seen = _minute(self.now())
        self.task = asyncio.create_task(self._run(), name="job scheduler")

    async def close(self) -> None:
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep((_minute(self.now()) + MINUTE - self.now()).total_seconds())
            self.look()

    def look(self) -> list[Resource]:
        """Start what is due in the minutes that were not looked at yet. Returns the executions."""
        until = _minute(self.now())
        minute = max(self.seen, until - LATEST)
        self.seen = until
        started = []
        while minute < until:
            minute += MINUTE
            started += self._start_due(minute)
        return started

    def _start_due(self, minute: datetime) -> list[Resource]:
        started = []
        for job in self.controller.store.of_type(JOB_TYPE):
            schedule = JobSpec.stored(job).configuration.trigger.schedule
            if job.state != "Succeeded" or schedule is None or not schedule.is_due(minute):
                continue
            # Kubernetes and Azure name them by the minutes since 1970:
            # https://github.com/Azure/azure-rest-api-specs/blob/main/specification/app/resource-manager/Microsoft.App/ContainerApps/stable/2024-03-01/examples/Job_Executions_Get.json
            name = f"{job.name}-{int(minute.timestamp()) // 60}"
            # It is there when the clock was set back.
            if self.controller.store.get(f"{job.id}/executions/{name}"):
                continue
            try:
                started.append(self.controller.start(job, name=name))
            except ArmError as error:
                _log.warning("%s was not started: %s", job.id, error)
                self.controller.tell(job, "Warning", "FailedCreate", error.message)
            except Exception:
                _log.exception("%s was not started", job.id)
        return started


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
