"""The activity log: who has changed what in the subscription, and how it ended. 90 days of it.

https://learn.microsoft.com/rest/api/monitor/activity-logs/list
https://learn.microsoft.com/rest/api/monitor/event-categories/list
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from emulator.arm.errors import ArmError, bad_request
from emulator.arm.exchange import ArmExchange
from emulator.arm.fields import shown
from emulator.arm.http import MANAGEMENT, ArmRequest, ArmResponse
from emulator.arm.ids import subscription_of
from emulator.arm.operations import Operations
from emulator.defaults import SUBSCRIPTION
from emulator.services.monitor.activity_event import (
    ACCEPTED,
    Event,
    answered,
    begun,
    ended,
    written,
)
from emulator.services.monitor.activity_filter import KEPT_FOR, ActivityFilter, read_filter
from emulator.store import Store

LOGGED = frozenset({"PUT", "PATCH", "POST", "DELETE"})
PAGE = 200  # entries
# Entries older than KEPT_FOR are forgotten, and all but the newest of so many.
MOST_KEPT, PRUNE_EVERY = 20_000, 500
# https://learn.microsoft.com/rest/api/monitor/event-categories/list
CATEGORIES = {
    "Administrative": "Administrative",
    "Security": "Security",
    "ServiceHealth": "Service Health",
    "Alert": "Alert",
    "Recommendation": "Recommendation",
    "Policy": "Policy",
}
_SKIP = re.compile(r"(\d{4}-[\d:T.-]+Z)_(\d{1,18})", re.ASCII)


class ActivityLog:
    ROUTES = (
        (
            "GET",
            "/subscriptions/{subscriptionId}/providers/Microsoft.Insights/eventtypes/management/values",
            "list",
        ),
        ("GET", "/providers/Microsoft.Insights/eventcategories", "list_categories"),
    )

    def __init__(self, store: Store, operations: Operations) -> None:
        self.store = store
        self._inserted = 0
        operations.listeners.append(self.end)

    # What is logged

    def log(self, exchange: ArmExchange) -> None:
        """Write down a change: that it came, and how it was answered."""
        path = exchange.id or exchange.path
        if exchange.method not in LOGGED or not exchange.claims:
            return
        if subscription_of(path) != SUBSCRIPTION:
            return
        operation = self._begun_by(exchange)
        first = begun(exchange)
        goes_on = operation is not None
        answer = answered(first, exchange, goes_on=goes_on)
        with self.store.transaction():
            self._insert(first, "")
            self._insert(answer, exchange.operation_id if goes_on else "")
            if operation and operation["status"] != "InProgress":
                # It has ended before it was answered.
                self._insert(ended(answer, _error(operation["error"])), "")

    def write(self, event: Event) -> None:
        """Write down what no request of a client's has brought about."""
        self._insert(event, "")

    def end(self, operation_id: str, error: ArmError | None) -> None:
        """Write down how what was accepted has ended; within the transaction that ends it."""
        rows = self.store.query(
            "SELECT event FROM activity WHERE operation = ? AND status = ?", operation_id, ACCEPTED
        )
        for row in rows:
            self._insert(ended(json.loads(row["event"]), error), "")

    def _begun_by(self, exchange: ArmExchange) -> Any:
        """The row of the operation that the answer lets its client poll; None where it has none."""
        if not exchange.operation_id or exchange.status >= 400:
            return None
        rows = self.store.query(
            "SELECT status, error FROM operations WHERE id = ?", exchange.operation_id
        )
        return rows[0] if rows else None

    def _insert(self, event: Event, operation: str) -> None:
        self.store.execute(
            "INSERT INTO activity (time, operation, status, level, resource, grouped, provider,"
            " caller, correlation, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            event["eventTimestamp"],
            operation,
            event["status"]["value"],
            event["level"],
            event["resourceId"],
            event["resourceGroupName"],
            event["resourceProviderName"]["value"],
            event["caller"],
            event["correlationId"],
            json.dumps(event),
        )
        self._inserted += 1
        if self._inserted % PRUNE_EVERY == 0:
            self._prune()

    def _prune(self) -> None:
        self.store.execute(
            "DELETE FROM activity WHERE time < ? OR"
            " sequence <= (SELECT max(sequence) - ? FROM activity)",
            written(datetime.now(UTC) - KEPT_FOR),
            MOST_KEPT,
        )

    # What is answered

    async def list(self, request: ArmRequest) -> ArmResponse:
        asked = read_filter(request.query.get("$filter", ""))
        names = _selected(request.query.get("$select", ""))
        rows = [] if asked.nothing else self._rows(asked, _skip(request))
        events = [json.loads(row["event"]) for row in rows[:PAGE]]
        body: dict[str, Any] = {
            "value": [
                {name: event[name] for name in event if not names or name.lower() in names}
                for event in events
            ]
        }
        if len(rows) > PAGE:
            last = rows[PAGE - 1]
            query = {**request.query, "$skipToken": f"{last['time']}_{last['sequence']}"}
            body["nextLink"] = f"{MANAGEMENT}{quote(request.id)}?{urlencode(query)}"
        return ArmResponse(body)

    async def list_categories(self, _request: ArmRequest) -> ArmResponse:
        categories = CATEGORIES.items()
        return ArmResponse({"value": [{"value": n, "localizedValue": w} for n, w in categories]})

    def _rows(self, asked: ActivityFilter, before: tuple[str, int]) -> Sequence[Any]:
        """A page of the newest entries that come after `before` in the list, and one more."""
        tests, values = "", []
        for column, texts in asked.columns.items():
            tests += f" AND {column} COLLATE NOCASE IN ({', '.join('?' * len(texts))})"
            values += texts
        return self.store.query(
            "SELECT time, sequence, event FROM activity WHERE time >= ? AND time <= ?"
            f" AND (time, sequence) < (?, ?){tests} ORDER BY time DESC, sequence DESC LIMIT ?",
            *(asked.since, asked.until, *before, *values, PAGE + 1),
        )


def _skip(request: ArmRequest) -> tuple[str, int]:
    token = request.query.get("$skipToken")
    if token is None:
        return "9999", 0
    found = _SKIP.fullmatch(token)
    if not found:
        raise bad_request(f"$skipToken {shown(token)} is none of this list.", code="BadRequest")
    return found[1], int(found[2])


def _selected(text: str) -> frozenset[str]:
    """The names, in lower case, that entries are shown with; none stands for all.

    Raises ArmError 400 for one that entries do not have.
    """
    names = frozenset(name.strip().lower() for name in text.split(",") if name.strip())
    if unknown := names - _FIELDS:
        raise bad_request(
            f"$select names what entries of the activity log do not have: {shown(min(unknown))}.",
            code="BadRequest",
        )
    return names


# What an entry of Azure's may have.
# https://learn.microsoft.com/rest/api/monitor/activity-logs/list#eventdata
_FIELDS = frozenset(
    (
        *("authorization", "caller", "category", "claims", "correlationid", "description"),
        *("eventdataid", "eventname", "eventtimestamp", "httprequest", "id", "level"),
        *("operationid", "operationname", "properties", "resourcegroupname", "resourceid"),
        *("resourceprovidername", "resourcetype", "status", "submissiontimestamp", "substatus"),
        *("subscriptionid", "tenantid"),
    )
)


def _error(text: str | None) -> ArmError | None:
    if not text:
        return None
    error = json.loads(text)
    return ArmError(error.get("status", 500), error["code"], error["message"])
