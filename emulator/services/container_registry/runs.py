"""ACR Tasks: quick builds from an uploaded source.

https://learn.microsoft.com/rest/api/containerregistry/registries/schedule-run
https://learn.microsoft.com/rest/api/containerregistry/runs

    status      while                                       followed by
    Queued      other builds are under way                  Running, Canceled
    Running     the source is unpacked and the image built  Succeeded, Failed, Canceled, Timeout,
                                                            Error
    Succeeded   the images are in the registry              -
    Failed      the build said no; the log has why          -
    Canceled    somebody called cancel                      -
    Timeout     it took longer than asked for               -
    Error       local Azure failed or was stopped           -
"""

from __future__ import annotations

import asyncio
import builtins
import json
import logging
import re
import shutil
import time
from pathlib import Path
from typing import Any, Protocol

from emulator.arm.errors import bad_request, conflict, not_emulated, not_found
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.ids import new_guid, now, system_data
from emulator.arm.resources import page
from emulator.containers.runtime import (
    BuildFailed,
    ContainerRuntime,
    ContainerRuntimeError,
    Image,
)
from emulator.services.container_registry.build_log import BuildLog, LogStore
from emulator.services.container_registry.paths import (
    REGISTRY,
    REGISTRY_TYPE,
    RUN,
    RUN_TYPE,
    RUNS,
    login_server,
)
from emulator.services.container_registry.run_requests import BuildRequest, parse
from emulator.services.container_registry.sources import InvalidSource, unpack
from emulator.store import Resource, Store

# The storage account of ACR Tasks themselves. It is Azure's, not the learner's.
ACCOUNT = "acrtaskslocal"
MOST_AT_ONCE = 2  # builds
UPLOAD_HOURS = LOG_HOURS = 1.0
# How a run ended -> what its log's metadata says, which `az acr build` reads.
OUTCOMES = {
    "Succeeded": "successful",
    "Failed": "failed",
    "Canceled": "canceled",
    "Timeout": "timedout",
    "Error": "internalerror",
}
ENDED = frozenset(OUTCOMES)
_FILTER = re.compile(r"\s*(\w+)\s+eq\s+'([^']*)'\s*", re.IGNORECASE)
_FILTERS = {"status": "status", "runtype": "runType", "runid": "runId"}
_log = logging.getLogger(__name__)


class Blobs(LogStore, Protocol):
    """What builds need of blob storage; the composition root hands the service in."""

    def internal_account(self, name: str) -> None: ...
    def create_container(self, account: str, name: str) -> None: ...
    def container_sas(
        self, account: str, container: str, permissions: str, hours: float
    ) -> str: ...
    async def delete_container(self, account: str, name: str) -> None: ...
    def is_blob(self, account: str, container: str, path: str) -> bool: ...
    async def materialize(self, account: str, container: str, prefix: str, target: Path) -> int: ...


class Runs:
    ROUTES = (
        ("POST", REGISTRY + "/listBuildSourceUploadUrl", "get_build_source_upload_url"),
        ("POST", REGISTRY + "/scheduleRun", "schedule_run"),
        ("GET", RUNS, "list"),
        ("GET", RUN, "get"),
        ("PATCH", RUN, "update"),
        ("POST", RUN + "/cancel", "cancel"),
        ("POST", RUN + "/listLogSasUrl", "get_log_sas_url"),
    )

    def __init__(self, store: Store, blobs: Blobs, runtime: ContainerRuntime, folder: Path) -> None:
        self.store = store
        self.blobs = blobs
        self.runtime = runtime
        self.folder = folder
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.turn = asyncio.Semaphore(MOST_AT_ONCE)
        self.closing = False

    def seed(self) -> None:
        self.blobs.internal_account(ACCOUNT)

    async def recover(self) -> None:
        """End the runs that were under way when the emulator stopped."""
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
        for run in self.store.of_type(RUN_TYPE):
            if run.properties["status"] not in ENDED:
                reason = "Local Azure was stopped during the run. Schedule it again."
                log = self._build_log(run)
                log.step(reason)
                await log.close(OUTCOMES["Error"])
                self._set(run.id, status="Error", finishTime=now(), runErrorMessage=reason)

    async def close(self) -> None:
        """Leave what is under way; the next start says that it was."""
        self.closing = True
        for task in list(self.tasks.values()):
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    async def forget(self, registry_id: str) -> None:
        """Cancel the runs of a registry that is to be deleted, and delete what they left."""
        await self._cancel_below(registry_id)
        if registry := self.store.get(registry_id):
            await self.blobs.delete_container(ACCOUNT, _container(registry))

    async def _cancel_below(self, scope: str) -> None:
        below = scope.lower() + "/"
        tasks = [task for key, task in self.tasks.items() if key.startswith(below)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Handlers

    async def get_build_source_upload_url(self, request: ArmRequest) -> ArmResponse:
        registry = self._registry(request)
        container = _container(registry)
        self.blobs.create_container(ACCOUNT, container)
        path = f"source/{time.strftime('%Y%m%d', time.gmtime())}/{new_guid()}.tar.gz"
        sas = self.blobs.container_sas(ACCOUNT, container, "cw", UPLOAD_HOURS)
        return ArmResponse({"uploadUrl": f"{_url(container, path)}?{sas}", "relativePath": path})

    async def schedule_run(self, request: ArmRequest) -> ArmResponse:
        registry = self._registry(request)
        server = login_server(registry.name)
        number = registry.body["_runs"] + 1
        run_id = f"cb{number}"
        asked = parse(request.json(), server, run_id)
        if not self.blobs.is_blob(ACCOUNT, _container(registry), asked.source):
            raise bad_request(
                f"There is no source '{asked.source}'. Upload it to the URL that "
                "listBuildSourceUploadUrl answers, and pass on its relativePath.",
                code="InvalidSourceLocation",
                target="sourceLocation",
            )
        registry.body["_runs"] = number
        self.store.put(registry)
        moment = now()
        run = self.store.put(
            Resource(
                f"{registry.id}/runs/{run_id}",
                RUN_TYPE,
                {
                    "properties": {
                        "runId": run_id,
                        "status": "Queued",
                        "lastUpdatedTime": moment,
                        "runType": "QuickBuild",
                        "createTime": moment,
                        "platform": {"os": "linux", "architecture": "amd64"},
                        "agentConfiguration": {"cpu": 2},
                        "provisioningState": "Creating",
                        "isArchiveEnabled": False,
                    },
                    "systemData": system_data(request.claims),
                },
            )
        )
        log = self._build_log(run)
        await log.open()
        key = run.id.lower()
        task = asyncio.create_task(self._run(run.id, registry, asked, log))
        self.tasks[key] = task
        task.add_done_callback(lambda _: self.tasks.pop(key, None))
        return ArmResponse(_shown(run))

    async def list(self, request: ArmRequest) -> ArmResponse:
        registry = self._registry(request)
        runs = self.store.of_type(RUN_TYPE, registry.id)
        for condition in re.split(r"\s+and\s+", request.query.get("$filter") or ""):
            if condition:
                key, value = _condition(condition)
                runs = [run for run in runs if run.properties[key].lower() == value.lower()]
        # The newest first.
        runs.sort(key=lambda run: run.properties["createTime"], reverse=True)
        return page(request, [_shown(run) for run in runs])

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(_shown(self._one(request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        if request.json().get("isArchiveEnabled"):
            raise not_emulated("archived runs: they are all kept")
        return ArmResponse(_shown(self._one(request)))

    async def cancel(self, request: ArmRequest) -> ArmResponse:
        run = self._one(request)
        task = self.tasks.get(run.id.lower())
        if task is None:
            raise conflict(
                f"The run '{run.name}' cannot be canceled: it is {run.properties['status']}.",
                code="RunCannotBeCanceled",
            )
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return ArmResponse()

    async def get_log_sas_url(self, request: ArmRequest) -> ArmResponse:
        run = self._one(request)
        container = _container(self._registry(request))
        sas = self.blobs.container_sas(ACCOUNT, container, "r", LOG_HOURS)
        return ArmResponse({"logLink": f"{_url(container, _log_path(run))}?{sas}"})

    # The work

    async def _run(
        self, run_id: str, registry: Resource, asked: BuildRequest, log: BuildLog
    ) -> None:
        status, error = "Error", "Local Azure failed; see `python -m emulator logs`."
        images: builtins.list[dict[str, str]] = []
        started = time.monotonic()
        try:
            async with self.turn, asyncio.timeout(asked.timeout):
                started = time.monotonic()
                self._set(run_id, status="Running", startTime=now())
                images = await self._build(run_id, registry, asked, log)
            status, error = "Succeeded", ""
        except asyncio.CancelledError:
            if self.closing:
                raise
            status, error = "Canceled", "The run was canceled."
        except TimeoutError:
            status, error = "Timeout", f"The run took longer than {asked.timeout} seconds."
        except (BuildFailed, InvalidSource, ContainerRuntimeError) as failure:
            status, error = "Failed", str(failure)
        except Exception:
            _log.exception("run %s", run_id)
        took = round(time.monotonic() - started)
        name = run_id.rpartition("/")[2]
        if error:
            log.end(f"Run ID: {name} {OUTCOMES[status]} after {took}s. Error: {error}")
        else:
            log.end(f"Run ID: {name} was successful after {took}s")
        found = {"outputImages": images} if images else {}
        failed = {"runErrorMessage": error} if error else {}
        self._set(run_id, status=status, finishTime=now(), **found, **failed)
        # Readers of the log look at the run once the log is complete.
        await log.close(OUTCOMES[status])

    async def _build(
        self, run_id: str, registry: Resource, asked: BuildRequest, log: BuildLog
    ) -> builtins.list[dict[str, str]]:
        name = run_id.rpartition("/")[2]
        server = login_server(registry.name)
        folder = self.folder / f"{server}-{name}"
        log.step("Downloading source code...")
        try:
            await self.blobs.materialize(ACCOUNT, _container(registry), asked.source, folder)
            archive = folder / asked.source.rpartition("/")[2]
            await asyncio.to_thread(unpack, archive, folder / "context")
            log.step("Finished downloading source code")
            # What is not pushed is built and thrown away: only a push puts it into the registry.
            tags = [f"{server}/{repository}:{tag}" for repository, tag in asked.images]
            kept = tags if asked.push else [f"acr-build/{registry.name.lower()}:{name}"]
            log.step(f"Building with {self.runtime.description}")
            image = await self.runtime.build(
                folder / "context", asked.dockerfile, kept, asked.arguments, log.line
            )
            if not asked.push:
                await self.runtime.remove_image(kept[0])
                log.step("Built the image; nothing is pushed")
                return []
            return [self._pushed(server, *names, image, log) for names in asked.images]
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    @staticmethod
    def _pushed(
        server: str, repository: str, tag: str, image: Image, log: BuildLog
    ) -> dict[str, str]:
        log.step(f"Pushed {server}/{repository}:{tag} ({image.digest})")
        return {
            "registry": server,
            "repository": repository,
            "tag": tag,
            "digest": image.digest,
        }

    # Rules

    def _registry(self, request: ArmRequest) -> Resource:
        registry_id = expand(REGISTRY, request.params)
        registry = self.store.get(registry_id)
        if registry is None or registry.type.lower() != REGISTRY_TYPE.lower():
            raise not_found(registry_id)
        return registry

    def _one(self, request: ArmRequest) -> Resource:
        self._registry(request)
        run_id = expand(RUN, request.params)
        run = self.store.get(run_id)
        if run is None:
            raise not_found(run_id)
        return run

    def _set(self, run_id: str, **properties: Any) -> None:
        run = self.store.get(run_id)
        if run is None:
            return  # its registry has gone meanwhile
        run.properties.update(properties, lastUpdatedTime=now())
        state = {"Succeeded": "Succeeded", "Canceled": "Canceled"}
        if run.properties["status"] in ENDED:
            run.properties["provisioningState"] = state.get(run.properties["status"], "Failed")
        self.store.put(run)

    def _build_log(self, run: Resource) -> BuildLog:
        registry = self.store.get(run.id.rpartition("/runs/")[0])
        assert registry is not None
        container = _container(registry)
        self.blobs.create_container(ACCOUNT, container)
        return BuildLog(self.blobs, ACCOUNT, container, _log_path(run))


def _container(registry: Resource) -> str:
    """The registry's own container: a link to one must not open another's sources."""
    return f"{registry.name.lower()}-{registry.body['_key']}"


def _log_path(run: Resource) -> str:
    return f"logs/{run.name}/rawtext.log"


def _url(container: str, path: str) -> str:
    return f"https://{ACCOUNT}.blob.core.windows.net/{container}/{path}"


def _condition(text: str) -> tuple[str, str]:
    found = _FILTER.fullmatch(text)
    key = _FILTERS.get(found[1].lower()) if found else None
    if found is None or key is None:
        raise bad_request(
            f"The filter '{text}' is not understood. Local Azure knows <field> eq '<value>' for "
            "Status, RunType and RunId, joined by 'and'.",
            target="$filter",
        )
    return key, found[2]


def _shown(run: Resource) -> dict[str, Any]:
    shown = {"id": run.id, "name": run.name, "type": RUN_TYPE, **run.body}
    # A copy: the run goes on while the answer is written.
    copy: dict[str, Any] = json.loads(json.dumps(shown))
    return copy
