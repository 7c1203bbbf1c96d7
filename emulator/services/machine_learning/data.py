"""Data assets: files and folders in blob storage under a name and a version.

https://learn.microsoft.com/rest/api/azureml/data-versions
"""

from __future__ import annotations

from typing import Any

from emulator.arm.errors import ArmError, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest
from emulator.services.machine_learning.asset_service import Assets, asset_routes
from emulator.services.machine_learning.blobs import BlobLocation
from emulator.services.machine_learning.datastores import resolve_uri
from emulator.services.machine_learning.errors import user_error
from emulator.services.machine_learning.paths import DATA
from emulator.store import Resource

TYPES = ("uri_file", "uri_folder")
# As the api-versions of 2021 name them.
OLDER = {"UriFile": "uri_file", "UriFolder": "uri_folder"}


class Data(Assets):
    ROUTES = asset_routes(DATA)
    collection = "data"
    noun = "data asset"
    fixed = ("dataUri", "dataType")

    def content(
        self, workspace: Resource, given: Fields, *, new: bool
    ) -> tuple[dict[str, Any], BlobLocation | None]:
        del new
        data_type = _data_type(given)
        uri, location = resolve_uri(self.store, workspace, given.text("dataUri"))
        return {"dataType": data_type, "dataUri": uri}, location

    def missing(self, name: str, version: str = "") -> ArmError:
        which = f"name: {name}, version: {version}" if version else f"name: {name}"
        return user_error(404, f"Data asset with {which} not found.")

    def changed(self, name: str, version: str) -> ArmError:
        return user_error(
            400,
            "A data version with this name and version already exists. If you are trying to "
            "create a new data version, use a different name or version. If you are trying to "
            "update an existing data version, the existing asset's data uri cannot be changed. "
            "Only tags, description, and isArchived can be updated.",
            detail=("DataVersionExists", f"{name}, version {version}"),
        )

    def _new_container(self, request: ArmRequest, given: Fields) -> Resource:
        """A data container says what type its versions are."""
        container = super()._new_container(request, given)
        container.properties["dataType"] = _data_type(given)
        return container


def _data_type(given: Fields) -> str:
    data_type = given.choice("dataType", (*TYPES, "mltable", *OLDER))
    if data_type is None:
        raise given.missing("dataType")
    data_type = OLDER.get(data_type, data_type)
    if data_type not in TYPES:
        raise not_emulated(f"data assets of the type {data_type}")
    return data_type
