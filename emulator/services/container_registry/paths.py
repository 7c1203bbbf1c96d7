"""Resource types, paths and host names of the container registry."""

from __future__ import annotations

REGISTRY_TYPE = "Microsoft.ContainerRegistry/registries"
RUN_TYPE = "Microsoft.ContainerRegistry/registries/runs"
SUBSCRIPTION_SCOPE = "/subscriptions/{subscriptionId}/providers/Microsoft.ContainerRegistry"
REGISTRIES = (
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/" + REGISTRY_TYPE
)
REGISTRY = REGISTRIES + "/{registryName}"
RUNS = REGISTRY + "/runs"
RUN = RUNS + "/{runId}"
LOGIN_SUFFIX = ".azurecr.io"


def login_server(registry_name: str) -> str:
    """The registry's host name: registry names keep their case, host names have none."""
    return f"{registry_name.lower()}{LOGIN_SUFFIX}"
