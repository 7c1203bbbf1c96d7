"""Where the resources of Microsoft.App are, and the host names that go with them.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/
"""

from __future__ import annotations

from emulator.arm.ids import name_of, resource_group_of, subscription_of

PROVIDER = "Microsoft.App"
_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
_GROUP = _SUBSCRIPTION + "/resourceGroups/{resourceGroupName}"

LOCATION = f"{_SUBSCRIPTION}/providers/{PROVIDER}/locations/{{location}}"
SUBSCRIPTION_ENVIRONMENTS = f"{_SUBSCRIPTION}/providers/{PROVIDER}/managedEnvironments"
ENVIRONMENTS = f"{_GROUP}/providers/{PROVIDER}/managedEnvironments"
ENVIRONMENT = ENVIRONMENTS + "/{environmentName}"
SUBSCRIPTION_APPS = f"{_SUBSCRIPTION}/providers/{PROVIDER}/containerApps"
APPS = f"{_GROUP}/providers/{PROVIDER}/containerApps"
APP = APPS + "/{containerAppName}"
REVISIONS = APP + "/revisions"
REVISION = REVISIONS + "/{revisionName}"
REPLICAS = REVISION + "/replicas"
REPLICA = REPLICAS + "/{replicaName}"

ENVIRONMENT_TYPE = f"{PROVIDER}/managedEnvironments"
APP_TYPE = f"{PROVIDER}/containerApps"
REVISION_TYPE = f"{APP_TYPE}/revisions"

APP_SUFFIX = ".azurecontainerapps.io"
STREAM_SUFFIX = ".azurecontainerapps.dev"


def stream_url(app_id: str, location: str) -> str:
    """Where an app's logs are streamed from; what is streamed follows in the path."""
    return (
        f"https://{location}{STREAM_SUFFIX}/subscriptions/{subscription_of(app_id)}"
        f"/resourceGroups/{resource_group_of(app_id)}/containerApps/{name_of(app_id)}"
    )
