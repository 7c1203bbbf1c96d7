"""Resources of any type: lists of them, and their tags.

https://learn.microsoft.com/rest/api/resources/resources/list
https://learn.microsoft.com/rest/api/resources/tags
"""

from __future__ import annotations

from typing import Any

from emulator.arm.changes import Changes
from emulator.arm.errors import bad_request
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import resource_group_of
from emulator.arm.odata import FilterError, FilterParser
from emulator.arm.resources import page, require
from emulator.arm.tags import TagFilter, invalid_filter, read_tags
from emulator.services.resources.paths import GROUP, GROUP_TYPE, ONE_SUBSCRIPTION, SUBSCRIPTION_ID
from emulator.services.resources.subscriptions import subscription_of
from emulator.store import Resource, Store

TAGS = "/providers/Microsoft.Resources/tags/default"
ONE_RESOURCE = GROUP + "/providers/{namespace}/{type}/{name}"
ONE_BELOW = ONE_RESOURCE + "/{childType}/{childName}"
# The scopes whose tags can be read and changed: the subscription, groups, resources, and resources
# below these.
SCOPES = (
    ONE_SUBSCRIPTION,
    GROUP,
    ONE_RESOURCE,
    ONE_BELOW,
    ONE_BELOW + "/{grandchildType}/{grandchildName}",
)
EXPANSIONS = {"createdtime": "createdTime", "changedtime": "changedTime"}
STATE = "provisioningstate"
# What `$filter` may ask for -> where the listed item has it.
FIELDS = {
    "resourceType": "type",
    "resourceGroup": "resourceGroup",
    "name": "name",
    "location": "location",
}
_SHOWN = ("kind", "sku", "identity", "managedBy", "zones", "plan")


class AnyResource:
    ROUTES = (
        ("GET", ONE_SUBSCRIPTION + "/resources", "list_resources"),
        ("GET", GROUP + "/resources", "list_resources"),
        *(
            (method, scope + TAGS, handler)
            for scope in SCOPES
            for method, handler in (
                ("GET", "get_tags"),
                ("PUT", "replace_tags"),
                ("PATCH", "update_tags"),
                ("DELETE", "delete_tags"),
            )
        ),
    )

    def __init__(self, store: Store, changes: Changes) -> None:
        self.store = store
        self.changes = changes

    async def list_resources(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.rpartition("/")[0]
        expansions = _expansions(request.query.get("$expand", ""))
        text = request.query.get("$filter", "")
        by_tag = TagFilter.of(text)
        try:
            test = (
                FilterParser(text, FIELDS, case_sensitive=False).parse()
                if text and not by_tag
                else None
            )
        except FilterError as error:
            raise invalid_filter(text, str(error)) from None
        found = [
            _listed(resource, expansions)
            for resource in self.store.below(scope)
            # Tracked resources have a location; a group is not among its own resources.
            if resource.type != GROUP_TYPE
            and resource.body.get("location")
            and (by_tag is None or by_tag.passes(resource.body.get("tags")))
            and (test is None or test(_asked(resource)))
        ]
        return page(request, found)

    # Tags

    async def get_tags(self, request: ArmRequest) -> ArmResponse:
        return _shown(self._scope(request))

    async def replace_tags(self, request: ArmRequest) -> ArmResponse:
        return self._save(self._scope(request), _tags(Fields(request.body)))

    async def update_tags(self, request: ArmRequest) -> ArmResponse:
        """PATCH: merge, replace or take away."""
        resource, body = self._scope(request), Fields(request.body)
        operation = body.choice("operation", ("Merge", "Replace", "Delete"))
        if operation is None:
            raise body.missing("operation")
        given = _tags(body)
        before = dict(resource.body.get("tags") or {})
        if operation == "Merge":
            given = before | given
        elif operation == "Delete":
            gone = {(name.lower(), value) for name, value in given.items()}
            given = {
                name: value for name, value in before.items() if (name.lower(), value) not in gone
            }
        return self._save(resource, given)

    async def delete_tags(self, request: ArmRequest) -> ArmResponse:
        self._save(self._scope(request), {})
        return ArmResponse(None, 200)

    def _scope(self, request: ArmRequest) -> Resource:
        scope = request.id[: -len(TAGS)]
        if scope.lower() == SUBSCRIPTION_ID:
            return subscription_of(self.store)
        return require(self.store, scope)

    def _save(self, resource: Resource, tags: dict[str, str]) -> ArmResponse:
        self.changes.check_scope(resource.id)
        resource.body["tags"] = tags
        return _shown(self.store.put(resource))


def _tags(body: Fields) -> dict[str, str]:
    return read_tags(body.object("properties", required=True))


def _shown(resource: Resource) -> ArmResponse:
    return ArmResponse(
        {
            "id": f"{resource.id}{TAGS}",
            "name": "default",
            "type": "Microsoft.Resources/tags",
            "properties": {"tags": resource.body.get("tags") or {}},
        }
    )


def _expansions(text: str) -> set[str]:
    wanted = {name.strip().lower() for name in text.split(",") if name.strip()}
    if unknown := wanted - {*EXPANSIONS, STATE}:
        raise bad_request(
            f"The $expand value '{sorted(unknown)[0][:80]}' is not supported: it is one of "
            "createdTime, changedTime, provisioningState.",
            code="InvalidExpandInQueryString",
        )
    return wanted


def _asked(resource: Resource) -> dict[str, Any]:
    return {
        "type": resource.type,
        "resourceGroup": resource_group_of(resource.id),
        "name": resource.name,
        "location": resource.body["location"],
    }


def _listed(resource: Resource, expansions: set[str]) -> dict[str, Any]:
    item = {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
        "location": resource.body["location"],
        "tags": resource.body.get("tags") or {},
        **{name: resource.body[name] for name in _SHOWN if resource.body.get(name)},
    }
    for expansion, moment in (("createdtime", resource.created), ("changedtime", resource.changed)):
        if expansion in expansions:
            item[EXPANSIONS[expansion]] = moment
    if STATE in expansions:
        item["provisioningState"] = resource.properties.get("provisioningState", "Succeeded")
    return item
