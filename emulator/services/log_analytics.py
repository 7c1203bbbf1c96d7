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

from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import new_guid, now, system_data
from emulator.arm.lifecycle import AT_ONCE, Lifecycle
from emulator.arm.locations import check_place
from emulator.arm.resources import page, require, shown
from emulator.arm.tags import read_tags
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
# What the reference lists beside these. There are no queries, so nothing of it could be kept to.
_NOT_EMULATED: dict[str, Any] = {
    "failover": None,
    "forceCmkForQuery": False,
    "defaultDataCollectionRuleResourceId": None,
    "replication": None,
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

    def __init__(self, store: Store, changes: Changes) -> None:
        self.store = store
        self.changes = changes
        changes.register(
            Lifecycle(
                WORKSPACE_TYPE,
                moves=AT_ONCE,
            )
        )

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        body, name = _read(request), request.params["workspaceName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"The workspace name '{name}' is invalid: 4 to 63 letters, digits or '-', "
                "beginning and ending with a letter or a digit.",
                code="InvalidParameter",
                target="workspaceName",
            )
        before = self.store.get(request.id)
        location = check_place(body.raw("location"), before, WORKSPACE_TYPE)
        workspace = self._change(request, before or _new(request.id, location), before, body)
        return ArmResponse(shown(workspace), 200 if before else 201)

    async def delete(self, request: ArmRequest) -> ArmResponse:
        """At once and for good: with `force` and without, there is no way back here."""
        workspace = self.store.get(request.id)
        if workspace is None:
            return ArmResponse(None, 204)
        await self.changes.run("delete", workspace, workspace)
        return ArmResponse(None, 200)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(require(self.store, request.id)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        return page(request, [shown(one) for one in self.store.of_type(WORKSPACE_TYPE, scope)])

    async def update(self, request: ArmRequest) -> ArmResponse:
        workspace = require(self.store, request.id)
        return ArmResponse(shown(self._change(request, workspace, workspace, _read(request))))

    async def get_shared_keys(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(require(self.store, request.parent).private["keys"])

    async def regenerate_shared_keys(self, request: ArmRequest) -> ArmResponse:
        workspace = require(self.store, request.parent)
        workspace.private["keys"] = _new_keys()
        self.store.put(workspace)
        return ArmResponse(workspace.private["keys"])

    async def query(self, _request: ArmRequest) -> ArmResponse:
        raise no_queries()

    # How

    def _change(
        self, request: ArmRequest, workspace: Resource, before: Resource | None, body: Fields
    ) -> Resource:
        """Take over what is given, and leave the rest. Raises ArmError 400 or 501."""
        body.not_emulated(("identity",), "a Log Analytics workspace")
        given = body.object("properties")
        given.not_emulated(_NOT_EMULATED, "a Log Analytics workspace")
        properties = workspace.properties
        if given.has("sku"):
            _check_sku(given.object("sku"))
        properties["retentionInDays"] = given.whole(
            "retentionInDays",
            properties["retentionInDays"],
            least=RETENTION.start,
            most=RETENTION.stop - 1,
        )
        for field in _SETTINGS:
            properties[field] = given.choice(field, ("Enabled", "Disabled"), properties[field])
        properties["features"] |= given.object("features").value
        capping = properties["workspaceCapping"]
        capping["dailyQuotaGb"] = given.object("workspaceCapping").number(
            "dailyQuotaGb", capping["dailyQuotaGb"], least=-1.0
        )
        properties["modifiedDate"] = now()
        if body.is_named("tags"):
            workspace.body["tags"] = read_tags(body)
        workspace.body["systemData"] = system_data(request.claims, workspace.body.get("systemData"))
        return self.changes.apply("put", workspace, before)


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
        },
        {"keys": _new_keys()},
    )


def _new_keys() -> dict[str, str]:
    names = ("primarySharedKey", "secondarySharedKey")
    return {name: base64.b64encode(secrets.token_bytes(KEY_SIZE)).decode() for name in names}


def _read(request: ArmRequest) -> Fields:
    return Fields(request.body, refuse=_invalid)


def _invalid(path: str, message: str) -> ArmError:
    return bad_request(message, code="InvalidParameter", target=path or None)


def _check_sku(given: Fields) -> None:
    name = given.choice("name", (SKU, *_OTHER_SKUS), SKU)
    if name != SKU:
        raise not_emulated(f"the sku {name} of a Log Analytics workspace, only {SKU}")
