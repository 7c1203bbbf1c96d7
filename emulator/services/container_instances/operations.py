"""Where the long-running operations of container groups are polled.

As https://github.com/Azure/azure-cli has recorded them (src/azure-cli/azure/cli/command_modules/
container/tests/latest/recordings): the id is the group's, what is under way is Pending, and the
events of the containers are told as they come.
"""

from __future__ import annotations

from emulator.arm.http import MANAGEMENT, ArmRequest, ArmResponse
from emulator.arm.ids import subscription_of
from emulator.arm.operations import Operations
from emulator.services.container_instances.group_record import views_of
from emulator.services.container_instances.paths import LOCATION, PROVIDER
from emulator.store import Resource, Store


class GroupOperations:
    ROUTES = (("GET", LOCATION + "/operations/{operationId}", "get_status"),)

    def __init__(self, store: Store, operations: Operations) -> None:
        self.store = store
        self.operations = operations

    async def get_status(self, request: ArmRequest) -> ArmResponse:
        answer = await self.operations.get_status(request)
        row = self.store.query(
            "SELECT resource FROM operations WHERE id = ?", request.params["operationId"]
        )[0]
        group = self.store.get(row["resource"])
        views = views_of(group).values() if group else ()
        answer.body |= {
            "id": row["resource"],
            "properties": {"events": [dict(event) for view in views for event in view.events]},
        }
        if answer.body["status"] == "InProgress":
            answer.body["status"] = "Pending"
        return answer

    def accepted(
        self, operation_id: str, request: ArmRequest, group: Resource, body: object, status: int
    ) -> ArmResponse:
        """The first answer of a long-running operation, with the headers that clients poll by."""
        location = group.body["location"]
        answer = self.operations.accepted(operation_id, request, location, status=status, body=body)
        answer.headers["Azure-AsyncOperation"] = (
            f"{MANAGEMENT}/subscriptions/{subscription_of(group.id)}/providers/{PROVIDER}"
            f"/locations/{location}/operations/{operation_id}"
            f"?api-version={request.query['api-version']}"
        )
        return answer
