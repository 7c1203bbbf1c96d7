"""`properties.appLogsConfiguration` of an environment: where logs go beside the log stream.

A Log Analytics workspace may be named. Nothing arrives in it here, and it answers no queries.

https://learn.microsoft.com/azure/container-apps/log-options
"""

from __future__ import annotations

import re
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.services.container_apps.fields import section

LOG_ANALYTICS = "log-analytics"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def app_logs(given: dict[str, Any]) -> dict[str, Any]:
    """The configuration as it is kept. A shared key is kept as `_sharedKey`, and never shown.

    Raises ArmError 400 naming the field, or 501.
    """
    destination = given.get("destination")
    if destination in (None, "", "none"):
        return {"destination": None, "logAnalyticsConfiguration": None}
    if destination != LOG_ANALYTICS:
        raise not_emulated(
            f"the log destination '{destination}', only {LOG_ANALYTICS} or none (az containerapp "
            f"env create --logs-destination)"
        )
    workspace = section(given, "logAnalyticsConfiguration")
    # A key that was kept comes from the stored body, one that is given from a request.
    key = workspace.get("sharedKey") or workspace.get("_sharedKey")
    if not workspace.get("customerId") or not key:
        raise _invalid(
            "LogAnalyticsConfiguration is invalid. Must provide a valid LogAnalyticsConfiguration: "
            "the customerId of a workspace and its sharedKey."
        )
    if not _GUID.fullmatch(str(workspace["customerId"])):
        raise _invalid(
            "LogAnalyticsConfiguration.CustomerId is invalid. CustomerId must be a GUID without "
            "additional whiteSpace.",
            ".customerId",
        )
    return {
        "destination": LOG_ANALYTICS,
        "logAnalyticsConfiguration": {
            "customerId": workspace["customerId"],
            "sharedKey": None,
            "_sharedKey": str(key),
        },
    }


def _invalid(message: str, field: str = "") -> ArmError:
    return bad_request(
        message,
        code="InvalidRequestParameterWithDetails",
        target=f"properties.appLogsConfiguration.logAnalyticsConfiguration{field}",
    )
