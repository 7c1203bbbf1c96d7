"""The clients with which a container is made."""

import argparse
from dataclasses import dataclass

from azure.ai.ml import MLClient
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient

from scoring.script import open_workspace, sign_in

# Marks what these scripts made, so that --delete removes nothing else.
MADE_BY = {"made-by": "create_container"}


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


def connect(options: argparse.Namespace) -> Azure:
    """Return the clients, once the credential and the workspace have been seen."""
    credential = sign_in()
    models, location = open_workspace(credential, options)
    subscription = options.subscription_id
    return Azure(
        options.resource_group,
        location,
        models,
        ContainerRegistryManagementClient(credential, subscription),
        ContainerRegistryTasksMgmtClient(credential, subscription),
        ContainerInstanceManagementClient(credential, subscription),
        ContainerAppsAPIClient(credential, subscription),
    )
