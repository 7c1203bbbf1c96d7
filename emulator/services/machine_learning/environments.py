"""Environments: an image and the packages on top of it, under a name and a version.

https://learn.microsoft.com/rest/api/azureml/environment-versions
"""

from __future__ import annotations

import json
from typing import Any

from emulator.arm.errors import ArmError, conflict
from emulator.services.machine_learning.answers import section
from emulator.services.machine_learning.asset_service import Assets, asset_routes
from emulator.services.machine_learning.blobs import BlobLocation
from emulator.services.machine_learning.curated import VERSION, WORKSPACE
from emulator.services.machine_learning.datastores import resolve_uri
from emulator.services.machine_learning.errors import user_error
from emulator.services.machine_learning.paths import ENVIRONMENTS
from emulator.store import Resource

# Names that begin so are curated.
RESERVED = "AzureML"


class Environments(Assets):
    ROUTES = asset_routes(ENVIRONMENTS)
    collection = "environments"
    noun = "environment"
    fixed = ("image", "condaFile", "build", "inferenceConfig", "osType")
    lists_anonymous = True

    def seed(self, workspace: Resource) -> None:
        """The curated environments, in every workspace."""
        for environment in WORKSPACE:
            container_id = f"{workspace.id}/{self.collection}/{environment.name}"
            container = Resource(container_id, self.container_type, environment.container())
            self.store.put(container)
            version_id = f"{container_id}/versions/{VERSION}"
            self.store.put(Resource(version_id, self.version_type, environment.version()))

    def content(
        self, workspace: Resource, given: dict[str, Any], *, new: bool
    ) -> tuple[dict[str, Any], BlobLocation | None]:
        del new
        image, build = given.get("image"), section(given, "build") or None
        if not image and not build:
            raise user_error(
                400, "An environment needs a base image, or a build context with a Dockerfile."
            )
        if image and build:
            raise user_error(
                400, "An environment has either an image or a build context, not both."
            )
        location = None
        if build:
            uri, location = resolve_uri(self.store, workspace, build.get("contextUri"))
            path = build.get("dockerfilePath") or "Dockerfile"
            build = {"contextUri": uri, "dockerfilePath": path}
        content = {
            "environmentType": "UserCreated",
            "image": image,
            "build": build,
            "condaFile": _conda_as_json(given.get("condaFile")),
            "osType": given.get("osType") or "Linux",
            "inferenceConfig": given.get("inferenceConfig"),
            "autoRebuild": given.get("autoRebuild") or "Disabled",
            "stage": given.get("stage") or "Development",
        }
        return content, location

    def missing(self, name: str, version: str = "") -> ArmError:
        return user_error(
            404, f"No environment exists for name: {name}, version: {version}, label: "
        )

    def changed(self, name: str, version: str) -> ArmError:
        # With this status the SDK goes on to the next version, if it was given none.
        return conflict(
            f"Environment {name} with version {version} is already registered and cannot be "
            "changed.",
            code="UserError",
        )

    def _check_name(self, name: str) -> None:
        super()._check_name(name)
        if name.startswith(RESERVED):
            raise user_error(
                400,
                f"Environment name can not start with the prefix {RESERVED}. To alter a curated "
                "environment first create a copy of it.",
            )


def _conda_as_json(conda: object) -> str:
    """The conda file as Azure keeps it: its YAML rewritten as JSON. Raises ArmError 400."""
    if not conda:
        return ""
    import yaml  # here: it takes a tenth of the emulator's start, and few starts need it

    try:
        content = yaml.safe_load(str(conda))
    except yaml.YAMLError as error:
        raise user_error(400, f"The conda file is not YAML: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("dependencies", []), list):
        raise user_error(
            400,
            "The conda file must be a mapping with a list of dependencies, see "
            "https://docs.conda.io/projects/conda/en/latest/user-guide/tasks/manage-environments.html",
        )
    return json.dumps(content, indent=2)
