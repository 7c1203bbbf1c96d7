"""Resource types, paths and host names of Container Instances."""

from __future__ import annotations

PROVIDER = "Microsoft.ContainerInstance"
GROUP_TYPE = f"{PROVIDER}/containerGroups"
SUBSCRIPTION_SCOPE = f"/subscriptions/{{subscriptionId}}/providers/{PROVIDER}"
LOCATION = SUBSCRIPTION_SCOPE + "/locations/{location}"
GROUPS = (
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/" + GROUP_TYPE
)
GROUP = GROUPS + "/{containerGroupName}"
CONTAINER = GROUP + "/containers/{containerName}"
# Where a group's DNS name label lives: {label}.{region}.azurecontainer.io
DNS_SUFFIX = "azurecontainer.io"
# The host that the web sockets of exec and attach end at.
TERMINAL_PREFIX = "bridge-linux-01."
TERMINAL_SUFFIX = ".management.azurecontainer.io"
