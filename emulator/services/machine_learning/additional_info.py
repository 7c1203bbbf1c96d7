"""What Azure Machine Learning's front end adds to each of its errors.

As Azure's SDK prints them, for example: https://github.com/Azure/azure-sdk-for-python/issues/39772
https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from emulator.arm.errors import ArmError, ResourceManagerError
from emulator.arm.http import ArmRequest, expand
from emulator.defaults import REGION
from emulator.services.machine_learning.paths import PROVIDER, WORKSPACE
from emulator.store import Store

COMPONENT = "managementfrontend"
_KINDS = {400: "BadArgument", 404: "NotFound", 409: "Conflict"}


def add_info(store: Store, error: ArmError, request: ArmRequest) -> None:
    """Add it to an error of machine learning's; Resource Manager's own has none of it."""
    if f"/providers/{PROVIDER}/" not in request.id or isinstance(error, ResourceManagerError):
        return
    workspace = None
    if "workspaceName" in request.params:
        workspace = store.get(expand(WORKSPACE, request.params))
    region = str(workspace.body["location"]) if workspace else REGION
    values: dict[str, Any] = {
        "ComponentName": COMPONENT,
        "Correlation": {"operation": secrets.token_hex(16), "request": secrets.token_hex(8)},
        "Environment": region,
        "Location": region,
        "Time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}0+00:00",
    }
    if error.code == "UserError":
        within = error.details[0]["code"] if error.details else None
        values["InnerError"] = {
            "code": _KINDS.get(error.status, "BadArgument"),
            "innerError": {"code": within, "innerError": None} if within else None,
        }
    error.additional_info = [
        {"type": name, "info": {"value": value}} for name, value in values.items()
    ]
