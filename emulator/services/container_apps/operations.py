"""Where the long-running operations of this provider are polled.

The az CLI looks for these very names in the addresses: for an environment it knows from
`managedEnvironmentOperationStatuses` or `managedEnvironmentOperationResults` how to go on.

    an answer of     has                    the client polls
    201              Azure-AsyncOperation   ...OperationStatuses until its status is Succeeded
    202              Location               ...OperationResults until it is 200 with the resource
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.arm.http import MANAGEMENT, ArmRequest, ArmResponse
from emulator.arm.ids import subscription_of
from emulator.arm.operations import RETRY_AFTER, Operations
from emulator.arm.resources import shown
from emulator.services.container_apps.paths import (
    APP_TYPE,
    ENVIRONMENT_TYPE,
    EXECUTION_TYPE,
    JOB_TYPE,
    LOCATION,
    PROVIDER,
)
from emulator.store import Resource, Store

KINDS = {
    APP_TYPE: "containerappOperation",
    ENVIRONMENT_TYPE: "managedEnvironmentOperation",
    JOB_TYPE: "containerappsjobOperation",
    EXECUTION_TYPE: "containerappsjobOperation",
}


class AppOperations:
    ROUTES = tuple(
        ("GET", f"{LOCATION}/{kind}{what}/{{operationId}}", handler)
        for kind in dict.fromkeys(KINDS.values())
        for what, handler in (("Statuses", "get_status"), ("Results", "get_result"))
    )

    def __init__(
        self,
        store: Store,
        operations: Operations,
        show: Mapping[str, Callable[[Resource], dict[str, Any]]],
    ) -> None:
        """`show` has what shows a resource of a type, where that is not `shown`."""
        self.store = store
        self.operations = operations
        self.show = show

    async def get_status(self, request: ArmRequest) -> ArmResponse:
        answer = await self.operations.get_status(request)
        answer.headers["Retry-After"] = RETRY_AFTER
        return answer

    async def get_result(self, request: ArmRequest) -> ArmResponse:
        answer = await self.operations.get_result(request)
        if answer.status != 204:
            return answer
        row = self.store.query(
            "SELECT resource FROM operations WHERE id = ?", request.params["operationId"]
        )[0]
        resource = self.store.get(row["resource"])
        if resource is None:
            return answer
        return ArmResponse(self.show.get(resource.type, shown)(resource))


def accepted(
    operation_id: str,
    request: ArmRequest,
    resource: Resource,
    body: Any = None,
    *,
    status: int,
    location: str = "",
) -> ArmResponse:
    """The first answer of a long-running operation. `location` is of a resource that has none."""
    base = (
        f"{MANAGEMENT}/subscriptions/{subscription_of(resource.id)}/providers/{PROVIDER}"
        f"/locations/{location or resource.body['location']}/{KINDS[resource.type]}"
    )
    call = f"{operation_id}?api-version={request.query['api-version']}"
    where = {}
    if status == 201 or request.method == "PATCH":
        where["Azure-AsyncOperation"] = f"{base}Statuses/{call}&azureAsyncOperation=true"
    if status == 202:
        where["Location"] = f"{base}Results/{call}"
    return ArmResponse(body, status, {**where, "Retry-After": RETRY_AFTER})
