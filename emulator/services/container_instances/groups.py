"""Container groups.

https://learn.microsoft.com/rest/api/container-instances/container-groups

What their states look like from outside is in group_record.py:

    instanceView.state  while                                          followed by
    Pending             it is being created, started or restarted      Running
    Running             a container runs, or will be started again     Succeeded, Failed, Stopped
    Succeeded, Failed   all have ended, all well or not                Stopped, Running
    Stopped             somebody called stop                           Running
"""

from __future__ import annotations

from emulator.arm.errors import bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.locations import check_place
from emulator.arm.managed_identity import (
    NO_IDENTITY,
    read_identity,
    shown_identity,
    stored_identity,
)
from emulator.arm.resources import page, require
from emulator.arm.tags import read_tags
from emulator.services.container_instances.addresses import Addresses
from emulator.services.container_instances.group_lifecycle import GroupLifecycle
from emulator.services.container_instances.group_record import (
    RUNNING,
    new_record,
    shown_group,
    spec_of,
)
from emulator.services.container_instances.group_spec import (
    GroupSpec,
    check_name,
)
from emulator.services.container_instances.images import GroupImages
from emulator.services.container_instances.operations import GroupOperations
from emulator.services.container_instances.paths import (
    GROUP,
    GROUP_TYPE,
    GROUPS,
    SUBSCRIPTION_SCOPE,
)
from emulator.services.container_instances.quota import check_quota, check_size
from emulator.store import Resource, Store


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
        operations: GroupOperations,
        lifecycle: GroupLifecycle,
        images: GroupImages,
    ) -> None:
        self.store = store
        self.operations = operations
        self.lifecycle = lifecycle
        self.images = images
        self.addresses = Addresses(store)

    async def list_groups(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        # A list has no instance views.
        groups = self.store.of_type(GROUP_TYPE, scope)
        return page(request, [shown_group(group, whole=False) for group in groups])

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown_group(require(self.store, request.id)))

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        body, name = Fields(request.body), request.params["containerGroupName"]
        before = self.store.get(request.id)
        location = check_place(body.raw("location"), before, GROUP_TYPE)
        check_name(name)
        identity = read_identity(body)
        tags, zones = read_tags(body), body.texts("zones")
        spec = GroupSpec.read(name, _properties(body))
        check_size(name, spec, location)
        self.lifecycle.check_state("put", before)
        if before:
            _check_update(before, spec)
        await self.images.check(name, spec)
        # Nothing is awaited from here on. What was changed meanwhile is seen by its generation.
        check_quota(self.store, request.id, location, spec.cores)
        present = self.store.get(request.id)
        group = new_record(present.id if present else request.id, location, tags, zones, spec)
        if identity != NO_IDENTITY:
            old = present.body if present else None
            group.body["identity"] = shown_identity(
                identity, self.store, group.id, old, both="SystemAssigned, UserAssigned"
            )
        if spec.address:
            group.properties["ipAddress"] = self.addresses.assign(
                group.id, location, spec.address, present
            )
        # Another identity restarts a group:
        # https://learn.microsoft.com/azure/container-instances/container-instances-managed-identity
        same = present and stored_identity(present.body).same_as(identity)
        if present and same and present.state == RUNNING and spec_of(present) == spec:
            self.lifecycle.put_in_place(group, before, present)
            return ArmResponse(shown_group(group))
        operation = self.lifecycle.begin("put", group, before)
        status = 200 if before else 201
        return self.operations.accepted(operation, request, group, shown_group(group), status)

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags and zones."""
        group, body = require(self.store, request.id), Fields(request.body)
        if body.texts("zones"):
            raise not_emulated("moving a container group to other zones")
        if body.is_named("tags"):
            group.body["tags"] = read_tags(body)
        self.store.put(group)
        return ArmResponse(shown_group(group))

    async def delete(self, request: ArmRequest) -> ArmResponse:
        group = self.store.get(request.id)
        if group is None:
            return ArmResponse(None, 204)
        answer = shown_group(group)
        await self.lifecycle.end("delete", group)
        return ArmResponse(answer)

    async def restart(self, request: ArmRequest) -> ArmResponse:
        before = require(self.store, request.parent)
        self.lifecycle.check_state("restart", before)
        await self.images.check(before.name, spec_of(before))
        operation = self.lifecycle.begin("restart", require(self.store, before.id), before)
        return self.operations.accepted(operation, request, before, None, 204)

    async def stop(self, request: ArmRequest) -> ArmResponse:
        group = require(self.store, request.parent)
        await self.lifecycle.end("stop", group)
        return ArmResponse(None, 204)

    async def start(self, request: ArmRequest) -> ArmResponse:
        before = require(self.store, request.parent)
        self.lifecycle.check_state("start", before)
        if self.lifecycle.is_busy(before):
            return ArmResponse(None, 204)
        location, spec = before.body["location"], spec_of(before)
        await self.images.check(before.name, spec)
        check_quota(self.store, before.id, location, spec.cores)
        operation = self.lifecycle.begin("start", require(self.store, before.id), before)
        return self.operations.accepted(operation, request, before, None, 202)


def _properties(body: Fields) -> Fields:
    """The group's properties; the paths in errors begin below them."""
    if not body.has("properties"):
        raise body.error("properties", "The container group's properties are missing.")
    return Fields(body.object("properties").value)


def _check_update(before: Resource, spec: GroupSpec) -> None:
    old = spec_of(before)
    for field, same in (
        ("restartPolicy", old.restart_policy == spec.restart_policy),
        ("resources", _requests(old) == _requests(spec)),
    ):
        if not same:
            raise bad_request(
                f"The updates on container group '{before.name}' are invalid. If you are going to "
                "update the os type, restart policy, network profile, CPU, memory or GPU "
                "resources for a container group, you must delete it first and then create a new "
                "one.",
                code="InvalidContainerGroupUpdate",
                target=field,
            )


def _requests(spec: GroupSpec) -> list[tuple[float, float]]:
    return [(one.resources.cpu, one.resources.memory_gb) for one in spec.containers]
