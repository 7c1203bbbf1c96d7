"""The lifecycle of batch jobs: its table, and the work.

https://learn.microsoft.com/azure/machine-learning/how-to-use-batch-model-deployments
https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-batch-endpoints

    status           while                                            followed by
    NotStarted       the job has been taken                           Preparing
    Preparing        environment, code, model and files are fetched   Queued, Failed
    Queued           the cluster's nodes belong to other jobs         Running
    Running          the nodes' workers score                         Finalizing, Failed
    Finalizing       scores and logs are stored                       Completed, Failed
    CancelRequested  the workers are ended                            Canceled
    Completed, Failed, Canceled                                       -

Any of the first five can be followed by CancelRequested, and each of them is begun anew when local
Azure is started after it was killed: nothing is stored before the end, so nothing is stored twice.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Any

from emulator.arm.change import Change, SupersededError
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, conflict
from emulator.arm.ids import name_of, now, parent_of
from emulator.arm.lifecycle import ABSENT, GONE, Lifecycle, Move
from emulator.processes.leftovers import kill_marked
from emulator.processes.tasks import to_the_end
from emulator.services.machine_learning.batch.clusters import Clusters, NoNodesError
from emulator.services.machine_learning.batch.job_spec import JobSpec
from emulator.services.machine_learning.batch.preparation import JobFolder, Preparation
from emulator.services.machine_learning.batch.run_artifacts import RunArtifacts
from emulator.services.machine_learning.batch.scoring import JobError, Scoring
from emulator.services.machine_learning.batch.step_logs import StepLogs
from emulator.services.machine_learning.blobs import BlobStorage
from emulator.services.machine_learning.deployment_folder import DeploymentFolder
from emulator.services.machine_learning.paths import JOB_TYPE
from emulator.store import Resource, Store

# States of the lifecycle; while it is RUNNING the status says more.
RUNNING, CANCELING = "Running", "CancelRequested"
COMPLETED, FAILED, CANCELED = "Completed", "Failed", "Canceled"
ENDED = (COMPLETED, FAILED, CANCELED)
LONGEST = 7 * 24 * 3600.0  # seconds that a job may take
# The pipeline's own log, which MLClient streams.
PIPELINE_LOG = "logs/azureml/executionlogs.txt"
_log = logging.getLogger(__name__)


class JobLifecycle:
    """Runs batch jobs. `folder` is where their files are while they run."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        blobs: BlobStorage,
        preparation: Preparation,
        clusters: Clusters,
        artifacts: RunArtifacts,
        folder: Path,
    ) -> None:
        self.store = store
        self.changes = changes
        self.blobs = blobs
        self.preparation = preparation
        self.clusters = clusters
        self.artifacts = artifacts
        self.folder = folder
        self._jobs: dict[str, asyncio.Task[None]] = {}  # those under way, by id in lower case
        changes.register(
            Lifecycle(
                JOB_TYPE,
                moves=(
                    Move(
                        "run",
                        (ABSENT,),
                        RUNNING,
                        COMPLETED,
                        FAILED,
                        work=self._work,
                        resumes=True,
                        limit=LONGEST,
                    ),
                    Move(
                        "cancel", (RUNNING,), CANCELING, CANCELED, work=self._cancel, resumes=True
                    ),
                    Move("delete", ENDED, "Deleting", GONE),
                ),
                show=_show,
                refuse=_refuse,
            )
        )
        changes.at_start(self._clear)

    def _clear(self) -> None:
        """Remove what a kill has left of the jobs of then."""
        kill_marked(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def cancel(self, job: Resource) -> str:
        """Begin to cancel a job. Returns the operation's id. Raises ArmError 409 for one that has
        ended."""
        operation = self.changes.begin("cancel", job, job)
        if task := self._jobs.get(job.id.lower()):
            task.cancel()
        return operation

    # The work

    async def _work(self, change: Change) -> None:
        key = change.resource_id.lower()
        task = self._jobs[key] = asyncio.create_task(self._carry_out(change))
        try:
            await task
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            if change.is_current:
                raise
            raise SupersededError(change.resource_id) from None  # canceled
        finally:
            del self._jobs[key]

    async def _cancel(self, change: Change) -> None:
        """The job's processes have ended: changes of one job run one after the other."""
        job = change.save(_put_end)
        await self._log_pipeline(job, "The job was canceled.")

    async def _carry_out(self, change: Change) -> None:
        job = change.resource()
        spec = JobSpec.of(job.private["job"])
        folder = JobFolder(DeploymentFolder(self.folder, job.id))
        logs = StepLogs(folder.logs)
        failure = ""
        try:
            await asyncio.to_thread(shutil.rmtree, folder.assets.path, ignore_errors=True)
            await folder.assets.make()
            await asyncio.to_thread(logs.begin)
            await self._log_pipeline(job, "Submitting 1 runs, first five are: " + spec.step)
            scores = await self._score(change, spec, folder, logs)
            self._status(change, "Finalizing")
            await self._store_scores(spec, scores, folder, logs)
        except JobError as error:
            failure = str(error)
        except SupersededError:
            raise
        except asyncio.CancelledError:
            failure = "The job was canceled."
            raise
        except Exception:
            _log.exception("job %s", job.id)
            failure = "Local Azure failed; see `python -m emulator logs`."
        finally:
            await to_the_end(self._leave(job, spec, folder, logs, failure))
        ended = change.save(lambda job: _put_end(job, failure))
        if failure:
            await self._log_pipeline(ended, f"Execution of run {spec.step} failed: {failure}")
            raise ArmError(409, "UserError", failure)
        await self._log_pipeline(ended, f"Completing processing run id {spec.step}.")

    async def _score(
        self, change: Change, spec: JobSpec, folder: JobFolder, logs: StepLogs
    ) -> list[Path]:
        """Returns the files whose contents are to be appended. Raises JobError."""
        self._status(change, "Preparing")
        worker = await self.preparation.prepare(change, spec, folder, logs)
        files = await self.preparation.fetch(spec, folder)
        deployment = spec.deployment
        self._status(change, "Queued")
        try:
            async with self.clusters.nodes(
                deployment.compute, name_of(change.resource_id), deployment.instance_count
            ):
                self._status(change, "Running")
                logs.note(f"The job has {deployment.instance_count} nodes.")
                return await Scoring(deployment, worker, logs, folder.results).score(files)
        except NoNodesError as error:
            raise JobError(str(error)) from None

    async def _store_scores(
        self, spec: JobSpec, scores: list[Path], folder: JobFolder, logs: StepLogs
    ) -> None:
        """Append what run() returned, as the file that the output names.

        https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-batch-endpoints#no-output-in-predictions-file
        """
        place, file = spec.output.location, spec.output.file
        if not scores:
            return
        if self.blobs.is_blob(place.account, place.container, f"{place.path}/{file}"):
            logs.note(f"'{spec.output.uri}{file}' is there already and is not replaced.")
            return
        await asyncio.to_thread(_concatenate, scores, folder.output / file)

    async def _leave(
        self, job: Resource, spec: JobSpec, folder: JobFolder, logs: StepLogs, failure: str
    ) -> None:
        """Store what there is of the output and the logs, and remove the job's folder."""
        workspace = self.store.get(parent_of(job.id))
        try:
            await asyncio.to_thread(logs.end, failure)
            if workspace:
                if folder.output.is_dir():
                    await self.artifacts.put(spec.output.location, folder.output)
                await self.artifacts.upload(workspace, spec.step, folder.logs)
        except (ArmError, LookupError, OSError) as error:
            _log.warning("the files of %s are not stored: %s", job.id, error)
        finally:
            await folder.assets.delete()

    # What is shown

    def _status(self, change: Change, status: str) -> None:
        def put(job: Resource) -> None:
            job.properties["status"] = status
            if status == "Running":
                job.private["started"] = now()

        change.save(put)

    async def _log_pipeline(self, job: Resource, line: str) -> None:
        lines = [*job.private.get("log", []), f"[{now()[:19].replace('T', ' ')}Z] {line}"]
        found = self.store.get(job.id)
        workspace = self.store.get(parent_of(job.id))
        if found is None or workspace is None:
            return
        found.private["log"] = lines
        self.store.put(found)
        try:
            await self.artifacts.write(workspace, job.name, PIPELINE_LOG, "\n".join(lines) + "\n")
        except (ArmError, LookupError) as error:
            _log.warning("the log of %s is not stored: %s", job.id, error)


def new_job(job_id: str, spec: JobSpec, shown: dict[str, Any]) -> Resource:
    """A job that is to run; `shown` is its body. Begin it with the move "run"."""
    return Resource(job_id, JOB_TYPE, shown, {"job": spec.to_body(), "log": [], "created": now()})


def _concatenate(parts: list[Path], target: Path) -> None:
    with target.open("wb") as file:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, file)


def _put_end(job: Resource, failure: str = "") -> None:
    job.private["ended"] = job.body["systemData"]["lastModifiedAt"] = now()
    if failure:
        job.private["failure"] = failure


def _show(job: Resource) -> None:
    """While it runs the status is the finer one that the work has put."""
    if job.state != RUNNING:
        job.properties["status"] = job.state
        if job.state in ENDED:
            job.private.setdefault("ended", now())


def _refuse(job: Resource | None, move: str) -> ArmError:
    name, status = (job.name, job.properties["status"]) if job else ("", "absent")
    done = "canceled" if move == "cancel" else "deleted"
    return conflict(f"The job '{name}' is {status} and can't be {done}.", code="UserError")
