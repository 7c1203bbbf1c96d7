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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.arm.change import Change, SupersededError
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, conflict
from emulator.arm.ids import name_of, now, parent_of
from emulator.arm.lifecycle import ABSENT, GONE, Lifecycle, Move
from emulator.arm.managed_identity import NO_IDENTITY, client_id_of, stored_identity
from emulator.inference_servers.starting import MLFLOW_BATCH_SCRIPT
from emulator.processes.environment import clean_environment
from emulator.processes.leftovers import MARK, kill_marked
from emulator.processes.tasks import to_the_end
from emulator.python_environments.environments import BuildError, PythonEnvironments
from emulator.services.machine_learning.assets import resolve
from emulator.services.machine_learning.batch.clusters import Clusters, NoNodesError
from emulator.services.machine_learning.batch.deployment_spec import (
    APPEND_ROW,
    BatchDeploymentSpec,
)
from emulator.services.machine_learning.batch.job_spec import JobSpec
from emulator.services.machine_learning.batch.run_artifacts import RunArtifacts
from emulator.services.machine_learning.batch.scoring import JobError, Scoring
from emulator.services.machine_learning.batch.step_logs import StepLogs
from emulator.services.machine_learning.batch.worker import WorkerSpec
from emulator.services.machine_learning.blobs import BlobStorage
from emulator.services.machine_learning.deployment_folder import (
    DeploymentFolder,
    mlflow_variables,
    script_in,
)
from emulator.services.machine_learning.paths import JOB_TYPE
from emulator.store import Resource, Store
from emulator.workloads.access import WorkloadAccess
from emulator.workloads.variables import machine_learning_identity
from emulator.workloads.workload import Workload

# States of the lifecycle; while it is RUNNING the status says more.
RUNNING, CANCELING = "Running", "CancelRequested"
COMPLETED, FAILED, CANCELED = "Completed", "Failed", "Canceled"
ENDED = (COMPLETED, FAILED, CANCELED)
LONGEST = 7 * 24 * 3600.0  # seconds that a job may take
# The pipeline's own log, which MLClient streams.
PIPELINE_LOG = "logs/azureml/executionlogs.txt"
# What live Azure's driver imports, and what brings it.
# https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-batch-endpoints#no-module-named-azureml
BRING_AZUREML = ("azureml-core", "azureml-defaults", "azureml-sdk")
NEEDS_AZUREML = (
    "The conda file of the deployment's environment does not list azureml-core. Local Azure does "
    "without; on live Azure the job fails with \"No module named 'azureml'\": list it there."
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobFolder:
    """Where a job's files are on this machine while it runs."""

    assets: DeploymentFolder

    @property
    def inputs(self) -> Path:
        return self.assets.path / "inputs"

    @property
    def output(self) -> Path:
        """What the script writes there itself becomes part of the job's output."""
        return self.assets.path / "output"

    @property
    def results(self) -> Path:
        return self.assets.path / "results"

    @property
    def logs(self) -> Path:
        return self.assets.path / "logs"


class JobLifecycle:
    """Runs batch jobs. `folder` is where their files are while they run."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        blobs: BlobStorage,
        environments: PythonEnvironments,
        clusters: Clusters,
        artifacts: RunArtifacts,
        access: WorkloadAccess,
        folder: Path,
    ) -> None:
        self.store = store
        self.changes = changes
        self.blobs = blobs
        self.environments = environments
        self.clusters = clusters
        self.artifacts = artifacts
        self.access = access
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
        worker = await self._prepare(change, spec, folder, logs)
        files = await self._fetch(spec, folder)
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

    async def _prepare(
        self, change: Change, spec: JobSpec, folder: JobFolder, logs: StepLogs
    ) -> WorkerSpec:
        """Have on disk what a worker needs. Raises JobError."""
        deployment, workspace = spec.deployment, parent_of(change.resource_id)
        try:
            environment = resolve(self.store, workspace, "environments", deployment.environment)
            _warn(change, spec, environment)
            with logs.build.open("w", buffering=1) as build:
                python = await self.environments.resolve(
                    environment.properties["condaFile"] or None,
                    environment.properties["image"] or "",
                    lambda line: print(line.rstrip("\n"), file=build),
                )
            asset = resolve(self.store, workspace, "models", deployment.model)
            model = await folder.assets.download_model(self.blobs, asset)
            variables = await self._variables(deployment)
            if deployment.code:
                code = await folder.assets.download_code(
                    self.blobs, resolve(self.store, workspace, "codes", deployment.code)
                )
            else:
                code = await folder.assets.put_script(MLFLOW_BATCH_SCRIPT)
                variables = mlflow_variables(asset) | variables
            script = script_in(code, deployment.script or MLFLOW_BATCH_SCRIPT.name)
        except BuildError as error:
            last = error.log.strip().splitlines()[-1:] or ["nothing."]
            raise JobError(
                "ImageBuildFailure: the environment of the deployment cannot be built. The build "
                f"log, {logs.build.relative_to(logs.folder).as_posix()}, ends with: {last[0]}"
            ) from None
        except ArmError as error:
            raise JobError(error.message) from None
        folder.output.mkdir(parents=True, exist_ok=True)
        return WorkerSpec(
            python=python.python,
            code=code,
            script=code / script,
            level=deployment.logging_level.upper(),
            appends=deployment.output_action == APPEND_ROW,
            variables={
                **clean_environment(python.python),
                **variables,
                MARK: str(folder.assets.path),
                "AZUREML_MODEL_DIR": str(model),
                # https://learn.microsoft.com/azure/machine-learning/how-to-deploy-model-custom-output
                "AZUREML_BI_OUTPUT_PATH": str(folder.output),
                "AZUREML_RUN_ID": spec.step,
            },
        )

    async def _variables(self, deployment: BatchDeploymentSpec) -> dict[str, str]:
        """The deployment's own, and those with which it reaches Azure as its cluster.

        https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication#compute-cluster
        """
        compute = self.store.get(deployment.compute)
        own = dict(deployment.variables or {})
        if compute is None or stored_identity(compute.body) == NO_IDENTITY:
            return await self.access.process(Workload(deployment.compute), own)
        client = client_id_of(str(compute.body["identity"]["principalId"]))
        return {
            "DEFAULT_IDENTITY_CLIENT_ID": client,
            **await self.access.process(Workload(compute.id), own, machine_learning_identity),
        }

    async def _fetch(self, spec: JobSpec, folder: JobFolder) -> list[Path]:
        """The files to score, on disk, by name. Raises JobError when there are none.

        Folders in the folder are not looked into:
        https://learn.microsoft.com/azure/machine-learning/how-to-mlflow-batch
        """
        place = spec.data.location
        try:
            await self.blobs.materialize(place.account, place.container, place.path, folder.inputs)
        except (LookupError, OSError) as error:
            raise JobError(
                "ScriptExecutionException was caused by StreamAccessException. "
                "StreamAccessException was caused by NotFoundException. Found no resources for "
                f"the input provided: '{spec.data.uri}'. ({error})"
            ) from None
        files = sorted(path for path in folder.inputs.iterdir() if path.is_file())
        if not files:
            raise JobError(
                f"There are no files in the folder '{spec.data.uri}': those in folders below it "
                "are not looked at."
            )
        return files

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


def _warn(change: Change, spec: JobSpec, environment: Resource) -> None:
    """Say what live Azure would stumble over, and local Azure does not need."""
    listed = str(environment.properties["condaFile"])
    if spec.deployment.code and not any(name in listed for name in BRING_AZUREML):
        change.save(lambda job: job.private.update(warnings=[NEEDS_AZUREML]))


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
