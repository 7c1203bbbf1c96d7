"""Container groups.

https://learn.microsoft.com/rest/api/container-instances/container-groups

    provisioningState   while                                          followed by
    Pending             a PUT is accepted                              Creating
    Creating            images are pulled, init containers run, and    Succeeded, Failed
                        the containers are started
    Succeeded           every container has been started once          Pending
    Failed              an init container failed, or local Azure did   Pending

    instanceView.state  while                                          followed by
    Pending             it is being created                            Running
    Running             a container runs, or will be started again     Succeeded, Failed, Stopped
    Succeeded, Failed   all have ended, all well or not                Stopped, Running
    Stopped             somebody called stop                           Running

`_stopped` in the stored body says which the group should be: a group that is not stopped runs
again when the emulator is started again.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from pathlib import Path
from typing import Any

from emulator.arm.errors import ArmError, bad_request, conflict, not_emulated, not_found
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.locations import check_location
from emulator.arm.operations import Operations
from emulator.arm.resources import page
from emulator.containers.runtime import ContainerRuntime
from emulator.data_plane.routes.addresses import PublicAddresses
from emulator.services.container_instances.addresses import Addresses, names
from emulator.services.container_instances.changes import Changes
from emulator.services.container_instances.container_runner import ContainerRunner
from emulator.services.container_instances.group_runner import GroupRunner
from emulator.services.container_instances.images import Images
from emulator.services.container_instances.paths import (
    GROUP,
    GROUP_TYPE,
    GROUPS,
    SUBSCRIPTION_SCOPE,
)
from emulator.services.container_instances.quota import check_quota
from emulator.services.container_instances.rules import check_group, requested
from emulator.services.container_instances.shown import essence, shown, without_secrets
from emulator.store import Resource, Store

KINDS = ("put-container-group", "start-container-group", "restart-container-group")
START_TIMEOUT = 1800.0  # seconds until a group that does not come up has failed
_log = logging.getLogger(__name__)


class ContainerGroups:
    ROUTES = (
        ("GET", SUBSCRIPTION_SCOPE + "/containerGroups", "list_groups"),
        ("GET", GROUPS, "list_groups"),
        ("GET", GROUP, "get"),
        ("PUT", GROUP, "create_or_update"),
        ("PATCH", GROUP, "update"),
        ("DELETE", GROUP, "delete"),
        ("POST", GROUP + "/restart", "restart"),
        ("POST", GROUP + "/stop", "stop"),
        ("POST", GROUP + "/start", "start"),
    )

    def __init__(
        self,
        store: Store,
        operations: Operations,
        runtime: ContainerRuntime,
        images: Images,
        addresses: PublicAddresses,
        folder: Path,
    ) -> None:
        self.store = store
        self.operations = operations
        self.runtime = runtime
        self.images = images
        self.public = addresses
        self.addresses = Addresses(store)
        self.folder = folder
        self.running: dict[str, GroupRunner] = {}
        self.changes = Changes(store, operations)
        self.restarts: set[asyncio.Task[None]] = set()

    async def recover(self) -> None:
        """After a restart: finish what was under way, and bring back what was running."""
        interrupted = {
            operation.resource_id.lower(): operation.id
            for operation in self.operations.interrupted()
            if operation.kind in KINDS
        }
        for group in self.store.of_type(GROUP_TYPE):
            if group.body.get("_deleting"):
                self.store.delete(group.id)
                continue
            self._publish(group, {})
            if group.body["_stopped"]:
                continue
            work = self._bring_back(group.id, interrupted.get(group.id.lower()))
            task = asyncio.create_task(work)
            self.restarts.add(task)
            task.add_done_callback(self.restarts.discard)

    async def close(self) -> None:
        for task in list(self.restarts):
            task.cancel()
        await asyncio.gather(*self.restarts, return_exceptions=True)
        await asyncio.gather(*(runner.leave() for runner in self.running.values()))

    async def stop_below(self, scope: str) -> None:
        """Stop every group at or below an id, before it goes."""
        for group in self.store.of_type(GROUP_TYPE, scope):
            await self._remove(group)

    # Handlers

    async def list_groups(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        # A list has no instance views.
        groups = self.store.of_type(GROUP_TYPE, scope)
        return page(request, [shown(group, whole=False) for group in groups])

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self.group(request.id)))

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        body, name = request.json(), request.params["containerGroupName"]
        location = check_location(body.get("location"), GROUP_TYPE)
        check_group(name, body, location)
        with self.changes.begin(request.id) as change:
            before = self.store.get(request.id)
            properties = copy.deepcopy(body["properties"])
            if before:
                _check_update(before, location, properties)
            check_quota(self.store, request.id, location, requested(properties)[0])
            await self.images.check(name, properties)
            group = self._group_of(request.id, location, body, properties, before)
            for gone in set(_names(before)) - set(_names(group)):
                self.public.withdraw(gone)
            self.store.put(group)
            answer = shown(group)
            if group.properties["provisioningState"] == "Succeeded":
                self._changed(group.id)
                return ArmResponse(answer)
            operation = change.start("put-container-group", self._bring_up(group.id))
        return self.operations.accepted(
            operation, request, location, status=200 if before else 201, body=answer
        )

    def _group_of(
        self,
        group_id: str,
        location: str,
        body: dict[str, Any],
        properties: dict[str, Any],
        before: Resource | None,
    ) -> Resource:
        given = properties.get("ipAddress")
        address = self.addresses.assign(group_id, location, given, before) if given else None
        # One that already runs what is asked for goes on running.
        same = before is not None and _runs(before, properties)
        return Resource(
            before.id if before else group_id,
            GROUP_TYPE,
            {
                "location": location,
                "tags": body.get("tags") or {},
                **({"zones": body["zones"]} if body.get("zones") else {}),
                "properties": {
                    **without_secrets(properties),
                    **({"ipAddress": address} if address else {}),
                    "provisioningState": "Succeeded" if same else "Pending",
                },
                "_given": properties,
                "_views": before.body["_views"] if before and same else {},
                "_stopped": False,
            },
        )

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags and zones."""
        group, body = self.group(request.id), request.json()
        if "tags" in body:
            group.body["tags"] = body["tags"] or {}
        if body.get("zones"):
            raise not_emulated("moving a container group to other zones")
        self.store.put(group)
        return ArmResponse(shown(group))

    async def delete(self, request: ArmRequest) -> ArmResponse:
        group = self.store.get(request.id)
        if group is None:
            return ArmResponse(None, 204)
        answer = shown(group)
        group.body["_deleting"] = True
        self.store.put(group)
        await self._remove(group)
        return ArmResponse(answer)

    async def restart(self, request: ArmRequest) -> ArmResponse:
        group = self.group(request.parent)
        with self.changes.begin(group.id) as change:
            if group.body["_stopped"]:
                raise conflict(
                    f"The container group '{group.name}' is stopped. Start it.",
                    code="ContainerGroupStopped",
                )
            await self.images.check(group.name, group.body["_given"])
            operation = change.start("restart-container-group", self._bring_up(group.id))
        return self.operations.accepted(operation, request, group.body["location"], status=204)

    async def stop(self, request: ArmRequest) -> ArmResponse:
        group = self.group(request.parent)
        group.body["_stopped"] = True
        self.store.put(group)
        runner = self.running.get(group.id.lower())
        if runner:
            await runner.stop()
        return ArmResponse(None, 204)

    async def start(self, request: ArmRequest) -> ArmResponse:
        group = self.group(request.parent)
        location, properties = group.body["location"], group.body["_given"]
        with self.changes.begin(group.id) as change:
            runner = self.running.get(group.id.lower())
            if not group.body["_stopped"] and runner and runner.busy:
                return ArmResponse(None, 204)
            check_quota(self.store, group.id, location, requested(properties)[0])
            await self.images.check(group.name, properties)
            group.body["_stopped"] = False
            self.store.put(group)
            operation = change.start("start-container-group", self._bring_up(group.id))
        return self.operations.accepted(operation, request, location, status=202)

    # The work

    async def _bring_up(self, group_id: str) -> None:
        """Start the group anew; whatever ran of it before is ended first."""
        old = self.running.pop(group_id.lower(), None)
        if old:
            await old.stop()
            await old.delete_logs()
        group = self.store.get(group_id)
        if group is None or group.body["_stopped"]:
            return  # deleted or stopped meanwhile
        group.body["_views"] = {}
        group.properties["provisioningState"] = "Creating"
        self.store.put(group)
        runner = self._runner(group)
        runner.start()
        await self._until_started(group_id, runner)

    async def _bring_back(self, group_id: str, operation: str | None) -> None:
        group = self.store.get(group_id)
        assert group is not None
        runner = self._runner(group)
        runner.start(again=True)
        try:
            await self._until_started(group_id, runner)
        except ArmError as error:
            _log.warning("%s did not come back: %s", group_id, error)
        if operation:
            self.operations.finish(operation)

    def _runner(self, group: Resource) -> GroupRunner:
        runner = GroupRunner(
            group.id,
            group.body["_given"],
            group.body["_views"],
            self.folder,
            self.runtime,
            self.images,
            lambda: self._changed(group.id),
        )
        self.running[group.id.lower()] = runner
        return runner

    async def _until_started(self, group_id: str, runner: GroupRunner) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT):
                well = await runner.started()
        except TimeoutError:
            well = False
        group = self.store.get(group_id)
        # A PUT, a stop or a delete that came meanwhile has the say.
        if group is None or self.running.get(group_id.lower()) is not runner:
            return
        group.properties["provisioningState"] = "Succeeded" if well else "Failed"
        self.store.put(group)
        if not well:
            raise ArmError(
                409,
                "ContainerGroupDeploymentFailed",
                f"The containers of the group '{group.name}' could not be started. The events of "
                "its containers and the logs of its init containers say why.",
            )

    async def _remove(self, group: Resource) -> None:
        runner = self.running.pop(group.id.lower(), None)
        if runner:
            await runner.stop()
            await runner.delete_logs()
        for name in _names(group):
            self.public.withdraw(name)
        self.store.delete(group.id)

    def _changed(self, group_id: str) -> None:
        """What is seen of the group's containers has changed: keep it, and open their ports."""
        group, runner = self.store.get(group_id), self.running.get(group_id.lower())
        if group is None or runner is None:
            return
        group.body["_views"] = runner.views
        self.store.put(group)
        self._publish(group, runner.ports())

    def _publish(self, group: Resource, ports: dict[int, int]) -> None:
        address = group.properties.get("ipAddress") or {}
        wanted = {port["port"] for port in address.get("ports") or []}
        for name in names(address):
            self.public.publish(name, {port: ports[port] for port in wanted & set(ports)})

    # Rules

    def group(self, group_id: str) -> Resource:
        """The group of an id. Raises ArmError 404."""
        group = self.store.get(group_id)
        if group is None:
            raise not_found(group_id)
        return group

    def find(self, group: Resource, name: str) -> ContainerRunner | None:
        """A container of a group, running or not."""
        runner = self.running.get(group.id.lower()) or self._runner(group)
        return runner.find(name)


def _check_update(before: Resource, location: str, properties: dict[str, Any]) -> None:
    if before.body["location"] != location:
        raise conflict(
            f"The resource '{before.name}' already exists in location "
            f"'{before.body['location']}'. A container group does not move.",
            code="InvalidResourceLocation",
            target="location",
        )
    old = before.body["_given"]
    for field in ("osType", "restartPolicy", "resources"):
        if _fixed(old, field) != _fixed(properties, field):
            raise bad_request(
                f"The updates on container group '{before.name}' are invalid. If you are going to "
                "update the os type, restart policy, network profile, CPU, memory or GPU "
                "resources for a container group, you must delete it first and then create a new "
                "one.",
                code="InvalidContainerGroupUpdate",
                target=field,
            )


def _fixed(properties: dict[str, Any], field: str) -> Any:
    """What an update cannot change, in a form that can be compared."""
    if field == "resources":
        return [one["properties"]["resources"]["requests"] for one in properties["containers"]]
    return str(properties.get(field) or "Always").lower()


def _runs(group: Resource, properties: dict[str, Any]) -> bool:
    """Whether the group already runs what is asked for."""
    up = group.properties["provisioningState"] == "Succeeded" and not group.body["_stopped"]
    return up and essence(group.body["_given"]) == essence(properties)


def _names(group: Resource | None) -> list[str]:
    return names(group.properties.get("ipAddress")) if group else []
