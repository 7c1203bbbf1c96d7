"""Every long-running operation of Resource Manager.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations

    status       means                          followed by
    InProgress   the work is under way          Succeeded, Failed
    Succeeded    the resource is as asked       -
    Failed       `error` says why               -
    Canceled     a later change came first      -

This is what is kept and answered of them; changes.py runs them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from emulator.arm.errors import ArmError
from emulator.arm.http import MANAGEMENT, ArmRequest, ArmResponse
from emulator.arm.ids import now, subscription_of
from emulator.store import Store

# Clients wait this long (seconds) between polls. Without it MLClient waits 5, the others 30.
RETRY_AFTER = "1"
# A poll is held until the operation ends, this long (seconds) at most, so that a client learns
# of the end at once and not at its next poll.
HOLD = 5.0
# Finished operations are kept this long, and this many of them. A client asks within minutes.
KEPT_FOR = timedelta(days=1)
MOST_KEPT, PRUNE_EVERY = 2000, 500
LOCATIONS = "/subscriptions/{subscriptionId}/providers/{provider}/locations/{location}"

_log = logging.getLogger(__name__)


class Operations:
    ROUTES = (
        ("GET", LOCATIONS + "/operationsStatus/{operationId}", "get_status"),
        ("GET", LOCATIONS + "/operationResults/{operationId}", "get_result"),
    )

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tasks: dict[str, asyncio.Task[None]] = {}
        # Called with each operation that has ended: its id, and its error where it has one.
        self.listeners: list[Callable[[str, ArmError | None], None]] = []
        self._released = asyncio.Event()
        self._inserted = 0

    # What changes.py keeps of a change

    def insert(
        self, operation_id: str, resource_id: str, kind: str, arguments: Mapping[str, Any]
    ) -> None:
        self.store.execute(
            "INSERT INTO operations (id, resource, kind, status, started, arguments)"
            " VALUES (?, ?, ?, 'InProgress', ?, ?)",
            operation_id,
            resource_id,
            kind,
            now(),
            json.dumps(arguments),
        )
        self._inserted += 1
        if self._inserted % PRUNE_EVERY == 0:
            self.prune()

    def end(self, operation_id: str, status: str, error: ArmError | None = None) -> None:
        """End an operation that is under way; one that has ended stays as it is."""
        ended = self.store.execute(
            "UPDATE operations SET status = ?, ended = ?, error = ?"
            " WHERE id = ? AND status = 'InProgress'",
            status,
            now(),
            json.dumps({**error.body()["error"], "status": error.status}) if error else None,
            operation_id,
        )
        if ended:
            for listener in self.listeners:
                listener(operation_id, error)

    def error(self, operation_id: str) -> ArmError | None:
        """Why an operation has failed; None for one that has not, or is pruned."""
        rows = self.store.query("SELECT error FROM operations WHERE id = ?", operation_id)
        if not rows or not rows[0]["error"]:
            return None
        error = json.loads(rows[0]["error"])
        return ArmError(
            error.get("status", 500),
            error["code"],
            error["message"],
            target=error.get("target"),
            details=error.get("details"),
        )

    def under_way(self) -> list[Any]:
        """The rows of the operations that have not ended, oldest first."""
        return self.store.query(
            "SELECT * FROM operations WHERE status = 'InProgress' ORDER BY started"
        )

    def is_under_way(self, operation_id: str) -> bool:
        return bool(
            self.store.query(
                "SELECT 1 FROM operations WHERE id = ? AND status = 'InProgress'", operation_id
            )
        )

    def prune(self) -> None:
        """Forget operations that ended more than a day ago, and all but the newest `MOST_KEPT`."""
        day_ago = (datetime.now(UTC) - KEPT_FOR).isoformat()
        self.store.execute("DELETE FROM operations WHERE ended < ?", day_ago)
        self.store.execute(
            "DELETE FROM operations WHERE ended < (SELECT ended FROM operations"
            " WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT 1 OFFSET ?)",
            MOST_KEPT,
        )

    # Answers

    def accepted(
        self,
        operation_id: str,
        request: ArmRequest,
        location: str,
        *,
        status: int,
        body: Any = None,
    ) -> ArmResponse:
        """The first answer of a long-running operation, with the headers that clients poll by."""
        provider = request.id.rpartition("/providers/")[2].partition("/")[0]
        base = (
            f"{MANAGEMENT}/subscriptions/{subscription_of(request.id)}"
            f"/providers/{provider or 'Microsoft.Resources'}/locations/{location}"
        )
        call = f"{operation_id}?api-version={request.query['api-version']}"
        return ArmResponse(
            body,
            status,
            {
                "Azure-AsyncOperation": f"{base}/operationsStatus/{call}",
                "Location": f"{base}/operationResults/{call}",
                "Retry-After": RETRY_AFTER,
            },
        )

    async def get_status(self, request: ArmRequest) -> ArmResponse:
        row = await self._wait(request.params["operationId"])
        body = {
            "id": request.id,
            "name": row["id"],
            "status": row["status"],
            "startTime": row["started"],
        }
        if row["ended"]:
            body["endTime"] = row["ended"]
            body["percentComplete"] = 100
        if row["error"]:
            body["error"] = _shown(row["error"])
        headers = {"Retry-After": RETRY_AFTER} if row["status"] == "InProgress" else {}
        return ArmResponse(body, 200, headers)

    async def get_result(self, request: ArmRequest) -> ArmResponse:
        row = await self._wait(request.params["operationId"])
        if row["status"] == "InProgress":
            location = f"{MANAGEMENT}{quote(request.id)}?api-version={request.query['api-version']}"
            return ArmResponse(None, 202, {"Location": location, "Retry-After": RETRY_AFTER})
        if row["error"]:
            return ArmResponse({"error": _shown(row["error"])}, 409)
        return ArmResponse(None, 204)

    def release(self) -> None:
        """Answer the polls that are held, and hold none from now on: local Azure stops."""
        self._released.set()

    async def _wait(self, operation_id: str) -> Any:
        if task := self.tasks.get(operation_id):
            released = asyncio.create_task(self._released.wait())
            await asyncio.wait({task, released}, timeout=HOLD, return_when=asyncio.FIRST_COMPLETED)
            released.cancel()
        rows = self.store.query("SELECT * FROM operations WHERE id = ?", operation_id)
        if not rows:
            raise ArmError(404, "OperationNotFound", f"There is no operation '{operation_id}'.")
        return rows[0]


def _shown(error: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(error).items() if key != "status"}
