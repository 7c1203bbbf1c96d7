"""{region}.metrics.monitor.azure.com: the metrics of many resources of one type and region at once.

https://learn.microsoft.com/rest/api/monitor/metrics-batch/batch
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jwt
from starlette.requests import Request

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmResponse, Host, check_api_version, check_path, read_body
from emulator.arm.ids import subscription_of
from emulator.arm.resources import require
from emulator.defaults import SUBSCRIPTION
from emulator.services.monitor.metric_recorder import MetricRecorder
from emulator.services.monitor.resource_location import location_of
from emulator.store import Resource, Store

METRICS_SUFFIX = ".metrics.monitor.azure.com"
AUDIENCE = "https://metrics.monitor.azure.com"
MOST_RESOURCES = 50
_PATH = re.compile(r"/subscriptions/([^/]+)/metrics:getBatch", re.IGNORECASE)

# The claims of a token for one of the audiences. Raises jwt.PyJWTError when it is not valid now.
Verify = Callable[[str, tuple[str, ...]], dict[str, Any]]


class MetricsBatch(Host):
    def __init__(self, store: Store, recorder: MetricRecorder, verify: Verify) -> None:
        self.store = store
        self.recorder = recorder
        self.verify = verify

    async def answer(self, request: Request) -> ArmResponse:
        from emulator.services.monitor import metric_answers

        self._authenticate(request.headers.get("authorization"))
        path, query = request.scope["path"], request.query_params
        check_path(path)
        check_api_version(query)
        match = _PATH.fullmatch(path)
        if match is None or request.method != "POST":
            raise not_emulated(f"{request.method} {path} of Azure Monitor's metrics")
        if match[1].lower() != SUBSCRIPTION:
            raise ArmError(
                404, "SubscriptionNotFound", f"The subscription '{match[1]}' could not be found."
            )
        body = Fields(await read_body(request))
        region = request.headers.get("host", "").lower().partition(".")[0]
        resources = self._resources(body.texts("resourceids"), region)
        return ArmResponse(metric_answers.batch(self.recorder, resources, region, query))

    def _authenticate(self, authorization: str | None) -> None:
        """Raises ArmError 401."""
        scheme, _, token = (authorization or "").strip().partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise jwt.InvalidTokenError("There is no bearer token.")
            self.verify(token.strip(), (AUDIENCE, f"{AUDIENCE}/"))
        except jwt.PyJWTError:
            raise ArmError(
                401,
                "InvalidAuthenticationToken",
                f"The access token is missing or invalid: its audience must be {AUDIENCE}.",
                headers={"www-authenticate": "Bearer"},
            ) from None

    def _resources(self, ids: list[str], region: str) -> list[Resource]:
        """Raises ArmError 400 and 404."""
        if not 0 < len(ids) <= MOST_RESOURCES:
            raise bad_request(
                f"A request names 1 to {MOST_RESOURCES} resources, not {len(ids)}.",
                code="BadRequest",
            )
        resources = [require(self.store, id) for id in ids]
        for one in resources:
            there = location_of(self.store, one)
            if there != region or subscription_of(one.id) != SUBSCRIPTION:
                raise bad_request(
                    f"The resource '{one.id}' is in the region {there}: ask "
                    f"https://{there}{METRICS_SUFFIX}.",
                    code="BadRequest",
                )
        if len({one.type.lower() for one in resources}) > 1:
            raise bad_request(
                "The resources of one request must be of one type.", code="BadRequest"
            )
        return resources
