"""Where local Azure says things are: the one tenant, subscription, group, workspace and region."""

TENANT = "00000000-0000-4000-8000-00000000000a"
CLIENT_ID = "00000000-0000-4000-8000-00000000000c"
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
RESOURCE_GROUP = "rg-deploying-models"
WORKSPACE = "mlw-deploying-models"
STORAGE_ACCOUNT = "stdeployingmodels"
REGION = "westeurope"

# Azure's own domains. A name below one of these never leaves the machine: it is served here or
# answered 501, so that a local notebook cannot reach the real cloud by accident.
AZURE_DOMAINS = (
    "azure.com",
    "azure.net",
    "azurecr.io",
    "azurecontainer.io",
    "azurecontainerapps.dev",
    "azurecontainerapps.io",
    "azureml.ms",
    "azureml.net",
    "azurewebsites.net",
    "loganalytics.io",
    "microsoftonline.com",
    "windows.net",
    "graph.microsoft.com",
    "login.microsoft.com",
    "dc.services.visualstudio.com",
)

# Where a program in Azure asks for its managed identity's tokens; only its own machine answers.
# https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service
METADATA_HOST = "169.254.169.254"

# Public IPs of container groups come from the ranges for documentation, which nobody has.
# https://www.rfc-editor.org/rfc/rfc5737
PUBLIC_RANGES = ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24")
