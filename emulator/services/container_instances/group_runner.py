"""What runs of one container group: its init containers one after the other, then all the others.

https://learn.microsoft.com/azure/container-instances/container-instances-init-container
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emulator.arm.ids import name_of
from emulator.containers.runtime import ContainerRuntime
from emulator.services.container_instances.container_runner import ContainerRunner, Introduce
from emulator.services.container_instances.container_spec import GroupContainer
from emulator.services.container_instances.group_spec import GroupSpec
from emulator.services.container_instances.images import GroupImages
from emulator.services.container_instances.views import WARNING, ContainerView, waiting

_log = logging.getLogger(__name__)


def unit_of(group_id: str) -> str:
    """A name for what runs of a group, fit for a folder; another group's is never the same."""
    digest = hashlib.sha256(group_id.lower().encode()).hexdigest()[:10]
    return f"{name_of(group_id).lower()}-{digest}"


class GroupRunner:
    """Runs `spec`; `views` is what is seen of its containers.

    `generation` is the change of the group that it runs for: what it has to tell counts as long as
    the group was not changed since. `changed` is called after each change of the views or of what
    is ready.
    """

    def __init__(
        self,
        group_id: str,
        generation: str,
        spec: GroupSpec,
        views: Mapping[str, ContainerView],
        folder: Path,
        runtime: ContainerRuntime,
        images: GroupImages,
        changed: Callable[[GroupRunner], None],
        introduce: Introduce,
    ) -> None:
        self.group_id = group_id
        self.generation = generation
        self.folder = folder / unit_of(group_id)
        self.failed = False
        self.task: asyncio.Task[None] | None = None
        self._changed = changed
        self._passed_over = asyncio.Event()

        def runner(container: GroupContainer) -> ContainerRunner:
            return ContainerRunner(
                container,
                spec,
                unit_of(group_id),
                self.folder,
                runtime,
                images,
                views[container.name],
                self.changed,
                introduce,
            )

        self.inits = [runner(one) for one in spec.inits]
        self.containers = [runner(one) for one in spec.containers]

    @property
    def everyone(self) -> list[ContainerRunner]:
        return [*self.inits, *self.containers]

    @property
    def busy(self) -> bool:
        """Whether anything runs, or will run again."""
        return self.task is not None and not self.task.done()

    def changed(self) -> None:
        self._changed(self)

    def find(self, name: str) -> ContainerRunner | None:
        return next((one for one in self.everyone if one.name.lower() == name.lower()), None)

    def stored_views(self) -> dict[str, Any]:
        return {one.name: one.view.to_stored() for one in self.everyone}

    def start(self, *, again: bool = False) -> None:
        """Run in the background. `again`: as it was before the emulator was stopped.

        A container that had ended for good stays as it is then.
        """
        wanted = self.containers
        if again:
            wanted = [one for one in self.containers if not _ended_for_good(one)]
            for one in self.containers:
                if one in wanted:
                    _was_killed(one.view)
                else:
                    one.started.set()
        self.task = asyncio.create_task(self._run(wanted))
        self.changed()

    async def until_started(self) -> None:
        """Wait until each container has been started once, one cannot be (`failed`), or the group
        is changed again (`pass_over`)."""
        assert self.task
        started = asyncio.create_task(self._all_started())
        passed_over = asyncio.create_task(self._passed_over.wait())
        waiting_for = {self.task, started, passed_over}
        try:
            await asyncio.wait(waiting_for, return_when=asyncio.FIRST_COMPLETED)
        finally:
            started.cancel()
            passed_over.cancel()
            await asyncio.gather(started, passed_over, return_exceptions=True)

    def pass_over(self) -> None:
        """Nobody is to wait for its start any longer: the group's next change has begun."""
        self._passed_over.set()

    async def _all_started(self) -> None:
        for one in self.containers:
            await one.started.wait()

    async def stop(self) -> None:
        """End everything, and forget the runs. What the containers printed stays.

        One that was cancelled here can be called again. Raises ContainerRuntimeError when a
        container is left over.
        """
        await self._cancel()
        # One that does not stop is ended by force when it is removed.
        await asyncio.gather(*(one.stop() for one in self.everyone), return_exceptions=True)
        removals = (one.remove() for one in self.everyone)
        failures = await asyncio.gather(*removals, return_exceptions=True)
        self.changed()
        for failure in failures:
            if failure is not None:
                raise failure

    async def leave(self) -> None:
        """Let go of it without a trace in the views: the emulator stops, not the group."""
        await self._cancel()

    async def delete_logs(self) -> None:
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    def ports(self) -> dict[int, int]:
        """The ports of the containers that are ready -> ports on 127.0.0.1."""
        return {
            port: local
            for one in self.containers
            if one.ready and one.container
            for port, local in one.container.address.items()
        }

    async def _cancel(self) -> None:
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self, wanted: list[ContainerRunner]) -> None:
        try:
            if wanted:
                for init in self.inits:
                    if not await init.run_to_completion():
                        self.failed = True
                        for one in wanted:
                            message = f"The init container '{init.name}' failed"
                            one.view.add_event("Failed", message, WARNING)
                        self.changed()
                        return
            async with asyncio.TaskGroup() as tasks:
                for one in wanted:
                    tasks.create_task(one.run())
        except Exception:
            _log.exception("container group %s", self.group_id)
            self.failed = True
            self.changed()


def _ended_for_good(one: ContainerRunner) -> bool:
    if not one.view.is_terminated or one.policy == "Always":
        return False
    return one.policy == "Never" or one.view.exit_code == 0


def _was_killed(view: ContainerView) -> None:
    """What ran when the emulator was stopped was ended with it."""
    if view.current["state"] == "Running":
        view.kill()
        view.restart_count += 1
    view.turn(waiting())
