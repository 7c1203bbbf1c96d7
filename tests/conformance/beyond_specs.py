"""What is known of Azure beside its OpenAPI files, where an example is not answered as it stands.

An entry has its reason. What is in neither table and differs is wrong.
"""

from __future__ import annotations

# (operation, title): why Azure refuses what the example asks for. The resources that an example
# presupposes are made first; these name what no presupposed resource can be.
REFUSED = {
    # https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-batch-endpoint
    (
        "BatchEndpoints_CreateOrUpdate",
        "CreateOrUpdate Workspace Batch Endpoint.",
    ): "its authMode is AMLToken, where batch endpoints take tokens of Microsoft Entra ID alone",
    (
        "BatchEndpoints_ListKeys",
        "ListKeys Workspace Batch Endpoint.",
    ): "batch endpoints have no keys",
    # https://learn.microsoft.com/azure/container-apps/containers#configuration
    (
        "Jobs_Start",
        "Run a Container Apps Job",
    ): "in 2024-08-02-preview it asks for 0.2 cores with 100Mi, which is no size that there is",
    (
        "CodeVersions_CreateOrUpdate",
        "CreateOrUpdate Workspace Code Version.",
    ): "its codeUri, https://blobStorage/folderName, is no address of a blob",
    (
        "EnvironmentVersions_CreateOrUpdate",
        "CreateOrUpdate Workspace Environment Version.",
    ): "it has an image and a build context, of which an environment has one",
    (
        "Jobs_CreateOrUpdate",
        "Create or Update Container Apps Job",
    ): "in 2024-08-02-preview it mounts a volume, azurefile, that its template does not have",
    # https://learn.microsoft.com/azure/machine-learning/how-to-access-resources-from-endpoints-managed-identities
    (
        "OnlineEndpoints_Update",
        "Update Workspace Online Endpoint.",
    ): "it changes the endpoint's identity, which is fixed once the endpoint is there",
    (
        "Workspaces_CreateOrUpdate",
        "Create Workspace",
    ): "it names a key vault that is not there",
}

# Read-only properties that an answer may lack: they are there only in some states or settings.
NOT_ALWAYS = {
    "identity.principalId": "where there is an identity of the resource's own",
    "identity.tenantId": "where there is an identity of the resource's own",
    "customDomainConfiguration.subjectName": "where there is a certificate",
    "customDomainConfiguration.expirationDate": "where there is a certificate",
    "customDomainConfiguration.thumbprint": "where there is a certificate",
    "instanceView.currentState.exitCode": "where a container has ended",
    "instanceView.currentState.finishTime": "where a container has ended",
    # https://learn.microsoft.com/rest/api/container-instances/container-groups/list
    "containers[].properties.instanceView": "in a group that is asked for by name, not in a list",
    # `az containerapp debug`, which is not emulated.
    "containers[].debugEndpoint": "where a debug console can be opened",
    "containerRegistryCredentials": "where the workspace has a registry",
    "notebookAccessKeys": "where the workspace has notebooks",
    # https://github.com/ansible-collections/azure/blob/dev/plugins/modules/azure_rm_ml_batch_endpoint_info.py
    "properties.swaggerUri": "of an online endpoint",
    "properties.serviceProvisionedResourceGroup": "where it encrypts with a key of its own",
    "properties.privateEndpointConnections": "where there are private endpoints",
}

# Values that Azure answers and the model's list does not have.
VALUES = {
    # https://learn.microsoft.com/azure/container-apps/revisions#running-status
    "RevisionRunningState": {"runningatmaxscale"},
    # Microsoft's own example, ContainerApps_CheckNameAvailability.json.
    "CheckNameAvailabilityReason": {"none"},
}

# (operation, problem): what Azure answers against its model. A job that is a step of another has no
# properties, which is what MLClient knows it by: _is_pipeline_child_job in
# https://github.com/Azure/azure-sdk-for-python/blob/main/sdk/ml/azure-ai-ml/azure/ai/ml/entities/_job/job.py
AGAINST_MODEL = {("Jobs_Get", "the body: 'properties' is required")}
