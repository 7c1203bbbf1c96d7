"""Makes deployments run: an interpreter, model and code on disk, supervised inference servers.

https://learn.microsoft.com/azure/machine-learning/concept-online-deployment-model-specification
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from emulator.arm.errors import ArmError
from emulator.arm.ids import parent_of
from emulator.arm.managed_identity import NO_IDENTITY, stored_identity
from emulator.arm.resources import require
from emulator.containers.runtime import BuildFailed, ContainerRuntimeError
from emulator.inference_servers.starting import MLFLOW_SCRIPT
from emulator.inference_servers.supervisor import (
    Server,
    ServerFailed,
    ServerSpec,
    State,
    Supervisor,
)
from emulator.processes.logs import last_lines
from emulator.processes.tasks import to_the_end
from emulator.python_environments.environments import (
    BuildError,
    PythonEnvironment,
    PythonEnvironments,
)
from emulator.services.machine_learning.assets import resolve
from emulator.services.machine_learning.blobs import BlobStorage
from emulator.services.machine_learning.deployment_folder import (
    DeploymentFolder,
    mlflow_variables,
    script_in,
)
from emulator.services.machine_learning.deployment_image import (
    ContainerInstances,
    DeploymentImage,
)
from emulator.services.machine_learning.deployment_spec import DeploymentSpec
from emulator.services.machine_learning.instance_types import INSTANCE_TYPES
from emulator.services.machine_learning.scoring_routes import ScoringRoutes
from emulator.store import Resource, Store
from emulator.workloads.access import Identity, WorkloadAccess, no_identity
from emulator.workloads.variables import machine_learning_identity
from emulator.workloads.workload import Workload

TROUBLESHOOTING = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg"


@dataclass(eq=False)
class RunningDeployment:
    """What runs for one deployment, and how far the latest attempt came.

    `serving` are given requests when they are ready. `leaving` are given none any more, and are
    stopped when they have answered those under way.
    """

    id: str
    folder: DeploymentFolder
    serving: list[Server] = field(default_factory=list)
    leaving: list[Server] = field(default_factory=list)
    next_instance: int = 0
    steps: dict[str, str] = field(default_factory=dict)


class Deployer:
    """Owns every inference server. `routes` is told which are ready, and which are to go.

    What changes one deployment is called by one at a time (arm/changes.py sees to it). When it
    raises, or is cancelled, the servers that it has started are gone.
    """

    def __init__(
        self,
        store: Store,
        blobs: BlobStorage,
        environments: PythonEnvironments,
        supervisor: Supervisor,
        folder: Path,
        routes: ScoringRoutes,
        access: WorkloadAccess,
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.environments = environments
        self.supervisor = supervisor
        self.folder = folder
        self.routes = routes
        self.access = access
        self._running: dict[str, RunningDeployment] = {}

    async def deploy(self, deployment_id: str, spec: DeploymentSpec) -> None:
        """Bring up the instances of `spec` and then retire those of the version before it.

        Raises ArmError with Azure's code when it does not come up; the version before it, if
        there was one, is then still running.
        """
        running = self._of(deployment_id)
        self.routes.open(deployment_id)
        running.steps = {"SystemSetup": "Succeeded"}
        server = await self._prepare(running, spec)
        new = await self._start(running, server, spec.instance_count)
        old, running.serving = running.serving, new
        await self._retire(running, old)

    async def scale(self, deployment_id: str, spec: DeploymentSpec) -> None:
        """Start or stop instances until there are as many as `spec` asks for.

        Raises ArmError when those that are missing do not come up; the others go on serving.
        """
        running = self._of(deployment_id)
        self.routes.open(deployment_id)
        missing = spec.instance_count - len(running.serving)
        if missing > 0:
            running.steps = {"SystemSetup": "Succeeded"}
            server = await self._prepare(running, spec)
            running.serving += await self._start(running, server, missing)
            self._publish(running)
        elif missing < 0:
            surplus = running.serving[spec.instance_count :]
            running.serving = running.serving[: spec.instance_count]
            await self._retire(running, surplus)

    async def remove(self, deployment_id: str) -> None:
        """Stop what runs for a deployment and delete its folder."""
        running = self._of(deployment_id)
        self.routes.close(deployment_id)
        servers, running.serving = running.serving, []
        try:
            await self._retire(running, servers)
            await self.supervisor.stop_all(running.leaving)
        finally:
            self._running.pop(deployment_id.lower(), None)
            self.routes.forget(deployment_id)
        image = DeploymentImage(running.folder, self.access.runtime)
        if image.was_built:
            await image.remove()
        await running.folder.delete()

    def logs(self, deployment_id: str, container: str, tail: int) -> str:
        """The last `tail` lines of a container's log, under the state of the instance."""
        running = self._running.get(deployment_id.lower())
        folder = running.folder if running else DeploymentFolder(self.folder, deployment_id)
        if container == "StorageInitializer":
            return last_lines(folder.download_log, tail)
        serving = running.serving[-1:] if running else []
        latest = serving[0].spec.log_file if serving else folder.newest_server_log()
        steps = running.steps if running else {}
        status = "".join(f"{step}: {state}\n" for step, state in steps.items())
        build = last_lines(folder.build_log, tail)
        return (
            f"Instance status:\n{status}\n"
            + (f"Image build log:\n{build}\n" if build and not (latest and latest.exists()) else "")
            + f"Container logs:\n{last_lines(latest, tail) if latest else ''}"
        )

    def instances(self) -> dict[str, list[Server]]:
        """The instances of each deployment that serves, by its id."""
        return {running.id: list(running.serving) for running in self._running.values()}

    # Steps

    def _of(self, deployment_id: str) -> RunningDeployment:
        folder = DeploymentFolder(self.folder, deployment_id)
        return self._running.setdefault(
            deployment_id.lower(), RunningDeployment(deployment_id, folder)
        )

    async def _prepare(self, running: RunningDeployment, spec: DeploymentSpec) -> ServerSpec:
        """Have everything on disk that an instance needs. Raises ArmError."""
        folder = running.folder
        await folder.make()
        environment = self._asset(running, "environments", spec.environment or "")
        if environment.properties["build"]:
            return await self._prepare_container(running, spec, environment)
        python = await self._build(running, environment)
        running.steps["ModelDownload"] = "InProgress"
        variables = await self._variables(running, spec)
        try:
            if spec.code:
                code = self._asset(running, "codes", spec.code)
                code_dir = await folder.download_code(self.blobs, code)
            else:
                code_dir = await folder.put_mlflow_script()
            # The framework is loaded while the model is downloaded.
            self.supervisor.warm(python.python, python.preload, code_dir, variables)
            model_dir = None
            if spec.model:
                model = self._asset(running, "models", spec.model)
                model_dir = await folder.download_model(self.blobs, model)
                if not spec.code:
                    variables = mlflow_variables(model) | variables
        except ArmError as error:
            running.steps["ModelDownload"] = "Failed"
            folder.note(error.message)
            raise
        running.steps["ModelDownload"] = "Succeeded"
        return ServerSpec(
            name=folder.path.name,
            python=python.python,
            preload=python.preload,
            app_root=code_dir,
            entry_script=script_in(code_dir, spec.script or MLFLOW_SCRIPT.name),
            model_dir=model_dir,
            variables=variables,
            log_file=folder.server_log(0),
            liveness=spec.liveness,
            readiness=spec.readiness,
            request_timeout=spec.requests.timeout,
        )

    async def _prepare_container(
        self, running: RunningDeployment, spec: DeploymentSpec, environment: Resource
    ) -> ServerSpec:
        """The same where the environment is a Dockerfile. Raises ArmError."""
        folder = running.folder
        image = DeploymentImage(folder, self.access.runtime)
        running.steps["UserContainerImagePull"] = "InProgress"
        with folder.build_log.open("w", buffering=1) as log:

            def note(line: str) -> None:
                print(line, file=log)

            try:
                built = await image.build_environment(self.blobs, environment, note)
                code = self._asset(running, "codes", spec.code or "")
                code_dir = await folder.download_code(self.blobs, code)
                model_dir = None
                if spec.model:
                    model = self._asset(running, "models", spec.model)
                    model_dir = await folder.download_model(self.blobs, model)
                await image.build(built, note)
            except (BuildFailed, ContainerRuntimeError) as error:
                running.steps["UserContainerImagePull"] = "Failed"
                raise _image_build_failure(environment, str(error)) from None
        running.steps |= {"UserContainerImagePull": "Succeeded", "ModelDownload": "Succeeded"}
        endpoint = require(self.store, parent_of(running.id))
        return ServerSpec(
            name=folder.path.name,
            python=Path(sys.executable),
            preload=(),
            app_root=code_dir,
            entry_script=script_in(code_dir, spec.script or ""),
            model_dir=model_dir,
            variables={},
            log_file=folder.server_log(0),
            liveness=spec.liveness,
            readiness=spec.readiness,
            start=ContainerInstances(
                image,
                self.access,
                Workload(endpoint.id),
                _identity_of(endpoint),
                spec.variables or {},
                INSTANCE_TYPES[spec.instance_type],
            ),
        )

    async def _variables(self, running: RunningDeployment, spec: DeploymentSpec) -> dict[str, str]:
        """The deployment's own, and those with which it reaches Azure as its endpoint."""
        endpoint = require(self.store, parent_of(running.id))
        return await self.access.process(
            Workload(endpoint.id), spec.variables or {}, _identity_of(endpoint)
        )

    def _asset(self, running: RunningDeployment, collection: str, asset_id: str) -> Resource:
        return resolve(self.store, parent_of(running.id, 2), collection, asset_id)

    async def _build(self, running: RunningDeployment, environment: Resource) -> PythonEnvironment:
        running.steps["UserContainerImagePull"] = "InProgress"
        try:
            with running.folder.build_log.open("w", buffering=1) as build:
                python = await self.environments.resolve(
                    environment.properties["condaFile"] or None,
                    environment.properties["image"] or "",
                    lambda line: print(line.rstrip("\n"), file=build),
                )
        except BuildError as error:
            running.steps["UserContainerImagePull"] = "Failed"
            last = error.log.strip().splitlines()[-1:] or ["nothing."]
            raise _image_build_failure(environment, last[0]) from None
        running.steps["UserContainerImagePull"] = "Succeeded"
        return python

    async def _start(
        self, running: RunningDeployment, server: ServerSpec, count: int
    ) -> list[Server]:
        """Start `count` instances and wait until all are ready. Raises ArmError: none runs then."""
        running.steps["UserContainerStart"] = "InProgress"
        first = running.next_instance
        running.next_instance += count
        specs = [_numbered(server, running.folder, first + number) for number in range(count)]
        try:
            servers = await self.supervisor.start_all(specs, lambda _: self._publish(running))
        except ServerFailed as error:
            running.steps["UserContainerStart"] = "Failed"
            raise ArmError(
                400,
                "ResourceNotReady",
                "User container has crashed or terminated: "
                f"{error} {TROUBLESHOOTING}#error-resourcenotready",
            ) from None
        running.steps["UserContainerStart"] = "Succeeded"
        return servers

    async def _retire(self, running: RunningDeployment, servers: Sequence[Server]) -> None:
        """Stop instances that serve no longer, once what they are at is done."""
        running.leaving += servers
        self._publish(running)
        try:
            await self.routes.drained(running.id, servers)
        finally:
            await to_the_end(self.supervisor.stop_all(servers))
            running.leaving = [each for each in running.leaving if each not in servers]

    def _publish(self, running: RunningDeployment) -> None:
        if self._running.get(running.id.lower()) is not running:
            return  # it has been removed
        self.routes.ready(
            running.id, [server for server in running.serving if server.state is State.READY]
        )


def _identity_of(endpoint: Resource) -> Identity:
    has_identity = stored_identity(endpoint.body) != NO_IDENTITY
    return machine_learning_identity if has_identity else no_identity


def _image_build_failure(environment: Resource, reason: str) -> ArmError:
    return ArmError(
        400,
        "ImageBuildFailure",
        f"The environment '{environment.id.split('/environments/')[-1]}' cannot be built. The "
        f"build log ends with: {reason} {TROUBLESHOOTING}#error-imagebuildfailure",
    )


def _numbered(server: ServerSpec, folder: DeploymentFolder, number: int) -> ServerSpec:
    return replace(server, name=f"{server.name}--{number}", log_file=folder.server_log(number))
