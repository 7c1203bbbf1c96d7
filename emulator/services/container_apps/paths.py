"""Where the resources of Microsoft.App are, and the host names that go with them.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/
"""

from __future__ import annotations

from emulator.arm.ids import name_of, resource_group_of, subscription_of

PROVIDER = "Microsoft.App"
_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
_GROUP = _SUBSCRIPTION + "/resourceGroups/{resourceGroupName}"

LOCATION = f"{_SUBSCRIPTION}/providers/{PROVIDER}/locations/{{location}}"
VERIFICATION_ID = f"{_SUBSCRIPTION}/providers/{PROVIDER}/getCustomDomainVerificationId"
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
SUBSCRIPTION_JOBS = f"{_SUBSCRIPTION}/providers/{PROVIDER}/jobs"
JOBS = f"{_GROUP}/providers/{PROVIDER}/jobs"
JOB = JOBS + "/{jobName}"
EXECUTIONS = JOB + "/executions"
EXECUTION = EXECUTIONS + "/{jobExecutionName}"

ENVIRONMENT_TYPE = f"{PROVIDER}/managedEnvironments"
APP_TYPE = f"{PROVIDER}/containerApps"
REVISION_TYPE = f"{APP_TYPE}/revisions"
REPLICA_TYPE = f"{REVISION_TYPE}/replicas"
JOB_TYPE = f"{PROVIDER}/jobs"
EXECUTION_TYPE = f"{JOB_TYPE}/executions"

APP_SUFFIX = ".azurecontainerapps.io"
STREAM_SUFFIX = ".azurecontainerapps.dev"


def stream_url(owner_id: str, location: str, kind: str = "containerApps") -> str:
    """Where the logs of an app or a job are streamed from; what is streamed follows in the path."""
    return (
        f"https://{location}{STREAM_SUFFIX}/subscriptions/{subscription_of(owner_id)}"
        f"/resourceGroups/{resource_group_of(owner_id)}/{kind}/{name_of(owner_id)}"
    )
