"""Where autoscale settings are in Resource Manager."""

from __future__ import annotations

AUTOSCALE_TYPE = "Microsoft.Insights/autoscaleSettings"
_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
AUTOSCALE_OF_SUBSCRIPTION = f"{_SUBSCRIPTION}/providers/{AUTOSCALE_TYPE}"
AUTOSCALE_SETTINGS = (
    _SUBSCRIPTION + "/resourceGroups/{resourceGroupName}/providers/" + AUTOSCALE_TYPE
)
AUTOSCALE_SETTING = AUTOSCALE_SETTINGS + "/{autoscaleSettingName}"
