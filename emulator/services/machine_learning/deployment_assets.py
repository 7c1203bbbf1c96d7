"""The assets of a deployment: those that it refers to, and what Azure makes where there is no code.

An MLflow model needs neither code nor environment: its environment is what its folder lists, and
its scoring script is the one of Azure's image (inference_servers/mlflow_score_script.py).

https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models-online-endpoints
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import Any

from emulator.arm.errors import bad_request, not_emulated
from emulator.services.machine_learning.assets import locate, resolve
from emulator.services.machine_learning.blobs import BlobStorage
from emulator.services.machine_learning.deployment_rules import check_environment
from emulator.services.machine_learning.deployment_spec import DeploymentSpec
from emulator.services.machine_learning.environments import Environments
from emulator.services.machine_learning.errors import invalid_request
from emulator.services.machine_learning.mlflow_model import (
    PYFUNC,
    MlflowModel,
    MlflowModelError,
    read_mlflow_model,
)
from emulator.services.machine_learning.models import MLFLOW, TRITON
from emulator.store import Resource, Store

# https://github.com/Azure/azureml-assets/tree/main/assets/inference/environments/mlflow-py312-inference
MLFLOW_IMAGE = "mcr.microsoft.com/azureml/curated/mlflow-py312-inference:latest"
INFERENCE_SERVER = "azureml-inference-server-http"


class DeploymentAssets:
    """`engine`: whether there is a container engine, which environments of a Dockerfile need."""

    def __init__(
        self, store: Store, blobs: BlobStorage, environments: Environments, *, engine: bool
    ) -> None:
        self.engine = engine
        self.store = store
        self.blobs = blobs
        self.environments = environments

    def resolved(
        self, workspace_id: str, spec: DeploymentSpec, claims: dict[str, Any]
    ) -> DeploymentSpec:
        """The spec with the ids of its assets in place of what refers to them, and with the
        environment of its MLflow model where it names none, which is made for the caller of
        `claims` then.

        Raises ArmError: 404 for an asset that does not exist, 501 for one that cannot run here,
        400 for a deployment without code that needs some.
        """
        found: dict[str, Resource] = {}

        def resolve_one(collection: str, reference: str) -> str:
            asset = found[collection] = resolve(self.store, workspace_id, collection, reference)
            return asset.id

        spec = spec.resolved(resolve_one)
        environment = found.get("environments")
        model = None if spec.code else self.without_code(found.get("models"), environment)
        if environment:
            no_build = "" if self.engine else "without a container engine"
            check_environment(
                environment, no_build if spec.code else "and without a scoring script"
            )
        if model is None or environment:
            return spec
        return replace(spec, environment=self.environment_of(model, claims).id)

    def without_code(self, model: Resource | None, environment: Resource | None) -> Resource:
        """The model of a deployment without code. Raises ArmError: it is none of MLflow's."""
        if environment and environment.properties["inferenceConfig"]:
            raise not_emulated(f"deployments of a custom container ('{environment.id}')")
        if model and model.properties["modelType"] == TRITON:
            raise not_emulated(f"deployments of a Triton model ('{model.id}')")
        if model is None or model.properties["modelType"] != MLFLOW:
            # https://learn.microsoft.com/azure/machine-learning/prompt-flow/how-to-deploy-for-real-time-inference#missingdriverprogram-error
            raise invalid_request(
                "MissingDriverProgram", "Could not find driver program in the request."
            )
        return model

    def environment_of(self, model: Resource, claims: dict[str, Any]) -> Resource:
        """The environment of an MLflow model, in which it can be served; the same model always has
        the same one. Raises ArmError 400."""
        conda = self.mlflow_model(model).conda_file(INFERENCE_SERVER)
        version = hashlib.sha256(f"{MLFLOW_IMAGE}\n{conda}".encode()).hexdigest()[:32]
        return self.environments.generated(model, version, MLFLOW_IMAGE, conda, claims)

    def mlflow_model(self, model: Resource) -> MlflowModel:
        """What the model's folder says. Raises ArmError 400 when MLflow can't run what it holds."""
        named = "/".join(model.id.split("/")[-3::2])
        try:
            found = read_mlflow_model(partial(locate(model).text_of, self.blobs))
        except MlflowModelError as error:
            raise bad_request(
                f"The MLflow model '{named}' can't be deployed. {error}", target="properties.model"
            ) from None
        if not found.is_pyfunc:
            # https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models-online-endpoints#deploy-the-model
            raise bad_request(
                f"The MLflow model '{named}' has the flavors {', '.join(found.flavors)}. A scoring "
                f"script and an environment are made for the flavor {PYFUNC} alone: name a code "
                "configuration and an environment.",
                target="properties.model",
            )
        return found
