"""Online endpoints.

https://learn.microsoft.com/rest/api/azureml/online-endpoints
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request, conflict
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import name_of, system_data
from emulator.arm.lifecycle import ABSENT, GONE, Finish, Lifecycle, Move
from emulator.arm.locations import check_location, check_place
from emulator.arm.managed_identity import read_identity, shown_identity, stored_identity
from emulator.arm.operations import Operations
from emulator.arm.resources import page, require, shown
from emulator.arm.tags import read_tags
from emulator.services.machine_learning.endpoint_spec import (
    KEYS,
    EndpointSpec,
    endpoint_of,
    read_endpoint,
)
from emulator.services.machine_learning.errors import bad_argument
from emulator.services.machine_learning.names import check_name, check_unique
from emulator.services.machine_learning.paths import (
    ONLINE_ENDPOINT,
    ONLINE_ENDPOINT_TYPE,
    ONLINE_ENDPOINTS,
    require_workspace,
)
from emulator.services.machine_learning.scoring_routes import ScoringRoutes, host_of, scoring_host
from emulator.services.machine_learning.traffic_rules import with_traffic
from emulator.store import Resource, Store

# https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-online-endpoint
TOKEN_LIFETIME = 8 * 3600  # seconds
# An endpoint's tag with which a lesson lets a token expire while the learner watches. It is a
# tag like any other to live Azure.
LIFETIME_TAG = "local-azure-token-seconds"


class OnlineEndpoints:
    # The identity is that from its creation:
    # https://learn.microsoft.com/azure/machine-learning/how-to-access-resources-from-endpoints-managed-identities#limitations
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
        changes: Changes,
        routes: ScoringRoutes,
        *,
        issue_token: Callable[[str, int], str],
        forget: Callable[[str], None],
    ) -> None:
        """`issue_token` makes a JWT for an audience and a lifetime in seconds. `forget` is told of
        endpoints that are gone: their deployments come in nowhere any more."""
        self.store = store
        self.operations = operations
        self.changes = changes
        self.routes = routes
        self.issue_token = issue_token
        self.forget = forget
        settled = ("Succeeded", "Failed")
        changes.register(
            Lifecycle(
                ONLINE_ENDPOINT_TYPE,
                moves=(
                    Move(
                        "create",
                        (ABSENT,),
                        "Creating",
                        "Succeeded",
                        work=self._publish,
                        resumes=True,
                    ),
                    Move(
                        "update",
                        settled,
                        "Updating",
                        "Succeeded",
                        work=self._publish,
                        resumes=True,
                    ),
                    Move("delete", ("Creating", "Updating", *settled), "Deleting", GONE),
                ),
                refuse=_refuse,
                withdraw=routes.withdraw,
                remove=self._remove,
            )
        )
        changes.at_start(self._publish_all)

    async def list(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        endpoints = self.store.of_type(ONLINE_ENDPOINT_TYPE, workspace.id)
        return page(request, [shown(endpoint) for endpoint in endpoints])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        require_workspace(self.store, request)
        endpoint = self.store.get(request.id)
        if endpoint is None:
            return ArmResponse(None, 204)
        operation = self.changes.begin("delete", endpoint, endpoint)
        return self.operations.accepted(operation, request, endpoint.body["location"], status=202)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._endpoint(request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: tags; the SDK changes everything else by PUT."""
        endpoint = self._endpoint(request)
        body = Fields(request.body, refuse=bad_argument)
        spec = endpoint_of(endpoint.body)
        tags = read_tags(body) if body.is_named("tags") else spec.tags
        spec = replace(spec, tags=tags, identity=read_identity(body, spec.identity, merge=True))
        return self._put(request, endpoint, spec, endpoint.body["location"])

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        check_name(request.params["endpointName"], "endpoint")
        body = Fields(request.body, refuse=bad_argument)
        spec = read_endpoint(body)
        before = self.store.get(request.id)
        if before:
            location = check_place(body.raw("location"), before, required=False)
            if not body.has("identity"):
                spec = replace(spec, identity=endpoint_of(before.body).identity)
        else:
            location = check_location(body.text("location") or workspace.body["location"])
            check_unique(self.store, request.id, location)
        return self._put(request, before, spec, location)

    def _put(
        self, request: ArmRequest, before: Resource | None, spec: EndpointSpec, location: str
    ) -> ArmResponse:
        endpoint_id = before.id if before else request.id
        if before and not spec.identity.same_as(stored_identity(before.body)):
            raise bad_request(
                "The identity of an endpoint cannot be changed once the endpoint was created.",
                target="identity",
            )
        spec = with_traffic(self.store, endpoint_id, spec)
        # Keys are given when the endpoint is made; later they are regenerated.
        keys = before.private["keys"] if before else _new_keys() | dict(spec.keys)
        endpoint = Resource(
            endpoint_id,
            ONLINE_ENDPOINT_TYPE,
            {
                "location": location,
                **spec.to_body(),
                "identity": shown_identity(
                    spec.identity, self.store, endpoint_id, before.body if before else None
                ),
                "systemData": system_data(
                    request.claims, before.body["systemData"] if before else None
                ),
            },
            {"keys": keys},
        )
        host = scoring_host(name_of(endpoint_id), location)
        endpoint.properties.update(
            scoringUri=f"https://{host}/score" if before else None,
            swaggerUri=f"https://{host}/swagger.json" if before else None,
        )
        operation = self.changes.begin("update" if before else "create", endpoint, before)
        return self.operations.accepted(
            operation, request, location, status=200 if before else 201, body=shown(endpoint)
        )

    async def list_keys(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(dict(self._with_auth_mode(request.parent, "Key").private["keys"]))

    async def regenerate_keys(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._with_auth_mode(request.parent, "Key")
        body = Fields(request.body, refuse=bad_argument)
        kind = body.choice("keyType", ("Primary", "Secondary"))
        if kind is None:
            raise body.missing("keyType")
        name = "primaryKey" if kind == "Primary" else "secondaryKey"
        wanted = body.text("keyValue") or ""
        # The SDK sends the present key along; that asks for a new one, not for the same again.
        same = hmac.compare_digest(wanted.encode(), endpoint.private["keys"][name].encode())
        endpoint.private["keys"][name] = wanted if wanted and not same else _new_key()
        operation = self.changes.begin("update", endpoint, endpoint)
        return self.operations.accepted(operation, request, endpoint.body["location"], status=202)

    async def get_token(self, request: ArmRequest) -> ArmResponse:
        endpoint = self._with_auth_mode(request.parent, "AMLToken")
        lifetime = _lifetime(endpoint)
        moment = int(time.time())
        return ArmResponse(
            {
                "accessToken": self.issue_token(endpoint.id, lifetime),
                "tokenType": "Bearer",
                "expiryTimeUtc": moment + lifetime,
                "refreshAfterTimeUtc": moment + lifetime // 2,
            }
        )

    # The work of the moves

    async def _remove(self, endpoint: Resource) -> None:
        self.forget(endpoint.id)

    async def _publish(self, change: Change) -> Finish:
        return self._published

    def _published(self, endpoint: Resource) -> None:
        base = f"https://{host_of(endpoint)}"
        endpoint.properties.update(scoringUri=f"{base}/score", swaggerUri=f"{base}/swagger.json")
        self.routes.publish(endpoint)

    def _publish_all(self) -> None:
        """At a start: those that are not on their way to be there, or to be gone."""
        for endpoint in self.store.of_type(ONLINE_ENDPOINT_TYPE):
            if endpoint.state != "Creating" and not self.changes.is_being_deleted(endpoint.id):
                self.routes.publish(endpoint)

    # Rules

    def _endpoint(self, request: ArmRequest) -> Resource:
        require_workspace(self.store, request)
        return require(self.store, request.id)

    def _with_auth_mode(self, endpoint_id: str, mode: str) -> Resource:
        endpoint = require(self.store, endpoint_id)
        actual = endpoint.properties["authMode"]
        if actual != mode:
            raise bad_request(
                f"The endpoint '{endpoint.name}' has the authentication mode {actual}; this "
                f"operation is for {mode}.",
                target="authMode",
            )
        return endpoint


def _refuse(endpoint: Resource | None, move: str) -> ArmError:
    del move
    name, state = (endpoint.name, endpoint.state) if endpoint else ("", "absent")
    if state == "Deleting":
        return conflict(f"The endpoint '{name}' is being deleted.")
    return conflict(
        f"The endpoint '{name}' is {state}. Wait until that has ended.",
        code="OperationInProgress",
    )


def _lifetime(endpoint: Resource) -> int:
    """Seconds that a token of the endpoint lasts. Raises ArmError 400 for a tag that is wrong."""
    tag = endpoint.body["tags"].get(LIFETIME_TAG)
    if tag is None:
        return TOKEN_LIFETIME
    seconds = int(tag) if re.fullmatch(r"\d{1,9}", tag, re.ASCII) else 0
    if not 1 <= seconds <= TOKEN_LIFETIME:
        raise bad_request(
            f"The tag {LIFETIME_TAG} must be from 1 to {TOKEN_LIFETIME}, not '{tag}'.",
            target="tags",
        )
    return seconds


def _new_keys() -> dict[str, str]:
    return {name: _new_key() for name in KEYS}


def _new_key() -> str:
    return secrets.token_urlsafe(48)
