"""The lifecycle of runs: its table, and what carries them out.

https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview

    status      while                                       followed by
    Queued      other builds are under way                  Running, Canceled
    Running     the source is unpacked and the image built  Succeeded, Failed, Canceled, Timeout,
                                                            Error
    Succeeded   the images are in the registry, and the     -
                commands have ended well
    Failed      the build or a command said no; the log     -
                has why
    Canceled    somebody called cancel                      -
    Timeout     it took longer than asked for               -
    Error       local Azure failed or was stopped           -
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.arm.change import Change, SupersededError
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, conflict
from emulator.arm.fields import Fields
from emulator.arm.ids import name_of, now, parent_of
from emulator.arm.lifecycle import ABSENT, GONE, Lifecycle, Move
from emulator.containers.runtime import (
    BuildFailed,
    ContainerRuntime,
    ContainerRuntimeError,
    Image,
)
from emulator.services.container_registry.build_log import BuildLog
from emulator.services.container_registry.build_request import BuildRequest
from emulator.services.container_registry.build_storage import (
    ACCOUNT,
    BuildStorage,
    container_of,
    log_path,
)
from emulator.services.container_registry.command_request import CommandRequest
from emulator.services.container_registry.commands import StepFailed, run_steps
from emulator.services.container_registry.paths import RUN_TYPE, login_server
from emulator.services.container_registry.run_request import (
    LONGEST_TIMEOUT,
    RunRequest,
    read_run_request,
)
from emulator.services.container_registry.sources import InvalidSource, unpack
from emulator.store import Resource, Store

MOST_AT_ONCE = 2  # builds
LONGEST_WAIT = 57600.0  # seconds in the queue
# States of the lifecycle; the status says more.
RUNNING, CANCELING = "Running", "Canceling"
SUCCEEDED, FAILED, CANCELED = "Succeeded", "Failed", "Canceled"
# How a run ended -> what its log's metadata says, which `az acr build` reads.
OUTCOMES = {
    "Succeeded": "successful",
    "Failed": "failed",
    "Canceled": "canceled",
    "Timeout": "timedout",
    "Error": "internalerror",
}
STOPPED = "Local Azure was stopped during the run. Schedule it again."
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: a key of OUTCOMES, why, and what it pushed as `outputImages` shows it."""

    status: str
    error: str = ""
    images: tuple[dict[str, str], ...] = ()


class RunLifecycle:
    """Builds, `MOST_AT_ONCE` at a time. `folder` is where sources are unpacked."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        blobs: BuildStorage,
        runtime: ContainerRuntime,
        folder: Path,
    ) -> None:
        self.store = store
        self.changes = changes
        self.blobs = blobs
        self.runtime = runtime
        self.folder = folder
        # The builds that are under way or wait for their turn, and their logs; by the run's id in
        # lower case.
        self.builds: dict[str, asyncio.Task[Outcome]] = {}
        self.logs: dict[str, BuildLog] = {}
        self.turn = asyncio.Semaphore(MOST_AT_ONCE)
        changes.register(
            Lifecycle(
                RUN_TYPE,
                moves=(
                    Move(
                        "run",
                        (ABSENT,),
                        RUNNING,
                        SUCCEEDED,
                        FAILED,
                        work=self._work,
                        limit=LONGEST_WAIT + LONGEST_TIMEOUT + 3600,
                    ),
                    Move(
                        "cancel", (RUNNING,), CANCELING, CANCELED, work=self._cancel, resumes=True
                    ),
                    # With its registry, that is: there is no call that deletes a run.
                    Move("delete", (SUCCEEDED, FAILED, CANCELED), "Deleting", GONE),
                ),
                show=_show,
                refuse=_refuse,
                remove=self._remove,
                revive=self._end_log,
            )
        )
        changes.at_start(self._seed)

    def _seed(self) -> None:
        self.blobs.internal_account(ACCOUNT)
        shutil.rmtree(self.folder, ignore_errors=True)  # what a kill left

    async def close(self) -> None:
        """Leave what is under way; the next start says that it was."""
        await asyncio.gather(*(log.abandon() for log in self.logs.values()))

    async def schedule(self, run: Resource, request: RunRequest) -> None:
        """Begin a run. Its log is there when this returns. Raises ArmError."""
        key = run.id.lower()
        log = self.logs[key] = self._build_log(run)
        await log.open()
        try:
            self.changes.begin("run", run, None, request=request.to_body())
        except BaseException:
            await self.logs.pop(key).abandon()
            raise

    async def cancel(self, run: Resource) -> None:
        """Cancel a run, and wait for its end. Raises ArmError 409 for one that has ended."""
        if run.properties["status"] in OUTCOMES:
            raise _refuse(run, "cancel")
        operation = self.changes.begin("cancel", run, run)
        if build := self.builds.get(run.id.lower()):
            build.cancel()
        await self.changes.wait(operation)

    # The work

    async def _work(self, change: Change) -> None:
        run, key = change.resource(), change.resource_id.lower()
        server = login_server(name_of(parent_of(run.id)))
        request = read_run_request(Fields(change.arguments["request"]), server, run.name)
        log = self.logs[key]
        build = self.builds[key] = asyncio.create_task(self._carry_out(change, request, log))
        try:
            outcome = await build
        except asyncio.CancelledError:
            if change.is_current:
                raise
            raise SupersededError(run.id) from None  # canceled
        finally:
            del self.builds[key]
        await self._end(change, outcome)
        if outcome.error:
            raise ArmError(409, f"Run{outcome.status}", outcome.error)

    async def _cancel(self, change: Change) -> None:
        # The build has ended: changes of one run come one after the other.
        await self._end(change, Outcome("Canceled", "The run was canceled."))

    async def _carry_out(self, change: Change, request: RunRequest, log: BuildLog) -> Outcome:
        problem = f"The run waited longer than {LONGEST_WAIT:.0f} seconds for its turn."
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await self.turn.acquire()
            try:
                problem = f"The run took longer than {request.timeout} seconds."
                async with asyncio.timeout(request.timeout):
                    change.save(_begin_build)
                    if isinstance(request, CommandRequest):
                        await self._run_commands(change, request, log)
                        return Outcome("Succeeded")
                    return Outcome("Succeeded", images=await self._build(change, request, log))
            finally:
                self.turn.release()
        except TimeoutError:
            return Outcome("Timeout", problem)
        except (BuildFailed, InvalidSource, StepFailed, ContainerRuntimeError) as failure:
            return Outcome("Failed", str(failure))
        except SupersededError:
            raise
        except Exception:
            _log.exception("run %s", change.resource_id)
            return Outcome("Error", "Local Azure failed; see `python -m emulator logs`.")

    async def _build(
        self, change: Change, request: BuildRequest, log: BuildLog
    ) -> tuple[dict[str, str], ...]:
        registry = self._registry_of(change.resource())
        server, name = login_server(registry.name), name_of(change.resource_id)
        folder = self.folder / f"{server}-{name}"
        log.step("Downloading source code...")
        try:
            await self.blobs.materialize(ACCOUNT, container_of(registry), request.source, folder)
            archive = folder / request.source.rpartition("/")[2]
            await asyncio.to_thread(unpack, archive, folder / "context")
            log.step("Finished downloading source code")
            # What is not pushed is built and thrown away: only a push puts it into the registry.
            tags = [f"{server}/{repository}:{tag}" for repository, tag in request.images]
            kept = tags if request.push else [f"acr-build/{registry.name.lower()}:{name}"]
            log.step(f"Building with {self.runtime.description}")
            image = await self.runtime.build(
                folder / "context", request.dockerfile, kept, request.arguments, log.line
            )
            if not request.push:
                await self.runtime.remove_image(kept[0])
                log.step("Built the image; nothing is pushed")
                return ()
            return tuple(_pushed(server, *names, image, log) for names in request.images)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _run_commands(self, change: Change, request: CommandRequest, log: BuildLog) -> None:
        server = login_server(self._registry_of(change.resource()).name)
        name = f"{server}-{name_of(change.resource_id)}"
        folder = self.folder / name
        log.step(f"Running with {self.runtime.description}")
        try:
            await run_steps(request.steps, self.runtime, folder, name, request.cpu, log)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _end(self, change: Change, outcome: Outcome) -> None:
        run = change.resource()
        log = self.logs.get(run.id.lower()) or self._build_log(run)
        took = _seconds_since(run.properties.get("startTime") or now())
        # Before the log is complete: its readers look at the run then.
        change.save(lambda run: _put_outcome(run, outcome))
        if outcome.error:
            said = f"{OUTCOMES[outcome.status]} after {took}s. Error: {outcome.error}"
            log.end(f"Run ID: {run.name} {said}")
        else:
            log.end(f"Run ID: {run.name} was successful after {took}s")
        await log.close(OUTCOMES[outcome.status])
        self.logs.pop(run.id.lower(), None)
        change.save(_complete)

    async def _end_log(self, run: Resource) -> None:
        """After a restart: say in the log how the run ended, if that was not said before."""
        if run.private["complete"] or run.state in (RUNNING, CANCELING):
            return
        log = self._build_log(run)
        folder = self.folder / f"{login_server(name_of(parent_of(run.id)))}-{run.name}-log"
        place = container_of(self._registry_of(run))
        try:
            await self.blobs.materialize(ACCOUNT, place, log_path(run), folder)
            log.content += (folder / Path(log_path(run)).name).read_bytes()
        except OSError:
            _log.warning("the log of %s is lost", run.id)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        log.step(run.properties.get("runErrorMessage") or "The run has ended.")
        await log.close(OUTCOMES[run.properties["status"]])
        found = self.store.get(run.id)
        if found:
            _complete(found)
            self.store.put(found)

    async def _remove(self, run: Resource) -> None:
        if log := self.logs.pop(run.id.lower(), None):
            await log.abandon()

    def _registry_of(self, run: Resource) -> Resource:
        registry = self.store.get(parent_of(run.id))
        if registry is None:
            raise SupersededError(run.id)
        return registry

    def _build_log(self, run: Resource) -> BuildLog:
        container = container_of(self._registry_of(run))
        self.blobs.create_container(ACCOUNT, container)
        return BuildLog(self.blobs, ACCOUNT, container, log_path(run))


def _pushed(server: str, repository: str, tag: str, image: Image, log: BuildLog) -> dict[str, str]:
    log.step(f"Pushed {server}/{repository}:{tag} ({image.digest})")
    return {"registry": server, "repository": repository, "tag": tag, "digest": image.digest}


def _begin_build(run: Resource) -> None:
    moment = now()
    run.properties.update(status="Running", startTime=moment, lastUpdatedTime=moment)


def _put_outcome(run: Resource, outcome: Outcome) -> None:
    moment = now()
    more: dict[str, Any] = {}
    if outcome.images:
        more["outputImages"] = list(outcome.images)
    if outcome.error:
        more["runErrorMessage"] = outcome.error
    run.properties.update(status=outcome.status, finishTime=moment, lastUpdatedTime=moment, **more)
    _show(run)


def _complete(run: Resource) -> None:
    run.private["complete"] = True


def _show(run: Resource) -> None:
    """One that failed before it could say how was interrupted."""
    if run.state == FAILED and run.properties["status"] not in OUTCOMES:
        _put_outcome(run, Outcome("Error", STOPPED))
    states = {"Succeeded": "Succeeded", "Canceled": "Canceled"}
    status = run.properties["status"]
    run.properties["provisioningState"] = (
        states.get(status, "Failed") if status in OUTCOMES else "Creating"
    )


def _refuse(run: Resource | None, _move: str) -> ArmError:
    name, status = (run.name, run.properties["status"]) if run else ("", "absent")
    return conflict(
        f"The run '{name}' cannot be canceled: it is {status}.", code="RunCannotBeCanceled"
    )


def _seconds_since(moment: str) -> int:
    return round((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
