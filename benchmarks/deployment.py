"""From PUT of a deployment to the first 200 of its /score."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from azure.identity import DefaultAzureCredential

from benchmarks.arm import GROUP_URL, arm, quiet
from benchmarks.figures import Figure
from benchmarks.processes import (
    SCORING,
    free_port,
    inference_server,
    local_azure,
    process,
    scratch,
    trained_model,
    wait_for,
)
from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from emulator.home import Home

ENDPOINT, DEPLOYMENT = "benchmark", "blue"
DIGIT = {"data": [[0] * 64]}
POLL = 0.02  # seconds; asking more often would take the time of what is asked
READ_ONLY = ("provisioningState", "properties")


def measure(samples: int) -> Figure:
    figure = Figure(
        "deployment",
        measures="a deployment from its PUT to the first 200 of /score, local Azure just started",
        against="azureml-inference-server-http started by hand on the same script",
        unit="s",
        aim=1.15,
        better="lower",
    )
    warm: list[float] = []
    with scratch() as folder:
        home = Home(folder / "azure")
        model = trained_model(folder)
        with local_azure(home), quiet():
            body = register(model)
        for _ in range(samples):
            with local_azure(home):
                cold = deploy(body)
                # The framework is loaded by now, as for every deployment after the first.
                warm.append(round(deploy(body), 3))
            figure.add(cold, start_by_hand(model, folder))
    figure.details["second deployment of an environment, seconds"] = warm
    return figure


def register(model: Path) -> dict[str, Any]:
    """Upload model and code with the SDK; answers the body of the PUT that deploys them."""
    client = MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)
    endpoint = ManagedOnlineEndpoint(name=ENDPOINT, auth_mode="key")
    client.online_endpoints.begin_create_or_update(endpoint).result()
    deployment = ManagedOnlineDeployment(
        name=DEPLOYMENT,
        endpoint_name=ENDPOINT,
        model=Model(path=str(model), name="digits-pytorch"),
        environment=Environment(
            image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest",
            conda_file=str(SCORING / "conda.yaml"),
        ),
        code_configuration=CodeConfiguration(code=str(SCORING), scoring_script="score.py"),
        instance_type="Standard_D4as_v4",
        instance_count=1,
    )
    client.online_deployments.begin_create_or_update(deployment).result()
    with arm() as session:
        shown = session.get(deployment_url()).json()
        delete(session)
    for name in READ_ONLY:
        shown["properties"].pop(name, None)
    return {
        name: shown[name] for name in ("location", "sku", "properties", "identity") if name in shown
    }


def deploy(body: dict[str, Any]) -> float:
    """Seconds from the PUT to the first prediction."""
    with arm() as session, requests.Session() as client:
        keys = session.post(f"{endpoint_url()}/listKeys{VERSION}").json()
        client.headers["Authorization"] = f"Bearer {keys['primaryKey']}"
        client.headers["azureml-model-deployment"] = DEPLOYMENT
        uri = session.get(f"{endpoint_url()}{VERSION}").json()["properties"]["scoringUri"]
        began = time.perf_counter()
        answer = session.put(deployment_url(), json=body)
        if not answer.ok:
            raise RuntimeError(answer.text)
        wait_for(lambda: client.post(uri, json=DIGIT).ok, "the deployment", POLL)
        taken = time.perf_counter() - began
        delete(session)
    return taken


def start_by_hand(model: Path, folder: Path) -> float:
    port = free_port()
    command, variables = inference_server(port, model)
    url = f"http://127.0.0.1:{port}/score"
    with requests.Session() as client:
        client.trust_env = False
        began = time.perf_counter()
        with process(command, folder / "by-hand.log", **variables):
            wait_for(lambda: client.post(url, json=DIGIT).ok, "the inference server", POLL)
            return time.perf_counter() - began


VERSION = "?api-version=2023-04-01"


def endpoint_url() -> str:
    return (
        f"{GROUP_URL}/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
        f"/onlineEndpoints/{ENDPOINT}"
    )


def deployment_url() -> str:
    return f"{endpoint_url()}/deployments/{DEPLOYMENT}{VERSION}"


def delete(session: requests.Session) -> None:
    # A deployment that is still being created may not be deleted yet.
    wait_for(
        lambda: session.delete(deployment_url()).status_code in (202, 204), "the deletion's start"
    )
    wait_for(lambda: session.get(deployment_url()).status_code == 404, "the deletion")
