"""What goes on in a long-running operation, as far as a client of Azure can see it.

The operation itself says `InProgress` and nothing else. For a deployment its log says more: it
begins with the state of four steps, on live Azure and on local Azure. This asks for what
`ml_client.online_deployments.get_logs` returns, with the client that polls the operation.
https://learn.microsoft.com/powershell/module/az.machinelearningservices/get-azmlworkspaceonlinedeploymentlog
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest

# The steps in their order, and what Azure does in each.
STEPS = {
    "SystemSetup": "setting up the machine",
    "UserContainerImagePull": "fetching the image",
    "ModelDownload": "downloading the model",
    "UserContainerStart": "starting the server",
}
DEPLOYMENT = re.compile(
    r"/onlineEndpoints/[^/?]+/deployments/(?P<name>[^/?]+)(?=\?)", re.IGNORECASE
)
# Nothing is tried again here: the operation's own polls tell what is wrong.
ONCE: dict[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 10}


@dataclass(frozen=True)
class Deployment:
    """The online deployment that an operation is about."""

    name: str
    url: str
    client: Any  # an azure.core.PipelineClient: each SDK has one of its own

    def log(self, lines: int) -> str:
        """Return the end of the server's log, its steps first; "" where there is none to be had."""
        url = self.url.replace("?", "/getLogs?", 1)
        request = HttpRequest("POST", url, json={"tail": lines, "containerType": "InferenceServer"})
        try:
            response = self.client.send_request(request, **ONCE)
            response.raise_for_status()
            return str(response.json().get("content") or "")
        except (AzureError, ValueError):
            return ""

    def step(self) -> tuple[int, str]:
        """Return how many steps are done, and what Azure does now, "" if nothing is told."""
        states = dict(re.findall(r"^(\w+): (\w+)$", self.log(lines=1), re.MULTILINE))
        done = sum(states.get(step) == "Succeeded" for step in STEPS)
        for step, doing in STEPS.items():
            if states and states.get(step) != "Succeeded":
                return done, doing
        return done, ""


def find_deployment(poller: LROPoller[Any]) -> Deployment | None:
    """Return the deployment that is created or changed, None where it is anything else."""
    method = poller.polling_method()
    # The SDK has no public way to the request that began the operation.
    began = getattr(getattr(method, "_initial_response", None), "http_request", None)
    client = getattr(method, "_client", None)
    if began is None or client is None or began.method == "DELETE":
        return None
    found = DEPLOYMENT.search(began.url)
    return Deployment(found["name"], began.url, client) if found else None
