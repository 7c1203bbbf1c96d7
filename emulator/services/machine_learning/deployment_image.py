"""A deployment whose environment is a Dockerfile: its image, and instances in a container engine.

The image is built from the environment's context, and then once more with the deployment's model
and code in it, where Azure has them: below /var/azureml-app.

https://learn.microsoft.com/azure/machine-learning/concept-online-deployment-model-specification
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from emulator.containers.runtime import (
    Container,
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerSpec,
    ImageNotFound,
    Usage,
)
from emulator.inference_servers.server import PORT, ServerSpec
from emulator.inference_servers.starting import StartError
from emulator.services.machine_learning.blobs import BlobStorage
from emulator.services.machine_learning.deployment_folder import CODE, MODELS, DeploymentFolder
from emulator.services.machine_learning.instance_types import InstanceType
from emulator.store import Resource
from emulator.workloads.access import Identity, WorkloadAccess
from emulator.workloads.workload import Workload

ROOT = "/var/azureml-app"
DOCKERFILE = "Dockerfile"
Log = Callable[[str], None]


class DeploymentImage:
    """The image of one deployment."""

    def __init__(self, folder: DeploymentFolder, runtime: ContainerRuntime) -> None:
        self.folder = folder
        self.runtime = runtime
        self.reference = f"localhost/azure-local/deployment-{folder.path.name}:latest"

    async def build_environment(self, blobs: BlobStorage, environment: Resource, log: Log) -> str:
        """Build the environment's Dockerfile. Returns the image's reference.

        Raises BuildFailed, ContainerRuntimeError; ArmError 400 when there are no files.
        """
        context = await self.folder.download_context(blobs, environment)
        name = hashlib.sha256(environment.id.lower().encode()).hexdigest()[:16]
        reference = f"localhost/azure-local/environment-{name}:latest"
        dockerfile = environment.properties["build"]["dockerfilePath"]
        await self.runtime.build(context, dockerfile, [reference], {}, log)
        return reference

    async def build(self, environment: str, log: Log) -> None:
        """Build the image of the environment with what was downloaded for the deployment.

        Raises BuildFailed, ContainerRuntimeError.
        """
        parts = [name for name in (MODELS, CODE) if (self.folder.path / name).is_dir()]
        lines = [f"FROM {environment}", *(f"COPY {name} {ROOT}/{name}" for name in parts)]

        def write() -> None:
            (self.folder.path / DOCKERFILE).write_text("\n".join(lines) + "\n")
            ignored = ["*", f"!{DOCKERFILE}", *(f"!{name}" for name in parts), "**/*~created"]
            (self.folder.path / ".dockerignore").write_text("\n".join(ignored) + "\n")

        await asyncio.to_thread(write)
        await self.runtime.build(self.folder.path, DOCKERFILE, [self.reference], {}, log)

    @property
    def was_built(self) -> bool:
        return (self.folder.path / DOCKERFILE).exists()

    async def remove(self) -> None:
        await self.runtime.remove_image(self.reference)

    def inside(self, path: Path) -> str:
        """Where a file or folder of the deployment is in its containers."""
        return f"{ROOT}/{path.relative_to(self.folder.path).as_posix()}"


class ContainerInstances:
    """Starts the instances of one deployment as containers: the `start` of their ServerSpec."""

    def __init__(
        self,
        image: DeploymentImage,
        access: WorkloadAccess,
        workload: Workload,
        identity: Identity,
        variables: Mapping[str, str],
        size: InstanceType,
    ) -> None:
        self.image = image
        self.access = access
        self.workload = workload
        self.identity = identity
        self.variables = variables
        self.size = size
        self.containers: dict[str, Container] = {}  # the latest, by the name of its ServerSpec

    async def __call__(self, spec: ServerSpec) -> ContainerProcess:
        """Start an instance. Raises StartError."""
        runtime = self.image.runtime
        variables = {
            "AML_APP_ROOT": self.image.inside(spec.app_root),
            "AZUREML_ENTRY_SCRIPT": spec.entry_script,
            **self.variables,
        }
        if spec.model_dir:
            variables["AZUREML_MODEL_DIR"] = self.image.inside(spec.model_dir)
        container = ContainerSpec(
            name=spec.name,
            image=self.image.reference,
            command=None,
            args=None,
            variables=variables,
            ports=(PORT,),
            cpu=min(self.size.vcpus, os.cpu_count() or 1),  # an engine refuses more
            memory_gb=self.size.memory_gb,
            log_file=spec.log_file,
        )
        try:
            container = await self.access.container(container, self.workload, self.identity)
            started = self.containers[spec.name] = await runtime.start(container)
        except (ImageNotFound, ContainerRuntimeError) as error:
            raise StartError(str(error)) from error
        return ContainerProcess(runtime, started)

    async def usage(self, name: str) -> Usage | None:
        """What the instance of that ServerSpec's name uses, None while it does not run."""
        container = self.containers.get(name)
        if container is None:
            return None
        try:
            return await self.image.runtime.usage(container)
        except ContainerRuntimeError:
            return None


class ContainerProcess:
    """An instance in a container, as what looks after servers sees it: starting.Process."""

    pid = None

    def __init__(self, runtime: ContainerRuntime, container: Container) -> None:
        self.runtime = runtime
        self.container = container
        self.port = container.address[PORT]

    async def wait(self) -> int:
        return await self.container.wait()

    async def end(self, grace: float) -> None:
        if grace:
            await self.runtime.stop(self.container, grace)
        await self.runtime.remove(self.container)
