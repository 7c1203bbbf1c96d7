"""The entries of the activity log: one for each step of a write, a delete or an action.

    status       when                                    eventName
    Started      the request came                        BeginRequest
    Accepted     it was answered, and goes on            EndRequest
    Succeeded    it was answered, or what it began ended EndRequest
    Failed       likewise; properties say why            EndRequest

https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema#administrative-category
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from emulator.arm.errors import ArmError
from emulator.arm.exchange import CLIENT_REQUEST_ID, ArmExchange
from emulator.arm.http import MANAGEMENT
from emulator.arm.ids import new_guid, resource_group_of, subscription_of
from emulator.arm.masking import mask_text
from emulator.arm.operation_names import name_operation

Event = dict[str, Any]
BEGUN, ACCEPTED, SUCCEEDED, FAILED = "Started", "Accepted", "Succeeded", "Failed"
# .NET's ticks, of a tenth of a microsecond, at the beginning of Unix time. Ids end with them.
_TICKS_AT_EPOCH = 621355968000000000
_IDENTITY = "http://schemas.microsoft.com/identity/claims/"
# Entra ID's names of claims -> those that the activity log has; others keep their name.
_CLAIMS = {"oid": f"{_IDENTITY}objectidentifier", "tid": f"{_IDENTITY}tenantid"}
_NAME_IDENTIFIER = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"


def begun(exchange: ArmExchange) -> Event:
    """The entry of the moment when the request came, from which the later ones are made."""
    path = exchange.id or exchange.path
    named = name_operation(exchange.method, path)
    claims = exchange.claims
    event: Event = {
        "authorization": {"action": named.name, "scope": named.resource_id},
        "caller": str(claims.get("appid", "")),
        "claims": {_CLAIMS.get(name, name): str(value) for name, value in claims.items()},
        "correlationId": exchange.correlation_id,
        "description": "",
        "eventName": {"value": "BeginRequest", "localizedValue": "Begin request"},
        "category": both("Administrative"),
        "httpRequest": {
            "clientRequestId": exchange.header(CLIENT_REQUEST_ID),
            "clientIpAddress": exchange.client_address,
            "method": exchange.method,
            "uri": mask_text(f"{MANAGEMENT}{path}?{exchange.query}"),
        },
        "level": "Informational",
        "resourceGroupName": resource_group_of(named.resource_id),
        "resourceProviderName": both(named.provider),
        "resourceType": both(named.resource_type),
        "resourceId": named.resource_id,
        "operationId": exchange.correlation_id,
        "operationName": {"value": named.name, "localizedValue": named.words},
        "properties": {
            "serviceRequestId": exchange.request_id,
            "eventCategory": "Administrative",
            "entity": named.resource_id,
            "message": named.name,
        },
        "subscriptionId": subscription_of(path),
        "tenantId": str(claims.get("tid", "")),
    }
    if "sub" in claims:
        event["claims"][_NAME_IDENTIFIER] = str(claims["sub"])
    arrived = datetime.fromtimestamp(exchange.arrived, UTC)
    return dated(arrived, event, BEGUN, both(""))


def answered(event: Event, exchange: ArmExchange, *, goes_on: bool) -> Event:
    """The entry of the answer; `goes_on`: it has begun what is polled."""
    status = FAILED if exchange.status >= 400 else ACCEPTED if goes_on else SUCCEEDED
    phrase = _phrase(exchange.status)
    said = {"statusCode": phrase.replace(" ", "")}
    if status == FAILED:
        said["statusMessage"] = mask_text((exchange.sent.content or b"").decode())
    sub_status = {
        "value": said["statusCode"],
        "localizedValue": f"{phrase} (HTTP Status Code: {exchange.status})",
    }
    return dated(datetime.now(UTC), _ended(event, said), status, sub_status)


def ended(event: Event, error: ArmError | None) -> Event:
    """The entry of the end of what `event`, the one of the answer, has accepted."""
    if error is None:
        return dated(datetime.now(UTC), _ended(event, {"statusCode": "OK"}), SUCCEEDED, both(""))
    said = {
        "statusCode": _phrase(error.status).replace(" ", ""),
        "statusMessage": mask_text(json.dumps({"status": FAILED, **error.body()})),
    }
    return dated(datetime.now(UTC), _ended(event, said), FAILED, both(error.code))


def _ended(event: Event, said: dict[str, str]) -> Event:
    end = {"value": "EndRequest", "localizedValue": "End request"}
    return event | {"eventName": end, "properties": event["properties"] | said}


def dated(moment: datetime, event: Event, status: str, sub_status: dict[str, str]) -> Event:
    data_id = new_guid()
    ticks = _TICKS_AT_EPOCH + int(moment.timestamp() * 1_000_000) * 10
    return event | {
        "id": f"{event['resourceId']}/events/{data_id}/ticks/{ticks}",
        "eventDataId": data_id,
        "level": "Error" if status == FAILED else "Informational",
        "status": both(status),
        "subStatus": sub_status,
        "eventTimestamp": written(moment),
        "submissionTimestamp": written(datetime.now(UTC)),
    }


def written(moment: datetime) -> str:
    """A time as the log has it: always of the same length, so that texts compare as times do."""
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


def both(value: str) -> dict[str, str]:
    return {"value": value, "localizedValue": value}


def _phrase(status: int) -> str:
    """The words of a status: Created, Not Found; its number where HTTP has none for it."""
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else str(status)
