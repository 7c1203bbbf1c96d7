"""Makes a deployment run: model and code from blob storage, an interpreter, supervised servers.

The folder of one deployment, as the inference container on Azure has it below /var/azureml-app:

    azureml-models/{model}/{version}/   what AZUREML_MODEL_DIR names
    azureml-code/{code}/{version}/      the code folder, with the scoring script
    storage-initializer.log             what was downloaded
    inference-server.{n}.log            what instance n printed

https://learn.microsoft.com/azure/machine-learning/concept-online-deployment-model-specification
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from emulator.arm.errors import ArmError, bad_request
from emulator.arm.ids import name_of, now, parent_of
from emulator.inference_servers.supervisor import (
    DEFAULT_PROBE,
    Server,
    ServerFailed,
    ServerSpec,
    State,
    Supervisor,
)
from emulator.processes.probes import Probe
from emulator.python_environments.environments import (
    BuildError,
    PythonEnvironment,
    PythonEnvironments,
)
from emulator.services.machine_learning.assets import locate, resolve
from emulator.services.machine_learning.durations import seconds
from emulator.store import Resource, Store

TROUBLESHOOTING = "Please see troubleshooting guide, available here: https://aka.ms/oe-tsg"
_log = logging.getLogger(__name__)


class Blobs(Protocol):
    """What a deployment needs of blob storage; the composition root hands the service in."""

    def is_blob(self, account: str, container: str, path: str) -> bool: ...

    async def materialize(self, account: str, container: str, prefix: str, target: Path) -> int: ...


@dataclass
class Running:
    """What runs for one deployment, and how far the latest attempt came."""

    servers: list[Server] = field(default_factory=list)
    next_instance: int = 0
    steps: dict[str, str] = field(default_factory=dict)


class Routes(Protocol):
    """Where requests are sent; the composition root hands the scoring routes in."""

    def ready(self, deployment_id: str, servers: Sequence[Server]) -> None: ...

    def close(self, deployment_id: str) -> None: ...

    async def drained(self, deployment_id: str, servers: Sequence[Server]) -> None: ...

    def forget(self, deployment_id: str) -> None: ...


class Deployer:
    """Owns every inference server. `routes` is told which are ready, and which are to go."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        environments: PythonEnvironments,
        runtime: Supervisor,
        folder: Path,
        routes: Routes,
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.environments = environments
        self.runtime = runtime
        self.folder = folder
        self.routes = routes
        self.running: dict[str, Running] = {}

    def folder_of(self, deployment_id: str) -> Path:
        """One for each id, whatever its case; the hash tells equal names of two endpoints apart."""
        key = deployment_id.lower()
        return self.folder / f"{name_of(key)}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"

    async def deploy(self, deployment_id: str, spec: dict[str, Any]) -> None:
        """Bring up the instances of `spec` and then retire those of the version before it.

        Raises ArmError with Azure's code when it does not come up; the version before it, if
        there was one, is then still running.
        """
        running = self.running.setdefault(deployment_id.lower(), Running())
        running.steps = {"SystemSetup": "Succeeded"}
        server_spec = await self._prepare(deployment_id, spec, running.steps)
        old, new = running.servers, []
        running.steps["UserContainerStart"] = "InProgress"
        try:
            for _ in range(spec["sku"]["capacity"]):
                new.append(await self._start(deployment_id, running, server_spec))
            await asyncio.gather(*(server.ready() for server in new))
        except ServerFailed as error:
            running.steps["UserContainerStart"] = "Failed"
            await asyncio.gather(*(self.runtime.stop(server) for server in new))
            raise ArmError(
                400,
                "ResourceNotReady",
                "User container has crashed or terminated: "
                f"{error} {TROUBLESHOOTING}#error-resourcenotready",
            ) from None
        except BaseException:
            await asyncio.gather(*(self.runtime.stop(server) for server in new))
            raise
        running.steps["UserContainerStart"] = "Succeeded"
        running.servers = new
        self._publish(deployment_id)
        await self._retire(deployment_id, old)

    async def scale(self, deployment_id: str, spec: dict[str, Any]) -> None:
        """Start or stop instances until there are as many as `spec` asks for."""
        running = self.running.setdefault(deployment_id.lower(), Running())
        count = spec["sku"]["capacity"]
        surplus = running.servers[count:]
        running.servers = running.servers[:count]
        self._publish(deployment_id)
        await self._retire(deployment_id, surplus)
        if count > len(running.servers):
            server_spec = await self._prepare(deployment_id, spec, running.steps)
            new = [
                await self._start(deployment_id, running, server_spec)
                for _ in range(count - len(running.servers))
            ]
            running.servers = running.servers + new
            try:
                await asyncio.gather(*(server.ready() for server in new))
            except ServerFailed as error:
                raise ArmError(400, "ResourceNotReady", f"{error} {TROUBLESHOOTING}") from None
            self._publish(deployment_id)

    async def stop(self, scope: str) -> None:
        """Stop every deployment at or below an id, and delete its folder."""
        below = scope.lower()
        gone = [key for key in self.running if key == below or key.startswith(below + "/")]
        for key in gone:
            servers = self.running.pop(key).servers
            self.routes.close(key)
            try:
                await self._retire(key, servers)
            finally:
                self.routes.forget(key)
            await asyncio.to_thread(shutil.rmtree, self.folder_of(key), ignore_errors=True)

    def logs(self, deployment_id: str, container: str, tail: int) -> str:
        """The last `tail` lines of a container's log, under the state of the instance."""
        folder = self.folder_of(deployment_id)
        if container == "StorageInitializer":
            return _tail(folder / "storage-initializer.log", tail)
        running = self.running.get(deployment_id.lower()) or Running()
        latest = running.servers[-1].spec.log_file if running.servers else None
        file = latest or _newest(folder) or folder / "inference-server.0.log"
        status = "".join(f"{step}: {state}\n" for step, state in running.steps.items())
        build = _tail(folder / "image-build.log", tail)
        return (
            f"Instance status:\n{status}\n"
            + (f"Image build log:\n{build}\n" if build and not file.exists() else "")
            + f"Container logs:\n{_tail(file, tail)}"
        )

    # Steps

    async def _prepare(
        self, deployment_id: str, spec: dict[str, Any], steps: dict[str, str]
    ) -> ServerSpec:
        folder = self.folder_of(deployment_id)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        properties = spec["properties"]
        workspace = parent_of(deployment_id, 2)
        python = await self._build(workspace, properties["environmentId"], folder, steps)
        with (folder / "storage-initializer.log").open("a") as log:
            steps["ModelDownload"] = "InProgress"
            try:
                code_dir = await self._download_code(workspace, properties, folder, log.write)
                # The framework is loaded while the model is downloaded.
                self.runtime.warm(
                    python.python,
                    python.preload,
                    code_dir,
                    properties.get("environmentVariables") or {},
                )
                model_dir = await self._download_model(workspace, properties, folder, log.write)
            except ArmError as error:
                steps["ModelDownload"] = "Failed"
                log.write(f"{now()} {error.message}\n")
                raise
            steps["ModelDownload"] = "Succeeded"
        script = properties["codeConfiguration"]["scoringScript"]
        if not _inside(code_dir, script).is_file():
            raise bad_request(
                f"The scoring script '{script}' is not in the code folder, which holds "
                f"{', '.join(sorted(path.name for path in code_dir.iterdir())) or 'nothing'}.",
                target="codeConfiguration.scoringScript",
            )
        settings = properties.get("requestSettings") or {}
        return ServerSpec(
            name=folder.name,
            python=python.python,
            preload=python.preload,
            app_root=code_dir,
            entry_script=script,
            model_dir=model_dir,
            variables=properties.get("environmentVariables") or {},
            log_file=folder / "inference-server.log",
            liveness=_probe(properties.get("livenessProbe")),
            readiness=_probe(properties.get("readinessProbe")),
            request_timeout=seconds(settings.get("requestTimeout") or "PT5S", "requestTimeout"),
        )

    async def _build(
        self, workspace: str, reference: str, folder: Path, steps: dict[str, str]
    ) -> PythonEnvironment:
        environment = resolve(self.store, workspace, "environments", reference)
        steps["UserContainerImagePull"] = "InProgress"
        build_log = folder / "image-build.log"
        build_log.write_text("")
        try:
            with build_log.open("a", buffering=1) as build:
                python = await self.environments.resolve(
                    environment.properties.get("condaFile"),
                    environment.properties.get("image") or "",
                    lambda line: print(line.rstrip("\n"), file=build),
                )
        except BuildError as error:
            steps["UserContainerImagePull"] = "Failed"
            last = error.log.strip().splitlines()[-1:] or ["nothing."]
            raise ArmError(
                400,
                "ImageBuildFailure",
                f"The environment '{environment.id.split('/environments/')[-1]}' cannot be "
                f"built. The build log ends with: {last[0]} "
                f"{TROUBLESHOOTING}#error-imagebuildfailure",
            ) from None
        steps["UserContainerImagePull"] = "Succeeded"
        return python

    async def _download_model(
        self, workspace: str, properties: dict[str, Any], folder: Path, log: Callable[[str], Any]
    ) -> Path | None:
        reference = properties.get("model")
        if not reference:
            return None
        model = resolve(self.store, workspace, "models", reference)
        name, version = name_of(parent_of(model.id)), model.name
        target = folder / "azureml-models" / name / version
        await self._download(model, target, keep_folder=True, log=log)
        return target

    async def _download_code(
        self, workspace: str, properties: dict[str, Any], folder: Path, log: Callable[[str], Any]
    ) -> Path:
        code = resolve(self.store, workspace, "codes", properties["codeConfiguration"]["codeId"])
        target = folder / "azureml-code" / name_of(parent_of(code.id)) / code.name
        await self._download(code, target, keep_folder=False, log=log)
        return target

    async def _download(
        self, asset: Resource, target: Path, *, keep_folder: bool, log: Callable[[str], Any]
    ) -> None:
        """Complete or not at all: assets never change, so what is there is right."""
        what = "/".join(asset.id.split("/")[-4:])
        if target.is_dir():
            log(f"{now()} {what} is here already\n")
            return
        place = locate(asset)
        temporary = target.with_name(target.name + ".part")
        await asyncio.to_thread(shutil.rmtree, temporary, ignore_errors=True)
        log(f"{now()} Downloading {what} from {place.container}/{place.path}\n")
        # A registered folder keeps its name below AZUREML_MODEL_DIR; a file stands there itself.
        last = place.path.rstrip("/").rsplit("/", 1)[-1]
        is_file = self.blobs.is_blob(place.account, place.container, place.path)
        inside = temporary / last if keep_folder and not is_file else temporary
        try:
            count = await self.blobs.materialize(
                place.account, place.container, place.path.rstrip("/"), inside
            )
        except (LookupError, OSError) as error:
            raise bad_request(f"{what} cannot be downloaded: {error}.") from None
        temporary.rename(target)
        log(f"{now()} Downloaded {count} {'file' if count == 1 else 'files'} of {what}\n")

    async def _start(self, deployment_id: str, running: Running, spec: ServerSpec) -> Server:
        number = running.next_instance
        running.next_instance += 1
        return await self.runtime.start(
            _numbered(spec, number), lambda _: self._publish(deployment_id)
        )

    async def _retire(self, deployment_id: str, servers: list[Server]) -> None:
        """Stop instances that are no longer published, once what they are at is done."""
        await self.routes.drained(deployment_id, servers)
        await asyncio.gather(*(self.runtime.stop(server) for server in servers))

    def _publish(self, deployment_id: str) -> None:
        running = self.running.get(deployment_id.lower())
        servers = running.servers if running else []
        self.routes.ready(
            deployment_id, [server for server in servers if server.state is State.READY]
        )


def _numbered(spec: ServerSpec, number: int) -> ServerSpec:
    return replace(
        spec,
        name=f"{spec.name}--{number}",
        log_file=spec.log_file.with_name(f"inference-server.{number}.log"),
    )


def _inside(folder: Path, relative: str) -> Path:
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise bad_request(f"'{relative}' leads out of the code folder.", target="scoringScript")
    return path


def _probe(settings: dict[str, Any] | None) -> Probe:
    """ProbeSettings of the REST reference; what is not given keeps Azure's default."""
    names = {"initialDelay": "initial_delay", "period": "period", "timeout": "timeout"}
    counts = {"successThreshold": "success_threshold", "failureThreshold": "failure_threshold"}
    given: dict[str, Any] = {}
    for key, value in (settings or {}).items():
        if value is None:
            continue
        if key in names:
            given[names[key]] = seconds(value, key)
        elif key in counts:
            given[counts[key]] = int(value)
    return replace(DEFAULT_PROBE, **given)


def _tail(file: Path, lines: int) -> str:
    with suppress(OSError):
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) + "\n"
    return ""


def _newest(folder: Path) -> Path | None:
    logs = sorted(folder.glob("inference-server.*.log"), key=lambda file: file.stat().st_mtime)
    return logs[-1] if logs else None
