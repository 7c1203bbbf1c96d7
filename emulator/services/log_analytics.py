"""Log Analytics workspaces: the resource and its keys, as an environment of apps wants them.

What containers print is not collected in them, and a query is answered 501: `az containerapp logs
show` streams it.

https://learn.microsoft.com/rest/api/loganalytics/workspaces
https://learn.microsoft.com/rest/api/loganalytics/shared-keys
"""

from __future__ import annotations

import base64
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from emulator.arm.errors import ArmError, bad_request, conflict, not_emulated, not_found
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import new_guid, now, system_data
from emulator.arm.locations import check_location
from emulator.arm.resources import page
from emulator.store import Resource, Store

PROVIDER = "Microsoft.OperationalInsights"
WORKSPACE_TYPE = f"{PROVIDER}/workspaces"
_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
_SUBSCRIPTION_WORKSPACES = f"{_SUBSCRIPTION}/providers/{WORKSPACE_TYPE}"
_WORKSPACES = f"{_SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}/providers/{WORKSPACE_TYPE}"
_WORKSPACE = _WORKSPACES + "/{workspaceName}"
QUERY_HOSTS = ("api.loganalytics.io", "api.loganalytics.azure.com")

_NAME = re.compile(r"(?=.{4,63}$)[A-Za-z0-9][A-Za-z0-9-]+[A-Za-z0-9]")
SKU = "PerGB2018"
_OTHER_SKUS = (
    *("Free", "Standard", "Premium", "PerNode", "Standalone"),
    *("CapacityReservation", "LACluster"),
)
RETENTION = range(30, 731)  # days
KEY_SIZE = 64  # bytes
# What a workspace may be told beside its sku and retention, with what it is otherwise.
_SETTINGS: dict[str, Any] = {
    "publicNetworkAccessForIngestion": "Enabled",
    "publicNetworkAccessForQuery": "Enabled",
}


class LogAnalytics:
    ROUTES = (
        ("PUT", _WORKSPACE, "create_or_update"),
        ("DELETE", _WORKSPACE, "delete"),
        ("GET", _WORKSPACE, "get"),
        ("GET", _SUBSCRIPTION_WORKSPACES, "list"),
        ("GET", _WORKSPACES, "list"),
        ("PATCH", _WORKSPACE, "update"),
        ("POST", _WORKSPACE + "/sharedKeys", "get_shared_keys"),
        ("POST", _WORKSPACE + "/regenerateSharedKey", "regenerate_shared_keys"),
        ("POST", _WORKSPACE + "/query", "query"),
        ("POST", _WORKSPACE + "/api/query", "query"),
    )

    def __init__(self, store: Store) -> None:
        self.store = store

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        body, name = request.json(), request.params["workspaceName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"The workspace name '{name}' is invalid: 4 to 63 letters, digits or '-', "
                "beginning and ending with a letter or a digit.",
                code="InvalidParameter",
                target="workspaceName",
            )
        before = self.store.get(request.id)
        location = check_location(body.get("location"), WORKSPACE_TYPE)
        if before and before.body["location"] != location:
            raise conflict(
                f"The workspace '{name}' is in '{before.body['location']}' and cannot move to "
                f"'{location}'.",
                code="InvalidResourceLocation",
                target="location",
            )
        if before is None:
            before = _new(request.id, location)
            status = 201
        else:
            status = 200
        return ArmResponse(_shown(self._change(request, before, body)), status)

    async def delete(self, request: ArmRequest) -> ArmResponse:
        """At once and for good: with `force` and without, there is no way back here."""
        if self.store.get(request.id) is None:
            return ArmResponse(None, 204)
        self.store.delete(request.id)
        return ArmResponse(None, 200)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(_shown(self._workspace(request.id)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        return page(request, [_shown(one) for one in self.store.of_type(WORKSPACE_TYPE, scope)])

    async def update(self, request: ArmRequest) -> ArmResponse:
        workspace = self._workspace(request.id)
        return ArmResponse(_shown(self._change(request, workspace, request.json())))

    async def get_shared_keys(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(self._workspace(request.parent).body["_keys"])

    async def regenerate_shared_keys(self, request: ArmRequest) -> ArmResponse:
        workspace = self._workspace(request.parent)
        workspace.body["_keys"] = _new_keys()
        self.store.put(workspace)
        return ArmResponse(workspace.body["_keys"])

    async def query(self, _request: ArmRequest) -> ArmResponse:
        raise no_queries()

    # How

    def _workspace(self, workspace_id: str) -> Resource:
        workspace = self.store.get(workspace_id)
        if workspace is None:
            raise not_found(workspace_id)
        return workspace

    def _change(self, request: ArmRequest, workspace: Resource, body: dict[str, Any]) -> Resource:
        """Take over what is given, and leave the rest. Raises ArmError 400 or 501."""
        given = body.get("properties") or {}
        if not isinstance(given, dict):
            raise bad_request("properties must be an object.", target="properties")
        if body.get("identity"):
            raise not_emulated("the identity of a Log Analytics workspace")
        for field in ("forceCmkForQuery", "defaultDataCollectionRuleResourceId"):
            if given.get(field):
                raise not_emulated(f"{field} of a Log Analytics workspace")
        properties = workspace.properties
        if given.get("sku"):
            _check_sku(given["sku"])
        if given.get("retentionInDays") is not None:
            properties["retentionInDays"] = _retention(given["retentionInDays"])
        for field in _SETTINGS:
            if given.get(field):
                properties[field] = _access(field, given[field])
        properties["features"] |= given.get("features") or {}
        if quota := (given.get("workspaceCapping") or {}).get("dailyQuotaGb"):
            properties["workspaceCapping"]["dailyQuotaGb"] = quota
        properties["modifiedDate"] = now()
        if "tags" in body:
            workspace.body["tags"] = body["tags"] or {}
        workspace.body["systemData"] = system_data(request.claims, workspace.body.get("systemData"))
        return self.store.put(workspace)


class LogQueries:
    """api.loganalytics.io: the ASGI application that says that there are no queries."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = no_queries()
        await JSONResponse(error.body(), error.status)(scope, receive, send)


def no_queries() -> ArmError:
    return not_emulated(
        "queries of Log Analytics: what containers print is not collected there. Stream it with "
        "`az containerapp logs show -g GROUP -n APP --follow`"
    )


def _new(workspace_id: str, location: str) -> Resource:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Resource(
        workspace_id,
        WORKSPACE_TYPE,
        {
            "location": location,
            "tags": {},
            "properties": {
                "customerId": new_guid(),
                "provisioningState": "Succeeded",
                "sku": {"name": SKU, "lastSkuUpdate": now()},
                "retentionInDays": RETENTION.start,
                "features": {
                    "legacy": 0,
                    "searchVersion": 1,
                    "enableLogAccessUsingOnlyResourcePermissions": True,
                },
                "workspaceCapping": {
                    "dailyQuotaGb": -1.0,
                    "quotaNextResetTime": (midnight + timedelta(days=1)).isoformat(),
                    "dataIngestionStatus": "RespectQuota",
                },
                **_SETTINGS,
                "createdDate": now(),
            },
            "_keys": _new_keys(),
        },
    )


def _new_keys() -> dict[str, str]:
    names = ("primarySharedKey", "secondarySharedKey")
    return {name: base64.b64encode(secrets.token_bytes(KEY_SIZE)).decode() for name in names}


def _shown(workspace: Resource) -> dict[str, Any]:
    return {
        "id": workspace.id,
        "name": workspace.name,
        "type": workspace.type,
        **workspace.body,
    }


def _check_sku(given: Any) -> None:
    name = str(given.get("name") if isinstance(given, dict) else given)
    if name.lower() == SKU.lower():
        return
    if name.lower() in (other.lower() for other in _OTHER_SKUS):
        raise not_emulated(f"the sku {name} of a Log Analytics workspace, only {SKU}")
    raise bad_request(
        f"Invalid sku '{name}': one of {', '.join((SKU, *_OTHER_SKUS))}.",
        code="InvalidParameter",
        target="properties.sku.name",
    )


def _retention(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given not in RETENTION:
        raise bad_request(
            f"'RetentionInDays' {given!r} is invalid for the sku {SKU}: from {RETENTION.start} to "
            f"{RETENTION.stop - 1}.",
            code="InvalidParameter",
            target="properties.retentionInDays",
        )
    return given


def _access(field: str, given: Any) -> str:
    if given not in ("Enabled", "Disabled"):
        raise bad_request(
            f"{field} is 'Enabled' or 'Disabled', not {given!r}.",
            code="InvalidParameter",
            target=f"properties.{field}",
        )
    return str(given)
