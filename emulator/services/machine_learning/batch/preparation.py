"""What a job has on disk before it scores: environment, code, model and the files to score.

https://learn.microsoft.com/azure/machine-learning/how-to-use-batch-model-deployments
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emulator.arm.change import Change
from emulator.arm.errors import ArmError
from emulator.arm.ids import parent_of
from emulator.arm.managed_identity import NO_IDENTITY, client_id_of, stored_identity
from emulator.inference_servers.starting import MLFLOW_BATCH_SCRIPT
from emulator.processes.environment import clean_environment
from emulator.processes.leftovers import MARK
from emulator.python_environments.environments import BuildError, PythonEnvironments
from emulator.services.machine_learning.assets import resolve
from emulator.services.machine_learning.batch.deployment_spec import (
    APPEND_ROW,
    BatchDeploymentSpec,
)
from emulator.services.machine_learning.batch.job_spec import JobSpec
from emulator.services.machine_learning.batch.scoring import JobError
from emulator.services.machine_learning.batch.step_logs import StepLogs
from emulator.services.machine_learning.batch.worker import WorkerSpec
from emulator.services.machine_learning.blobs import BlobStorage
from emulator.services.machine_learning.deployment_folder import (
    DeploymentFolder,
    mlflow_variables,
    script_in,
)
from emulator.store import Resource, Store
from emulator.workloads.access import WorkloadAccess
from emulator.workloads.variables import machine_learning_identity
from emulator.workloads.workload import Workload

# What live Azure's driver imports, and what brings it.
# https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-batch-endpoints#no-module-named-azureml
BRING_AZUREML = ("azureml-core", "azureml-defaults", "azureml-sdk")
NEEDS_AZUREML = (
    "The conda file of the deployment's environment does not list azureml-core. Local Azure does "
    "without; on live Azure the job fails with \"No module named 'azureml'\": list it there."
)


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


class Preparation:
    def __init__(
        self,
        store: Store,
        blobs: BlobStorage,
        environments: PythonEnvironments,
        access: WorkloadAccess,
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.environments = environments
        self.access = access

    async def prepare(
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

    async def fetch(self, spec: JobSpec, folder: JobFolder) -> list[Path]:
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


def _warn(change: Change, spec: JobSpec, environment: Resource) -> None:
    """Say what live Azure would stumble over, and local Azure does not need."""
    listed = str(environment.properties["condaFile"])
    if spec.deployment.code and not any(name in listed for name in BRING_AZUREML):
        change.save(lambda job: job.private.update(warnings=[NEEDS_AZUREML]))
