"""What a lesson needs of earlier ones: created where it is missing.

Nothing here is new: lesson 00 registers the models and environments, lesson 02 makes the endpoint
and lesson 04 the deployment, step by step. When they are there already, these calls only say so.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from helpers.wait import wait

SCORING = Path(__file__).parent.parent / "scoring"
BASE_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
FRAMEWORKS = ("pytorch", "keras")


def ensure_models(ml_client: MLClient) -> None:
    """Train and register `digits-pytorch` and `digits-keras` and their environments (lesson 00)."""
    for framework in FRAMEWORKS:
        name = f"digits-{framework}"
        try:
            ml_client.models.get(name, label="latest")
        except ResourceNotFoundError:
            _train_and_register(ml_client, framework)
        try:
            ml_client.environments.get(f"{name}-env", label="latest")
        except ResourceNotFoundError:
            ml_client.environments.create_or_update(environment(framework))
        print(f"{name} and {name}-env are registered.")


def environment(framework: str) -> Environment:
    """Return what a framework's scoring script needs: a base image and a list of packages."""
    return Environment(
        name=f"digits-{framework}-env",
        image=BASE_IMAGE,
        conda_file=SCORING / framework / "conda.yaml",
    )


def ensure_endpoint(ml_client: MLClient, name: str) -> None:
    """Make an endpoint that is called with a key (lesson 02)."""
    try:
        ml_client.online_endpoints.get(name)
    except ResourceNotFoundError:
        endpoint = ManagedOnlineEndpoint(name=name, auth_mode="key")
        wait(ml_client.online_endpoints.begin_create_or_update(endpoint), f"endpoint {name}")
    print(f"Endpoint {name} is there.")


def ensure_deployment(
    ml_client: MLClient, endpoint_name: str, name: str, framework: str, instance_type: str
) -> None:
    """Make a deployment of the framework's model behind the endpoint (lesson 04)."""
    try:
        found = ml_client.online_deployments.get(name, endpoint_name)
        ready = found.provisioning_state == "Succeeded"
    except ResourceNotFoundError:
        ready = False
    if not ready:
        deployment = ManagedOnlineDeployment(
            name=name,
            endpoint_name=endpoint_name,
            model=ml_client.models.get(f"digits-{framework}", label="latest"),
            environment=ml_client.environments.get(f"digits-{framework}-env", label="latest"),
            code_configuration=CodeConfiguration(
                code=str(SCORING / framework), scoring_script="score.py"
            ),
            instance_type=instance_type,
            instance_count=1,
        )
        deployments = ml_client.online_deployments
        try:
            wait(deployments.begin_create_or_update(deployment), name)
        except HttpResponseError as error:
            # One that failed when it was made takes no update.
            if "Delete and re-create" not in str(error):
                raise
            wait(deployments.begin_delete(name, endpoint_name), f"deleting {name}")
            wait(deployments.begin_create_or_update(deployment), name)
    print(f"Deployment {name} is ready.")


def _train_and_register(ml_client: MLClient, framework: str) -> None:
    name = f"digits-{framework}"
    print(f"Training {name}. This takes a few seconds.")
    with TemporaryDirectory() as folder:
        model = Path(folder) / name
        training = [sys.executable, "-m", "scoring.train", "--framework", framework]
        training += ["--output", str(model)]
        subprocess.run(training, cwd=SCORING.parent, check=True, capture_output=True)
        registered = Model(name=name, path=model, type=AssetTypes.CUSTOM_MODEL)
        ml_client.models.create_or_update(registered)
