"""The clients with which a container is made, and how a script tells what went wrong."""

from dataclasses import dataclass
from enum import IntEnum

from azure.ai.ml import MLClient
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient

# Marks what these scripts made, so that --delete removes nothing else.
MADE_BY = {"made-by": "create_container"}


class Exit(IntEnum):
    """The script's exit codes. 2 is argparse's own: the command line is not right."""

    OK = 0
    AZURE = 1
    USAGE = 2
    CREDENTIAL = 3
    PLACE = 4
    MODEL = 5
    BUILD = 6
    CONTAINER = 7
    PREDICTION = 8


class ScriptError(Exception):
    """What went wrong and what to do about it, with the exit code that goes with it."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


def reason(error: AzureError) -> str:
    """Return an error's text once: the SDK repeats it as "Code:" and "Message:" lines."""
    return str(error.message).partition("\nCode: ")[0]


@dataclass(frozen=True)
class Azure:
    """The clients, and where they work."""

    resource_group: str
    location: str
    models: MLClient
    registries: ContainerRegistryManagementClient
    tasks: ContainerRegistryTasksMgmtClient
    instances: ContainerInstanceManagementClient
    apps: ContainerAppsAPIClient


def connect(subscription_id: str, resource_group: str, workspace: str) -> Azure:
    """Return the clients, once the credential and the workspace have been seen."""
    credential = DefaultAzureCredential()
    try:
        credential.get_token("https://management.azure.com/.default")
    except ClientAuthenticationError as error:
        raise ScriptError(
            Exit.CREDENTIAL,
            "No credential works. Sign in with `az login`, or set AZURE_TENANT_ID, "
            f"AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.\n{reason(error)}",
        ) from error
    models = MLClient(credential, subscription_id, resource_group, workspace)
    try:
        location = str(models.workspaces.get(workspace).location)
    except HttpResponseError as error:
        raise ScriptError(
            Exit.PLACE,
            f"Workspace {workspace} in resource group {resource_group} cannot be opened. Compare "
            "its coordinates with config.json from Azure ML studio, and check that you have "
            f"access.\n{reason(error)}",
        ) from error
    return Azure(
        resource_group,
        location,
        models,
        ContainerRegistryManagementClient(credential, subscription_id),
        ContainerRegistryTasksMgmtClient(credential, subscription_id),
        ContainerInstanceManagementClient(credential, subscription_id),
        ContainerAppsAPIClient(credential, subscription_id),
    )
