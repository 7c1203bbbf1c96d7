"""Models: files or folders in blob storage under a name and a version.

https://learn.microsoft.com/rest/api/azureml/model-versions
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import Any

from emulator.arm.errors import ArmError
from emulator.arm.fields import Fields
from emulator.services.machine_learning.asset_service import Assets, asset_routes
from emulator.services.machine_learning.blobs import BlobLocation, BlobStorage
from emulator.services.machine_learning.datastores import resolve_uri
from emulator.services.machine_learning.errors import user_error
from emulator.services.machine_learning.mlflow_model import MlflowModelError, read_flavors
from emulator.services.machine_learning.paths import MODELS
from emulator.store import Resource, Store

CUSTOM, MLFLOW, TRITON = TYPES = ("custom_model", "mlflow_model", "triton_model")
# As the api-versions of 2021 name them.
OLDER = {"CustomModel": CUSTOM, "MLFlowModel": MLFLOW, "TritonModel": TRITON}
_VERSION = re.compile(r"0*[1-9]\d{0,8}", re.ASCII)


class Models(Assets):
    ROUTES = asset_routes(MODELS)
    collection = "models"
    noun = "model"
    fixed = ("modelUri", "modelType")

    def __init__(self, store: Store, blobs: BlobStorage) -> None:
        super().__init__(store)
        self.blobs = blobs

    def content(
        self, workspace: Resource, given: Fields, *, new: bool
    ) -> tuple[dict[str, Any], BlobLocation | None]:
        uri, location = resolve_uri(self.store, workspace, given.text("modelUri"))
        if new and not self.blobs.exists(location.account, location.container, location.path):
            raise user_error(
                400,
                f"There is no file or folder '{location.path}' in the container "
                f"'{location.container}', so the model can't be registered. Upload it first, or "
                "give the path of a file or folder on this machine.",
            )
        model_type = given.choice("modelType", (*TYPES, *OLDER), CUSTOM)
        model_type = OLDER.get(model_type, model_type)
        flavors = _flavors_given(given.object("flavors"))
        if model_type == MLFLOW:
            # A folder that is none of MLflow's can be registered, as on Azure, and not be deployed.
            with suppress(MlflowModelError):
                flavors = read_flavors(partial(location.text_of, self.blobs))
        content = {
            "flavors": {name: {"data": settings} for name, settings in flavors.items()},
            "modelType": model_type,
            "modelUri": uri,
            "jobName": given.text("jobName"),
            "stage": given.text("stage") or "Development",
        }
        return content, location

    def check_version(self, version: str) -> None:
        if not _VERSION.fullmatch(version):
            raise user_error(
                400,
                "Model version must be a positive integer.",
                detail=(
                    "ModelVersionOutOfRange",
                    f"'{version}' is not; leave the version out to get the next one.",
                ),
            )

    def missing(self, name: str, version: str = "") -> ArmError:
        what = (
            f"Model with name: {name} and version: {version}"
            if version
            else f"Model container with name: {name}"
        )
        return user_error(
            404,
            "The specified resource was not found.",
            detail=("ModelNotFound", f"{what} not found."),
        )

    def changed(self, name: str, version: str) -> ArmError:
        return user_error(
            400,
            "A model with this name and version already exists. If you are trying to create a new "
            "model, use a different name or version. If you are trying to update an existing "
            "model, the existing model's asset path cannot be changed. Only tags, description "
            "and isArchived can be updated.",
            detail=("ModelVersionExists", f"{name}, version {version}"),
        )


def _flavors_given(flavors: Fields) -> dict[str, dict[str, str]]:
    """What is said of each of the ways to load the model."""
    return {name: flavors.object(name).mapping("data") for name in flavors.names()}
