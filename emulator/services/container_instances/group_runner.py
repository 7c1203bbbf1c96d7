"""What runs of one container group: its init containers one after the other, then all the others.

https://learn.microsoft.com/azure/container-instances/container-instances-init-container
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.arm.ids import name_of
from emulator.containers.runtime import ContainerRuntime
from emulator.services.container_instances.container_runner import ContainerRunner
from emulator.services.container_instances.images import Images
from emulator.services.container_instances.views import (
    View,
    add_event,
    is_terminated,
    moment,
    new_view,
    terminated,
    turn,
    waiting,
)

Views = dict[str, View]
_log = logging.getLogger(__name__)


def unit_of(group_id: str) -> str:
    """A name for what runs of a group, fit for a folder; another group's is never the same."""
    digest = hashlib.sha256(group_id.lower().encode()).hexdigest()[:10]
    return f"{name_of(group_id).lower()}-{digest}"


class GroupRunner:
    """`properties` are the group's with its secrets, `views` what is seen of its containers.

    `changed` is called after each change of the views or of what is ready.
    """

    def __init__(
        self,
        group_id: str,
        properties: dict[str, Any],
        views: Views,
        folder: Path,
        runtime: ContainerRuntime,
        images: Images,
        changed: Callable[[], None],
    ) -> None:
        self.group_id = group_id
        self.views = views
        self.folder = folder / unit_of(group_id)
        self.changed = changed
        self.failed = False
        self.task: asyncio.Task[None] | None = None

        def runner(container: dict[str, Any]) -> ContainerRunner:
            return ContainerRunner(
                container["name"],
                container["properties"],
                properties,
                unit_of(group_id),
                self.folder,
                runtime,
                images,
                views.setdefault(container["name"], new_view()),
                changed,
            )

        self.inits = [runner(one) for one in properties.get("initContainers") or []]
        self.containers = [runner(one) for one in properties["containers"]]

    @property
    def busy(self) -> bool:
        """Whether anything runs, or will run again."""
        return self.task is not None and not self.task.done()

    def find(self, name: str) -> ContainerRunner | None:
        return next((one for one in [*self.inits, *self.containers] if one.name == name), None)

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

    async def started(self) -> bool:
        """Wait until each container has been started once. False if an init container failed."""
        assert self.task
        all_started = asyncio.create_task(self._all_started())
        try:
            await asyncio.wait({self.task, all_started}, return_when=asyncio.FIRST_COMPLETED)
            return not self.failed
        finally:
            all_started.cancel()
            await asyncio.gather(all_started, return_exceptions=True)

    async def _all_started(self) -> None:
        for one in self.containers:
            await one.started.wait()

    async def stop(self) -> None:
        """End everything, and forget the runs. What the containers printed stays."""
        await self._cancel()
        everyone = [*self.inits, *self.containers]
        await asyncio.gather(*(one.stop() for one in everyone))
        await asyncio.gather(*(one.remove() for one in everyone))
        self.changed()

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
                            add_event(one.view["events"], "Failed", message, "Warning")
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
    if not is_terminated(one.view) or one.policy == "Always":
        return False
    return one.policy == "Never" or one.view["currentState"]["exitCode"] == 0


def _was_killed(view: View) -> None:
    """What ran when the emulator was stopped was ended with it."""
    state = view["currentState"]
    if state["state"] == "Running":
        turn(view, {**terminated(None, None, 137, "Error"), "startTime": state["startTime"]})
        view["currentState"]["finishTime"] = moment()
        view["restartCount"] += 1
    turn(view, waiting(""))
