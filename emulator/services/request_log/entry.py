"""One request as the log shows it: nothing in it is a secret (emulator/arm/masking.py).

It is made when somebody looks: what is kept of a request is what came and went.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from emulator.arm.exchange import CLIENT_REQUEST_ID, LARGEST_KEPT, USER_AGENT, ArmExchange, Body
from emulator.arm.http import MANAGEMENT
from emulator.arm.ids import name_of
from emulator.arm.masking import issues_secrets, mask, mask_text
from emulator.arm.operation_names import name_operation
from emulator.services.request_log.sender import read_sender


def entry(exchange: ArmExchange, request_id: str) -> dict[str, Any]:
    """A request without its bodies; `request_id` is the id that it has in the log."""
    sender = read_sender(exchange.header(USER_AGENT))
    named = name_operation(exchange.method, exchange.id or exchange.path)
    shown = {
        "sequence": int(name_of(request_id)),
        "id": request_id,
        "time": datetime.fromtimestamp(exchange.arrived, UTC).isoformat().replace("+00:00", "Z"),
        "method": exchange.method,
        "url": mask_text(
            f"{MANAGEMENT}{exchange.path}{'?' * bool(exchange.query)}{exchange.query}"
        ),
        "operationName": {"value": named.name, "localizedValue": named.words},
        "resourceId": named.resource_id,
        "caller": str(exchange.claims.get("appid", "")),
        # What a managed identity belongs to, or is.
        "callerName": name_of(str(exchange.claims.get("xms_mirid", ""))),
        "client": sender.product,
        "kernel": sender.kernel,
        "notebook": sender.notebook,
        "status": exchange.status,
        "milliseconds": round(exchange.milliseconds, 2),
        "requestId": exchange.request_id,
        "correlationId": exchange.correlation_id,
        "clientRequestId": exchange.header(CLIENT_REQUEST_ID),
        "requestBytes": exchange.received.size,
        "responseBytes": exchange.sent.size,
    }
    if exchange.status >= 400 and (error := _error(exchange.sent)):
        shown["error"] = error
    return shown


def whole(exchange: ArmExchange, request_id: str) -> dict[str, Any]:
    """The request with its bodies."""
    issued = exchange.method == "POST" and issues_secrets(exchange.path)
    return {
        **entry(exchange, request_id),
        "userAgent": mask_text(exchange.header(USER_AGENT)),
        "request": _body(exchange.received),
        "response": _body(exchange.sent, issued=issued and exchange.status < 400),
    }


def _body(body: Body, *, issued: bool = False) -> dict[str, Any]:
    if body.content is None:
        return {"omitted": f"larger than {LARGEST_KEPT // 1024} KB"}
    if not body.content:
        return {"body": None}
    try:
        return {"body": mask(json.loads(body.content), issued=issued)}
    except (ValueError, RecursionError):
        # Of what is no JSON, the fields with secrets are not known.
        return {"omitted": "not JSON"}


def _error(body: Body) -> dict[str, str] | None:
    """Code and message of an answer in Resource Manager's shape of an error."""
    match json.loads(body.content or b"null"):
        case {"error": {"code": str(code), "message": str(message)}}:
            return {"code": code, "message": mask_text(message)}
    return None
