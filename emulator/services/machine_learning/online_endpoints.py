"""Online endpoints.

https://learn.microsoft.com/rest/api/azureml/online-endpoints

    provisioningState   while                            followed by
    Creating            the first PUT is under way       Succeeded
    Updating            a later PUT or PATCH is          Succeeded
    Deleting            a DELETE is                      gone
    Succeeded           nothing is                       Updating, Deleting
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from emulator.arm.errors import bad_request, conflict, not_found
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, parent_of, stable_guid, system_data
from emulator.arm.operations import Operations
from emulator.arm.resources import page
from emulator.defaults import TENANT
from emulator.services.machine_learning.answers import shown
from emulator.services.machine_learning.names import check_name
from emulator.services.machine_learning.paths import (
    ONLINE_DEPLOYMENT_TYPE,
    ONLINE_ENDPOINT,
    ONLINE_ENDPOINT_TYPE,
    ONLINE_ENDPOINTS,
    require_workspace,
)
from emulator.services.machine_learning.scoring_routes import ScoringRoutes, host_of, scoring_host
from emulator.store import Resource, Store

AUTH_MODES = {mode.lower(): mode for mode in ("Key", "AMLToken", "AADToken")}
# https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-online-endpoint
TOKEN_LIFETIME = 8 * 3600  # seconds
# An endpoint's tag with which a lesson lets a token expire while the learner watches. It is a
# tag like any other to live Azure.
LIFETIME_TAG = "local-azure-token-seconds"
LARGEST_MIRROR_SHARE = 50  # per cent


class OnlineEndpoints:
    ROUTES = (
        ("GET", ONLINE_ENDPOINTS, "list"),
        ("DELETE", ONLINE_ENDPOINT, "delete"),
        ("GET", ONLINE_ENDPOINT, "get"),
        ("PATCH", ONLINE_ENDPOINT, "update"),
        ("PUT", ONLINE_ENDPOINT, "create_or_update"),
        ("POST", ONLINE_ENDPOINT + "/listKeys", "list_keys"),
        ("POST", ONLINE_ENDPOINT + "/regenerateKeys", "regenerate_keys"),
        ("POST", ONLINE_ENDPOINT + "/token", "get_token"),
    )

    def __init__(
        self,
        store: Store,
        operations: Operations,
        routes: ScoringRoutes,
        *,
        issue_token: Callable[[str, int], str],
        stop_deployments: Callable[[str], Awaitable[None]],
    ) -> None:
        """`issue_token` makes a JWT for an audience and a lifetime in seconds;
        `stop_deployments` stops whatever runs below an id."""
        self.store = store
        self.operations = operations
        self.routes = routes
        self.issue_token = issue_token
        self.stop_deployments = stop_deployments

    async def recover(self) -> None:
        """After a restart: publish what is there, finish what was being deleted."""
        for operation in self.operations.interrupted():
            if operation.kind == "delete-endpoint":
                await self._delete(operation.resource_id)
                self.operations.finish(operation.id)
            elif operation.kind == "put-endpoint":
                self._finish(operation.resource_id)
                self.operations.finish(operation.id)
        for endpoint in self.store.of_type(ONLINE_ENDPOINT_TYPE):
            self.routes.publish(endpoint.id)

    async def stop_below(self, scope: str) -> None:
        """Before a workspace or a resource group is deleted: nothing in it answers any more."""
        for endpoint in self.store.of_type(ONLINE_ENDPOINT_TYPE, scope):
            self.routes.withdraw(endpoint)
        await self.stop_deployments(scope)

    async def list(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        endpoints = self.store.of_type(ONLINE_ENDPOINT_TYPE, workspace.id)
        return page(request, [shown(endpoint) for endpoint in endpoints])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        require_workspace(self.store, request)
        endpoint = self.store.get(request.id)
        if endpoint is None:
            return ArmResponse(None, 204)
        endpoint.properties["provisioningState"] = "Deleting"
        self.store.put(endpoint)
        # Nothing new is answered from here on, while what is in flight is let finish.
        self.routes.withdraw(endpoint)
        operation = self.operations.start("delete-endpoint", endpoint.id, self._delete(endpoint.id))
        return self.operations.accepted(operation, request, endpoint.body["location"], status=202)

    async def _delete(self, endpoint_id: str) -> None:
        await self.stop_deployments(endpoint_id)
        for deployment in self.store.of_type(ONLINE_DEPLOYMENT_TYPE, endpoint_id):
            self.routes.forget(deployment.id)
        self.store.delete(endpoint_id)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._endpoint(request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags and identity; the SDK changes everything else by PUT."""
        endpoint = self._endpoint(request)
        body = request.json()
        return self._put(request, endpoint, {**endpoint.body, **body}, endpoint.body)

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        check_name(request.params["endpointName"], "endpoint")
        before = self.store.get(request.id)
        body = request.json()
        if not isinstance(body.get("properties"), dict):
            raise bad_request("The endpoint's properties are missing.", target="properties")
        location = str(body.get("location") or workspace.body["location"]).lower()
        if before is None:
            self._check_unique(request.id, location)
            old: dict[str, Any] = {
                "location": location,
                "_keys": {"primaryKey": _new_key(), "secondaryKey": _new_key()},
                "properties": {},
            }
        else:
            old = before.body
        return self._put(request, before, body, old)

    def _put(
        self,
        request: ArmRequest,
        before: Resource | None,
        body: dict[str, Any],
        old: dict[str, Any],
    ) -> ArmResponse:
        if before and before.properties["provisioningState"] == "Deleting":
            raise conflict(f"The endpoint '{before.name}' is being deleted.")
        endpoint_id = before.id if before else request.id
        given = body["properties"]
        host = scoring_host(name_of(endpoint_id), old["location"])
        endpoint = Resource(
            endpoint_id,
            ONLINE_ENDPOINT_TYPE,
            {
                "location": old["location"],
                "tags": body.get("tags") or {},
                "kind": body.get("kind") or "Managed",
                "identity": _identity(body.get("identity") or old.get("identity"), endpoint_id),
                "properties": {
                    "description": given.get("description"),
                    "properties": given.get("properties") or {},
                    "authMode": _auth_mode(given.get("authMode")),
                    "traffic": self._traffic(endpoint_id, given.get("traffic") or {}),
                    "mirrorTraffic": {},
                    "publicNetworkAccess": given.get("publicNetworkAccess") or "Enabled",
                    "compute": None,
                    "scoringUri": f"https://{host}/score" if before else None,
                    "swaggerUri": f"https://{host}/swagger.json" if before else None,
                    "provisioningState": "Updating" if before else "Creating",
                },
                "systemData": system_data(request.claims, old.get("systemData")),
                "_keys": old["_keys"],
            },
        )
        endpoint.properties["mirrorTraffic"] = self._mirror_traffic(
            endpoint, given.get("mirrorTraffic") or {}
        )
        self.store.put(endpoint)
        operation = self.operations.start("put-endpoint", endpoint_id, self._publish(endpoint_id))
        return self.operations.accepted(
            operation,
            request,
            endpoint.body["location"],
            status=200 if before else 201,
            body=shown(endpoint),
        )

    async def _publish(self, endpoint_id: str) -> None:
        self._finish(endpoint_id)
        self.routes.publish(endpoint_id)

    def _finish(self, endpoint_id: str) -> None:
        endpoint = self.store.get(endpoint_id)
        if endpoint is None:
            return
        base = f"https://{host_of(endpoint)}"
        endpoint.properties.update(
            provisioningState="Succeeded",
            scoringUri=f"{base}/score",
            swaggerUri=f"{base}/swagger.json",
        )
        self.store.put(endpoint)

    async def list_keys(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(dict(self._with_auth_mode(request.parent, "Key").body["_keys"]))

    async def regenerate_keys(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._with_auth_mode(request.parent, "Key")
        body = request.json()
        names = {"primary": "primaryKey", "secondary": "secondaryKey"}
        name = names.get(str(body.get("keyType")).lower())
        if name is None:
            raise bad_request(
                f"keyType must be Primary or Secondary, not '{body.get('keyType')}'.",
                target="keyType",
            )
        keys = endpoint.body["_keys"]
        wanted = str(body.get("keyValue") or "")
        # The SDK sends the present key along; that asks for a new one, not for the same again.
        same = hmac.compare_digest(wanted.encode(), keys[name].encode())
        keys[name] = wanted if wanted and not same else _new_key()
        self.store.put(endpoint)
        operation = self.operations.start(
            "regenerate-keys", endpoint.id, self._publish(endpoint.id)
        )
        return self.operations.accepted(operation, request, endpoint.body["location"], status=202)

    async def get_token(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._with_auth_mode(request.parent, "AMLToken")
        lifetime = TOKEN_LIFETIME
        tag = endpoint.body["tags"].get(LIFETIME_TAG)
        if tag is not None:
            if not str(tag).isdecimal() or not 1 <= int(tag) <= TOKEN_LIFETIME:
                raise bad_request(
                    f"The tag {LIFETIME_TAG} must be from 1 to {TOKEN_LIFETIME}, not '{tag}'.",
                    target="tags",
                )
            lifetime = int(tag)
        moment = int(time.time())
        return ArmResponse(
            {
                "accessToken": self.issue_token(endpoint.id, lifetime),
                "tokenType": "Bearer",
                "expiryTimeUtc": moment + lifetime,
                "refreshAfterTimeUtc": moment + lifetime // 2,
            }
        )

    # Rules

    def _endpoint(self, request: ArmRequest) -> Resource:
        require_workspace(self.store, request)
        endpoint = self.store.get(request.id)
        if endpoint is None:
            raise not_found(request.id)
        return endpoint

    def _with_auth_mode(self, endpoint_id: str, mode: str) -> Resource:
        endpoint = self.store.get(endpoint_id)
        if endpoint is None:
            raise not_found(endpoint_id)
        actual = endpoint.properties["authMode"]
        if actual != mode:
            raise bad_request(
                f"The endpoint '{endpoint.name}' has the authentication mode {actual}; this "
                f"operation is for {mode}.",
                target="authMode",
            )
        return endpoint

    def _check_unique(self, endpoint_id: str, location: str) -> None:
        name = name_of(endpoint_id).lower()
        for other in self.store.of_type(ONLINE_ENDPOINT_TYPE):
            if other.name.lower() == name and other.body["location"] == location:
                raise conflict(
                    f"An endpoint named '{name_of(endpoint_id)}' exists already in {location}, in "
                    f"the workspace '{name_of(parent_of(other.id))}'. An endpoint's name must be "
                    "unique in its region.",
                    target="endpointName",
                )

    def _traffic(self, endpoint_id: str, traffic: object) -> dict[str, int]:
        shares = self._shares(endpoint_id, traffic, "traffic")
        total = sum(shares.values())
        if total not in (0, 100):
            raise bad_request(
                "Traffic must add up to 0 or 100 per cent, and does not: "
                f"{_spelled(shares)} {'makes' if len(shares) == 1 else 'make'} {total}.",
                target="traffic",
            )
        return shares

    def _mirror_traffic(self, endpoint: Resource, traffic: object) -> dict[str, int]:
        shares = {
            name: share
            for name, share in self._shares(endpoint.id, traffic, "mirrorTraffic").items()
            if share
        }
        if len(shares) > 1:
            raise bad_request(
                f"Traffic can be mirrored to one deployment only, not to {_spelled(shares)}.",
                target="mirrorTraffic",
            )
        for name, share in shares.items():
            if share > LARGEST_MIRROR_SHARE:
                raise bad_request(
                    f"At most {LARGEST_MIRROR_SHARE} per cent of the traffic can be mirrored, not "
                    f"{share}.",
                    target="mirrorTraffic",
                )
            if endpoint.properties["traffic"].get(name):
                raise bad_request(
                    f"The deployment '{name}' receives live traffic; a deployment takes either "
                    "live or mirrored traffic.",
                    target="mirrorTraffic",
                )
        return shares

    def _shares(self, endpoint_id: str, traffic: object, field: str) -> dict[str, int]:
        if not isinstance(traffic, dict):
            raise bad_request(f"{field} must map deployments to per cent.", target=field)
        shares: dict[str, int] = {}
        for name, share in traffic.items():
            if isinstance(share, bool) or not isinstance(share, int) or not 0 <= share <= 100:
                raise bad_request(
                    f"The share of '{name}' must be a whole number from 0 to 100, not {share!r}.",
                    target=field,
                )
            deployment = self.store.get(f"{endpoint_id}/deployments/{name}")
            if deployment is None:
                if share == 0:
                    continue  # left over from a deployment that is gone
                raise bad_request(
                    f"The deployment '{name}' does not exist in the endpoint "
                    f"'{name_of(endpoint_id)}', so it can be given no traffic.",
                    target=field,
                )
            if share and "_good" not in deployment.body:
                raise bad_request(
                    f"The deployment '{name}' is "
                    f"{deployment.properties['provisioningState']}; only one that succeeded can "
                    "be given traffic.",
                    target=field,
                )
            shares[deployment.name] = share
        return shares


def _auth_mode(given: object) -> str:
    mode = AUTH_MODES.get(str(given).lower())
    if mode is None:
        raise bad_request(
            f"authMode must be one of {', '.join(AUTH_MODES.values())} (in the SDK: key, "
            f"aml_token, aad_token), not '{given}'.",
            target="authMode",
        )
    return mode


def _identity(given: dict[str, Any] | None, endpoint_id: str) -> dict[str, Any]:
    kind = (given or {}).get("type") or "SystemAssigned"
    return {"type": kind, "principalId": stable_guid(endpoint_id), "tenantId": TENANT}


def _new_key() -> str:
    return secrets.token_urlsafe(48)


def _spelled(shares: dict[str, int]) -> str:
    return " and ".join(f"{name} {share}" for name, share in shares.items())
