"""Resource groups.

https://learn.microsoft.com/rest/api/resources/resource-groups
"""

from __future__ import annotations

import re

from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request, conflict
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.lifecycle import AT_ONCE, Lifecycle
from emulator.arm.locations import check_location
from emulator.arm.operations import Operations
from emulator.arm.resources import page, shown
from emulator.arm.tags import TagFilter, invalid_filter, read_tags
from emulator.defaults import REGION, RESOURCE_GROUP
from emulator.services.resources.paths import GROUP, GROUP_TYPE, GROUPS, SUBSCRIPTION_ID
from emulator.services.resources.providers import Providers
from emulator.services.resources.subscriptions import Subscriptions
from emulator.store import Resource, Store

_NAME = re.compile(r"[\w().-]{0,89}[\w()-]")


class ResourceGroups:
    ROUTES = (
        ("PUT", GROUP, "create_group"),
        ("GET", GROUPS, "list_groups"),
        ("GET", GROUP, "get_group"),
        ("HEAD", GROUP, "group_exists"),
        ("PATCH", GROUP, "update_group"),
        ("DELETE", GROUP, "delete_group"),
    )

    def __init__(self, store: Store, operations: Operations, changes: Changes) -> None:
        self.store = store
        self.operations = operations
        self.changes = changes
        changes.register(
            Lifecycle(
                GROUP_TYPE,
                moves=AT_ONCE,
            )
        )
        changes.at_start(self.seed)

    def seed(self) -> None:
        """The group that the course works in is there from the start."""
        group_id = f"{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
        if self.store.get(group_id) is None:
            self._save(group_id, REGION, {}, None)

    def check_scope(self, request: ArmRequest) -> None:
        """Raises ArmError 404 for a subscription or a resource group that does not exist, 400 for
        an api-version that the provider never had, 409 for a change at or below what is being
        deleted."""
        if subscription := request.params.get("subscriptionId"):
            Subscriptions.check(subscription)
        Providers.check_version(request)
        name = request.params.get("resourceGroupName")
        if name and "/providers/" in request.id:
            self._group(f"{SUBSCRIPTION_ID}/resourceGroups/{name}")
        if request.method in ("PUT", "PATCH", "POST"):
            self.changes.check_scope(request.id)

    # Resource groups

    async def create_group(self, request: ArmRequest) -> ArmResponse:
        body = Fields(request.body)
        name = request.params["resourceGroupName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"The resource group name '{name}' is invalid: up to 90 letters, digits, "
                "underscores, hyphens, periods and parentheses, not ending in a period.",
                code="InvalidResourceGroup",
                target="resourceGroupName",
            )
        location = check_location(body.raw("location"), code="LocationNotAvailableForResourceGroup")
        before = self.store.get(request.id)
        if before and before.body["location"] != location:
            raise conflict(
                f"Invalid resource group location '{location}'. The group '{name}' already exists "
                f"in location '{before.body['location']}'.",
                code="InvalidResourceGroupLocation",
                target="location",
            )
        group = self._save(request.id, location, read_tags(body), before)
        return ArmResponse(shown(group), 200 if before else 201)

    async def list_groups(self, request: ArmRequest) -> ArmResponse:
        text = request.query.get("$filter", "")
        by_tag = TagFilter.of(text)
        if text and by_tag is None:
            raise invalid_filter(text, "groups can be filtered by tagName and tagValue alone")
        return page(
            request,
            [
                shown(group)
                for group in self.store.of_type(GROUP_TYPE, SUBSCRIPTION_ID)
                if by_tag is None or by_tag.passes(group.body["tags"])
            ],
        )

    async def get_group(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._group(request.id)))

    async def group_exists(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(None, 204 if self.store.get(request.id) else 404)

    async def update_group(self, request: ArmRequest) -> ArmResponse:
        group = self._group(request.id)
        body = Fields(request.body)
        tags = read_tags(body) if body.is_named("tags") else group.body["tags"]
        return ArmResponse(shown(self._save(group.id, group.body["location"], tags, group)))

    async def delete_group(self, request: ArmRequest) -> ArmResponse:
        group = self._group(request.id)
        operation = self.changes.begin("delete", group, group)
        accepted = self.operations.accepted(operation, request, group.body["location"], status=202)
        # A group's deletion is polled by Location alone.
        accepted.headers.pop("Azure-AsyncOperation")
        return accepted

    def _group(self, group_id: str) -> Resource:
        group = self.store.get(group_id)
        if group is None:
            name = group_id.rsplit("/", 1)[-1]
            raise ArmError(
                404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found."
            )
        return group

    def _save(
        self, group_id: str, location: str, tags: dict[str, str], before: Resource | None
    ) -> Resource:
        body = {"location": location, "tags": tags, "properties": {}}
        return self.changes.apply("put", Resource(group_id, GROUP_TYPE, body), before)
