"""Where a workspace's resources are, in the order of the REST reference.

https://learn.microsoft.com/rest/api/azureml/
"""

from __future__ import annotations

from emulator.arm.http import ArmRequest, expand
from emulator.arm.resources import require
from emulator.store import Resource, Store

PROVIDER = "Microsoft.MachineLearningServices"
_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
_GROUP = _SUBSCRIPTION + "/resourceGroups/{resourceGroupName}"

LOCATION = f"{_SUBSCRIPTION}/providers/{PROVIDER}/locations/{{location}}"
SUBSCRIPTION_WORKSPACES = f"{_SUBSCRIPTION}/providers/{PROVIDER}/workspaces"
WORKSPACES = f"{_GROUP}/providers/{PROVIDER}/workspaces"
WORKSPACE = WORKSPACES + "/{workspaceName}"

DATASTORES = WORKSPACE + "/datastores"
DATASTORE = DATASTORES + "/{name}"
COMPUTES = WORKSPACE + "/computes"
COMPUTE = COMPUTES + "/{computeName}"
CODES = WORKSPACE + "/codes"
DATA = WORKSPACE + "/data"
ENVIRONMENTS = WORKSPACE + "/environments"
MODELS = WORKSPACE + "/models"
ONLINE_ENDPOINTS = WORKSPACE + "/onlineEndpoints"
ONLINE_ENDPOINT = ONLINE_ENDPOINTS + "/{endpointName}"
ONLINE_DEPLOYMENTS = ONLINE_ENDPOINT + "/deployments"
ONLINE_DEPLOYMENT = ONLINE_DEPLOYMENTS + "/{deploymentName}"
BATCH_ENDPOINTS = WORKSPACE + "/batchEndpoints"
BATCH_ENDPOINT = BATCH_ENDPOINTS + "/{endpointName}"
BATCH_DEPLOYMENTS = BATCH_ENDPOINT + "/deployments"
BATCH_DEPLOYMENT = BATCH_DEPLOYMENTS + "/{deploymentName}"
JOBS = WORKSPACE + "/jobs"
JOB = JOBS + "/{id}"

WORKSPACE_TYPE = f"{PROVIDER}/workspaces"
DATASTORE_TYPE = f"{WORKSPACE_TYPE}/datastores"
COMPUTE_TYPE = f"{WORKSPACE_TYPE}/computes"
ONLINE_ENDPOINT_TYPE = f"{WORKSPACE_TYPE}/onlineEndpoints"
ONLINE_DEPLOYMENT_TYPE = f"{ONLINE_ENDPOINT_TYPE}/deployments"
BATCH_ENDPOINT_TYPE = f"{WORKSPACE_TYPE}/batchEndpoints"
BATCH_DEPLOYMENT_TYPE = f"{BATCH_ENDPOINT_TYPE}/deployments"
JOB_TYPE = f"{WORKSPACE_TYPE}/jobs"


def container_of(assets: str) -> str:
    """The template of one asset container, e.g. of a model's name."""
    return f"{assets}/{{name}}"


def versions_of(assets: str) -> str:
    return f"{container_of(assets)}/versions"


def version_of(assets: str) -> str:
    return f"{versions_of(assets)}/{{version}}"


def require_workspace(store: Store, request: ArmRequest) -> Resource:
    """The workspace that a call is about. Raises ArmError 404 when it does not exist."""
    return require(store, expand(WORKSPACE, request.params))
