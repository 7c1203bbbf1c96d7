"""The lifecycle of container groups: its table, and the work of its moves.

https://learn.microsoft.com/azure/container-instances/container-state
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from emulator.arm.change import Change, SupersededError
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, conflict
from emulator.arm.ids import name_of
from emulator.arm.lifecycle import ABSENT, GONE, Lifecycle, Move
from emulator.arm.managed_identity import NO_IDENTITY, stored_identity
from emulator.containers.runtime import ContainerRuntime, ContainerRuntimeError, ContainerSpec
from emulator.data_plane.routes.addresses import PublicAddresses
from emulator.services.container_instances.addresses import names_of
from emulator.services.container_instances.container_runner import ContainerRunner
from emulator.services.container_instances.group_record import (
    CREATING,
    DELETING,
    FAILED,
    RESTARTING,
    RUNNING,
    STARTING,
    STOPPED,
    STOPPING,
    UPDATING,
    show_state,
    spec_of,
    views_of,
)
from emulator.services.container_instances.group_runner import GroupRunner
from emulator.services.container_instances.images import GroupImages
from emulator.services.container_instances.paths import GROUP_TYPE
from emulator.store import Resource, Store
from emulator.workloads.access import WorkloadAccess
from emulator.workloads.workload import Workload


class GroupLifecycle:
    """Changes groups, and holds what runs of them. `addresses` is where their ports open."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        runtime: ContainerRuntime,
        images: GroupImages,
        addresses: PublicAddresses,
        folder: Path,
        access: WorkloadAccess,
    ) -> None:
        self.store = store
        self.changes = changes
        self.runtime = runtime
        self.images = images
        self.public = addresses
        self.folder = folder
        self.access = access
        # What runs of each group, or ran of it before it was stopped; by its id in lower case.
        self.running: dict[str, GroupRunner] = {}
        settled, starting = (RUNNING, FAILED, STOPPED), (CREATING, STARTING, RESTARTING)
        self.lifecycle = Lifecycle(
            GROUP_TYPE,
            moves=(
                Move(
                    "put",
                    (ABSENT, *settled),
                    CREATING,
                    RUNNING,
                    work=self._bring_up,
                    resumes=True,
                ),
                # A PUT of what runs already; done at once.
                Move("update", (RUNNING,), UPDATING, RUNNING),
                Move("start", settled, STARTING, RUNNING, work=self._bring_up, resumes=True),
                Move(
                    "restart",
                    (RUNNING, FAILED),
                    RESTARTING,
                    RUNNING,
                    work=self._bring_up,
                    resumes=True,
                ),
                # Neither waits for a start that is under way: that one's operation ends canceled.
                # https://learn.microsoft.com/azure/container-instances/container-state#stop-and-delete-operations
                Move(
                    "stop",
                    (RUNNING, FAILED, *starting),
                    STOPPING,
                    STOPPED,
                    work=self._stop,
                    resumes=True,
                ),
                Move("delete", (*settled, *starting, STOPPING), DELETING, GONE),
            ),
            show=show_state,
            refuse=_refuse,
            withdraw=self._withdraw,
            remove=self._remove,
            revive=self._revive,
        )
        changes.register(self.lifecycle)
        changes.at_start(self._publish_all)

    async def close(self) -> None:
        await asyncio.gather(*(runner.leave() for runner in self.running.values()))

    def check_state(self, move: str, group: Resource | None) -> None:
        """Raises ArmError 409 for a move that the group's state does not allow."""
        state = group.state if group else ABSENT
        if state not in self.lifecycle.move(move).sources:
            raise _refuse(group, move)

    def begin(self, move: str, group: Resource, before: Resource | None) -> str:
        """Begin a change and return its operation's id. It need not wait for an earlier start."""
        had = names_of(self.store.get(group.id))
        operation = self.changes.begin(move, group, before)
        for gone in set(had) - set(names_of(group)):
            self.public.withdraw(gone)
        if runner := self.running.get(group.id.lower()):
            runner.pass_over()
        return operation

    def put_in_place(self, group: Resource, before: Resource | None, present: Resource) -> None:
        """Store a group that asks for what `present` runs: that goes on running."""
        group.private["views"] = present.private["views"]
        self.changes.apply("update", group, before)
        if runner := self.running.get(group.id.lower()):
            runner.generation = group.generation
            self._changed(runner)

    async def end(self, move: str, group: Resource) -> None:
        """Stop or delete the group, and wait for the end of that. One that is stopped, or is being
        stopped, is not stopped again."""
        if move == "stop" and group.state == STOPPED:
            return
        if move == "stop" and group.state == STOPPING:
            await self.changes.wait(group.generation)
            return
        await self.changes.wait(self.begin(move, group, group))

    def is_busy(self, group: Resource) -> bool:
        """Whether something of it runs, or will run again."""
        runner = self.running.get(group.id.lower())
        return group.state == RUNNING and runner is not None and runner.busy

    def find(self, group: Resource, name: str) -> ContainerRunner | None:
        """A container of a group, running or not; None when it has none of that name."""
        runner = self.running.get(group.id.lower()) or self._runner(group)
        return runner.find(name)

    # The work

    async def _bring_up(self, change: Change) -> None:
        """Start the group anew; whatever ran of it before is ended first."""
        key = change.resource_id.lower()
        self._publish(change.resource(), {})
        if old := self.running.get(key):
            await _end(old)
        runner = self._runner(change.save(_begin_anew))
        await runner.delete_logs()
        change.resource()  # a stop that came meanwhile need not wait for a start
        self.running[key] = runner
        runner.start()
        limit = spec_of(change.resource()).timeout
        try:
            async with asyncio.timeout(limit):
                await runner.until_started()
        except TimeoutError:
            group = change.resource()
            await _end(runner)
            raise _timed_out(group, limit) from None
        group = change.resource()
        if runner.failed:
            raise _not_started(group)

    async def _stop(self, change: Change) -> None:
        group = change.resource()
        self._publish(group, {})
        runner = self.running.get(group.id.lower()) or self._runner(group)
        # What it has to tell of its end is part of this change.
        runner.generation = change.id
        await _end(runner)

    async def _revive(self, group: Resource) -> None:
        """After a restart: one that was not stopped runs again, be it that it had failed."""
        if group.state not in (RUNNING, FAILED):
            return
        runner = self.running[group.id.lower()] = self._runner(group)
        runner.start(again=True)
        await runner.until_started()
        found = self.store.get(group.id)
        if found is None or found.generation != runner.generation:
            raise SupersededError(group.id)
        if runner.failed:
            raise _not_started(group)

    def _withdraw(self, group: Resource) -> None:
        for name in names_of(group):
            self.public.withdraw(name)
        if runner := self.running.get(group.id.lower()):
            runner.generation = ""  # it has nothing to tell any more
            runner.pass_over()

    async def _remove(self, group: Resource) -> None:
        runner = self.running.get(group.id.lower()) or self._runner(group)
        runner.generation = ""
        await _end(runner)
        await runner.delete_logs()
        self.running.pop(group.id.lower(), None)
        self.access.forget(group.id)

    # What runs

    def _runner(self, group: Resource) -> GroupRunner:
        return GroupRunner(
            group.id,
            group.generation,
            spec_of(group),
            views_of(group),
            self.folder,
            self.runtime,
            self.images,
            self._changed,
            lambda spec: self._introduce(group, spec),
        )

    async def _introduce(self, group: Resource, spec: ContainerSpec) -> ContainerSpec:
        """A group with an identity can call Azure: its containers ask the instance metadata service
        for tokens. One without is left as it is, since some programs heed a proxy and not what is
        to be reached without it (BusyBox's wget)."""
        if stored_identity(group.body) == NO_IDENTITY:
            return spec
        return await self.access.container(spec, Workload(group.id))

    def _changed(self, runner: GroupRunner) -> None:
        """What is seen of the group's containers has changed: keep it, and open their ports."""
        group = self.store.get(runner.group_id)
        if group is None or group.generation != runner.generation:
            return
        group.private["views"] = runner.stored_views()
        self.store.put(group)
        self._publish(group, runner.ports())

    def _publish(self, group: Resource, ports: dict[int, int]) -> None:
        address = group.properties.get("ipAddress") or {}
        wanted = {port["port"] for port in address.get("ports") or []}
        for name in names_of(group):
            self.public.publish(name, {port: ports[port] for port in wanted & set(ports)})

    def _publish_all(self) -> None:
        """At a start every address is known, also where nothing listens yet."""
        for group in self.store.of_type(GROUP_TYPE):
            self._publish(group, {})


async def _end(runner: GroupRunner) -> None:
    """Stop what runs. Raises ArmError when something is left over: to be tried again."""
    try:
        await runner.stop()
    except ContainerRuntimeError as error:
        raise ArmError(
            500,
            "InternalServerError",
            f"A container of the group '{name_of(runner.group_id)}' could not be ended: {error}",
        ) from error


def _begin_anew(group: Resource) -> None:
    group.private["views"] = {}
    group.properties["provisioningState"] = "Creating"


def _timed_out(group: Resource, limit: int) -> ArmError:
    return ArmError(
        500,
        "OperationTimedOut",
        f"The containers of the group '{group.name}' had not started after {limit} seconds, its "
        "provisioningTimeoutInSeconds. Their events say why.",
    )


def _not_started(group: Resource) -> ArmError:
    return ArmError(
        409,
        "ContainerGroupDeploymentFailed",
        f"The containers of the group '{group.name}' could not be started. The events of "
        "its containers and the logs of its init containers say why.",
    )


def _refuse(group: Resource | None, move: str) -> ArmError:
    name = group.name if group else ""
    if group and group.state == STOPPED and move == "restart":
        return conflict(
            f"The container group '{name}' is stopped. Start it.",
            code="ContainerGroupStopped",
        )
    # https://learn.microsoft.com/troubleshoot/azure/azure-container-instances/management/container-group-transitioning-start-stop
    return conflict(
        f"The container group '{name}' is still transitioning, please retry later.",
        code="ContainerGroupTransitioning",
    )
