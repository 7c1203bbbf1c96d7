"""Environments: an image and the packages on top of it, under a name and a version.

https://learn.microsoft.com/rest/api/azureml/environment-versions
"""

from __future__ import annotations

import json
from typing import Any

from emulator.arm.errors import ArmError, conflict, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest
from emulator.arm.ids import parent_of, stable_guid, system_data
from emulator.services.machine_learning.asset_service import AssetNotes, Assets, asset_routes
from emulator.services.machine_learning.blobs import BlobLocation
from emulator.services.machine_learning.curated import PRIVATE, RESERVED, VERSION, WORKSPACE
from emulator.services.machine_learning.datastores import resolve_uri
from emulator.services.machine_learning.errors import user_error
from emulator.services.machine_learning.paths import ENVIRONMENTS
from emulator.services.machine_learning.yaml_text import read_yaml
from emulator.store import Resource

REBUILDS = ("Disabled", "OnBaseImageUpdate")
STAGE = "Development"


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
            container = Resource(
                container_id, self.container_type, environment.container(), dict(PRIVATE)
            )
            version = Resource(
                f"{container_id}/versions/{VERSION}",
                self.version_type,
                environment.version(),
                dict(PRIVATE),
            )
            self.store.put(container)
            self.store.put(version)

    def generated(
        self, model: Resource, version: str, image: str, conda: str, claims: dict[str, Any]
    ) -> Resource:
        """The environment that Azure makes for a model, as a version of one that the model has for
        itself. `conda` is a conda file as JSON. One that is there already stays."""
        workspace_id, model_id = parent_of(model.id, 2), parent_of(model.id)
        container_id = f"{workspace_id}/{self.collection}/{stable_guid(model_id)}"
        version_id = f"{container_id}/versions/{version}"
        if found := self.store.get(version_id):
            return found
        notes, said = AssetNotes(None, {}, {}, archived=False).to_body(), system_data(claims)
        container = Resource(
            container_id,
            self.container_type,
            {"properties": notes, "systemData": said},
            {"anonymous": True},
        )
        content = {
            **notes,
            "isAnonymous": True,
            **_content(image=image, conda=conda),
            "provisioningState": "Succeeded",
        }
        made = Resource(
            version_id, self.version_type, {"properties": content, "systemData": said}, {}
        )
        with self.store.transaction():
            if self.store.get(container_id) is None:
                self.store.put(container)
            return self.store.put(made)

    def content(
        self, workspace: Resource, given: Fields, *, new: bool
    ) -> tuple[dict[str, Any], BlobLocation | None]:
        del new
        image, build = given.text("image") or None, given.object("build")
        if not image and not build.value:
            raise user_error(
                400, "An environment needs a base image, or a build context with a Dockerfile."
            )
        if image and build.value:
            raise user_error(
                400,
                "More than one of BaseImage, BaseDockerfile, and BuildContext were set; these are "
                "mutually exclusive properties.",
            )
        location, context = None, None
        if build.value:
            uri, location = resolve_uri(self.store, workspace, build.text("contextUri"))
            file = build.text("dockerfilePath") or "Dockerfile"
            context = {"contextUri": uri, "dockerfilePath": file}
        if given.choice("osType", ("Linux", "Windows"), "Linux") != "Linux":
            raise not_emulated("environments for Windows")
        content = _content(
            image=image,
            conda=_conda_as_json(given),
            build=context,
            routes=_read_routes(given.object("inferenceConfig")),
            # Neither has an effect that can be seen, here or on Azure.
            rebuild=given.choice("autoRebuild", REBUILDS, REBUILDS[0]),
            stage=given.text("stage") or STAGE,
        )
        return content, location

    def missing(self, name: str, version: str = "") -> ArmError:
        if version and name.startswith(f"{RESERVED}-"):
            return not_emulated(f"the curated environment '{name}:{version}'")
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

    def _container(self, request: ArmRequest) -> Resource:
        # Of a curated name that is not here there may well be versions on Azure. The name itself
        # the SDK looks for when it is to make an environment, which is then refused.
        name = request.params["name"]
        try:
            return super()._container(request)
        except ArmError as error:
            if name.startswith(f"{RESERVED}-") and not request.id.endswith(f"/{name}"):
                raise not_emulated(f"the curated environment '{name}'") from error
            raise

    def _check_name(self, name: str) -> None:
        super()._check_name(name)
        if name.startswith(RESERVED):
            raise user_error(
                400,
                f"Environment name can not start with the prefix {RESERVED}. To alter a curated "
                "environment first create a copy of it.",
            )


def _content(
    *,
    image: str | None,
    conda: str,
    build: dict[str, str] | None = None,
    routes: dict[str, Any] | None = None,
    rebuild: str = REBUILDS[0],
    stage: str = STAGE,
) -> dict[str, Any]:
    """The properties of a version that say how it is made."""
    return {
        "environmentType": "UserCreated",
        "image": image,
        "build": build,
        "condaFile": conda,
        "osType": "Linux",
        "inferenceConfig": routes,
        "autoRebuild": rebuild,
        "stage": stage,
    }


def _read_routes(config: Fields) -> dict[str, Any] | None:
    """Where a custom container answers; what runs here is Azure's own server."""
    routes = {}
    for name in ("livenessRoute", "readinessRoute", "scoringRoute"):
        if config.has(name):
            route = config.object(name)
            routes[name] = {
                "path": route.required_text("path"),
                "port": route.whole("port", least=1, most=65535),
            }
    return routes or None


def _conda_as_json(given: Fields) -> str:
    """The conda file as Azure keeps it: its YAML rewritten as JSON. Raises ArmError 400."""
    text = given.text("condaFile")
    if not text:
        return ""
    try:
        content = read_yaml(text)
        rewritten = json.dumps(content, indent=2, default=str)
    # YAML holds more than JSON does: keys of any type.
    except (ValueError, TypeError) as error:
        raise user_error(400, f"The conda file {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("dependencies", []), list):
        raise user_error(
            400,
            "The conda file must be a mapping with a list of dependencies, see "
            "https://docs.conda.io/projects/conda/en/latest/user-guide/tasks/manage-environments.html",
        )
    return rewritten
