"""Scores the files of a job: mini-batches, handed out to the workers of its nodes.

https://learn.microsoft.com/azure/machine-learning/how-to-batch-scoring-script
https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-batch-endpoints

An item is a file. Of a mini-batch, as many have succeeded as run() has returned items, at most
all of them. One whose run() raises, ends the process or takes too long is tried again, and all of
it has failed when no try is left. A job ends when more items have failed than the error threshold
says, when init() raises, when all tries of a mini-batch took too long, and when nothing succeeded
that could be appended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulator.processes.logs import trim
from emulator.services.machine_learning.batch.deployment_spec import (
    APPEND_ROW,
    BatchDeploymentSpec,
)
from emulator.services.machine_learning.batch.step_logs import StepLogs
from emulator.services.machine_learning.batch.worker import (
    InitError,
    RunError,
    Worker,
    WorkerSpec,
)

SEE_LOGS = "Please check logs for error. You can check logs/readme.txt for the layout of logs."
# https://github.com/Azure/MachineLearningNotebooks/issues/1652
NOTHING_SUCCEEDED = (
    "There is no succeeded mini batch item returned from run(). Please check 'response: run()' in "
    f"https://aka.ms/batch-inference-documentation {SEE_LOGS}"
)


class JobError(Exception):
    """A job has failed; the message says why."""


@dataclass
class MiniBatch:
    number: int
    files: Sequence[Path]
    tries: int = 0
    timeouts: int = 0


@dataclass
class Scoring:
    """The scoring of one job. `results` is a folder for what run() returns."""

    spec: BatchDeploymentSpec
    worker: WorkerSpec
    logs: StepLogs
    results: Path
    succeeded: int = 0
    failed: int = 0
    _waiting: deque[MiniBatch] = field(default_factory=deque)
    _done: list[MiniBatch] = field(default_factory=list)
    _count: int = 0

    async def score(self, files: Sequence[Path]) -> list[Path]:
        """Score the files. Returns what was appended, in the order of the mini-batches.

        Raises JobError. No process of it is left when this returns or raises.
        """
        size = self.spec.mini_batch_size
        parts = [files[start : start + size] for start in range(0, len(files), size)]
        self._waiting = deque(MiniBatch(number, part) for number, part in enumerate(parts))
        self._count = len(parts)
        self.results.mkdir(parents=True, exist_ok=True)
        self.logs.note(f"{len(files)} files make {len(parts)} mini-batches of at most {size}.")
        self._report()
        places = [
            (node, worker)
            for worker in range(self.spec.workers)
            for node in range(self.spec.instance_count)
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for node, worker in places[: len(parts)]:
                    group.create_task(self._work(node, worker))
        except* JobError as failures:
            raise failures.exceptions[0] from None
        if self.spec.output_action != APPEND_ROW:
            return []
        if not self.succeeded:
            raise JobError(NOTHING_SUCCEEDED)
        found = (self._result(number) for number in range(self._count))
        return [file for file in found if file.exists()]

    async def _work(self, node: int, number: int) -> None:
        """One worker: mini-batches until there are none."""
        worker: Worker | None = None
        try:
            while self._waiting:
                batch = self._waiting.popleft()
                if worker is None:
                    worker = await self._start(node, number)
                try:
                    await self._run(worker, batch, node, number)
                except RunError as error:
                    if not error.is_alive:
                        await worker.end()
                        worker = None
                    self._failed_once(batch, error, node, number)
        finally:
            if worker:
                await worker.end()

    async def _start(self, node: int, number: int) -> Worker:
        stdout, stderr = self.logs.stdout(node, number), self.logs.stderr(node, number)
        try:
            worker = await Worker.start(self.worker, stdout, stderr)
        except OSError as error:
            raise JobError(f"The scoring script's Python could not be started: {error}") from None
        try:
            await worker.ready()
        except InitError as error:
            await worker.end()
            self.logs.error(node, number, f"init() failed: {error}", error.traceback)
            raise JobError(
                "User program failed with Exception: Run failed, please check logs for details. "
                "You can check logs/readme.txt for the layout of logs. The entry script could not "
                f"be initialized: {error}"
            ) from None
        except BaseException:
            await worker.end()
            raise
        self.logs.picked(node, number, f"The worker {worker.pid} has called init().")
        return worker

    async def _run(self, worker: Worker, batch: MiniBatch, node: int, number: int) -> None:
        batch.tries += 1
        result = self._result(batch.number)
        result.unlink(missing_ok=True)
        items, seconds = await worker.run(
            batch.number, batch.files, result, self.spec.retries.timeout
        )
        for log in (self.logs.stdout(node, number), self.logs.stderr(node, number)):
            await asyncio.to_thread(trim, log)
        succeeded = min(items, len(batch.files))
        self.logs.picked(
            node,
            number,
            f"The worker {worker.pid} has scored mini-batch {batch.number}: {len(batch.files)} "
            f"items, {succeeded} succeeded, {len(batch.files) - succeeded} failed, run() took "
            f"{seconds:.3f} seconds.",
        )
        self._settle(batch, succeeded)

    def _failed_once(self, batch: MiniBatch, error: RunError, node: int, number: int) -> None:
        """A try of a mini-batch has failed: it waits for another one, or has failed for good."""
        batch.timeouts += error.timed_out
        said = f"Failed to process mini-batch {batch.number}, try {batch.tries}: {error}"
        self.logs.error(node, number, said, error.traceback)
        self.logs.picked(node, number, said)
        self._result(batch.number).unlink(missing_ok=True)
        if batch.tries <= self.spec.retries.most:
            self._waiting.append(batch)
            return
        if batch.timeouts == batch.tries:
            raise JobError(
                f"The run() function in the entry script had timeout for {batch.timeouts} times. "
                f"{SEE_LOGS}"
            )
        self._settle(batch, 0)

    def _settle(self, batch: MiniBatch, succeeded: int) -> None:
        """Raises JobError when more has failed than may."""
        self._done.append(batch)
        self.succeeded += succeeded
        self.failed += len(batch.files) - succeeded
        self._report()
        if 0 <= self.spec.error_threshold < self.failed:
            raise JobError(
                f"The error threshold '{self.spec.error_threshold}' is exceeded: {self.failed} "
                f"items have failed. {SEE_LOGS}"
            )

    def _report(self) -> None:
        self.logs.progress(
            f"{len(self._done)} of {self._count} mini-batches are processed; "
            f"{self.succeeded} items have succeeded, {self.failed} have failed."
        )

    def _result(self, number: int) -> Path:
        return self.results / f"{number}.txt"
