"""Registries in Resource Manager.

https://learn.microsoft.com/rest/api/containerregistry/registries

    provisioningState   while                       followed by
    Creating            the first PUT is under way  Succeeded
    Updating            a PUT or PATCH is           Succeeded
    Importing           an image is imported, which Succeeded
                        is shown as Succeeded
    Deleting            a DELETE is                 gone
    Succeeded           nothing is                  Updating, Deleting
"""

from __future__ import annotations

import re
import secrets
import string
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request, conflict
from emulator.arm.fields import Fields, refusing
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import now, system_data
from emulator.arm.lifecycle import ABSENT, GONE, Lifecycle, Move
from emulator.arm.locations import check_place
from emulator.arm.operations import Operations
from emulator.arm.resources import page, require
from emulator.containers.runtime import ContainerRuntime
from emulator.services.container_registry.build_storage import (
    ACCOUNT,
    BuildStorage,
    container_of,
)
from emulator.services.container_registry.image_import import ImageImport, import_image
from emulator.services.container_registry.paths import (
    LOGIN_SUFFIX,
    REGISTRIES,
    REGISTRY,
    REGISTRY_TYPE,
    SUBSCRIPTION_SCOPE,
    login_server,
)
from emulator.services.container_registry.registry_spec import (
    FIXED_PROPERTIES,
    POLICIES,
    SKUS,
    RegistrySpec,
)
from emulator.store import Resource, Store

PASSWORDS = ("password", "password2")
_NAME = re.compile(r"[A-Za-z0-9]{5,50}")
IMPORTING = "Importing"


class Registries:
    ROUTES = (
        ("POST", SUBSCRIPTION_SCOPE + "/checkNameAvailability", "check_name_availability"),
        ("GET", SUBSCRIPTION_SCOPE + "/registries", "list_registries"),
        ("GET", REGISTRIES, "list_registries"),
        ("GET", REGISTRY, "get"),
        ("PUT", REGISTRY, "create"),
        ("PATCH", REGISTRY, "update"),
        ("DELETE", REGISTRY, "delete"),
        ("POST", REGISTRY + "/importImage", "import_image"),
        ("POST", REGISTRY + "/listCredentials", "list_credentials"),
        ("GET", REGISTRY + "/listUsages", "list_usages"),
        ("POST", REGISTRY + "/regenerateCredential", "regenerate_credential"),
    )

    def __init__(
        self,
        store: Store,
        operations: Operations,
        changes: Changes,
        runtime: ContainerRuntime,
        blobs: BuildStorage,
    ) -> None:
        self.store = store
        self.operations = operations
        self.changes = changes
        self.runtime = runtime
        self.blobs = blobs
        # For the sources of imports under way, by operation: they are not stored.
        self.credentials: dict[str, tuple[str, str] | None] = {}
        changes.register(
            Lifecycle(
                REGISTRY_TYPE,
                moves=(
                    Move("create", (ABSENT,), "Creating", "Succeeded", resumes=True),
                    Move("update", ("Succeeded", "Failed"), "Updating", "Succeeded", resumes=True),
                    # What is imported changes nothing of the registry itself.
                    Move(
                        "import", ("Succeeded",), IMPORTING, "Succeeded", "Succeeded", self._import
                    ),
                    Move(
                        "delete",
                        ("Succeeded", "Failed", "Creating", "Updating", IMPORTING),
                        "Deleting",
                        GONE,
                    ),
                ),
                show=_show_state,
                remove=self._remove,
            )
        )

    def find(self, server: str) -> Resource | None:
        """The registry of a login server, whatever its group: names are unique across Azure."""
        for registry in self.store.of_type(REGISTRY_TYPE):
            if login_server(registry.name) == server.lower():
                return registry
        return None

    def is_login_server(self, server: str) -> bool:
        return self.find(server) is not None

    def is_admin(self, server: str, username: str, password: str) -> bool:
        """Whether these are the registry's admin user and one of its two passwords."""
        registry = self.find(server)
        if registry is None or not registry.properties["adminUserEnabled"]:
            return False
        known = [registry.private["passwords"][name] for name in PASSWORDS]
        right = [secrets.compare_digest(password.encode(), one.encode()) for one in known]
        return username.lower() == registry.name.lower() and any(right)

    # Handlers

    async def check_name_availability(self, request: ArmRequest) -> ArmResponse:
        body = Fields(request.body, refuse=refusing("BadArgument"))
        name = body.text("name", "")
        body.choice("type", (REGISTRY_TYPE,))
        if not _NAME.fullmatch(name):
            reason, message = "Invalid", _invalid_name(name)
        elif self.find(login_server(name)):
            reason, message = "AlreadyExists", f"The registry {name} is already in use."
        else:
            return ArmResponse(
                {"nameAvailable": True, "availableLoginServerName": login_server(name)}
            )
        return ArmResponse({"nameAvailable": False, "reason": reason, "message": message})

    async def list_registries(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        return page(request, [_shown(found) for found in self.store.of_type(REGISTRY_TYPE, scope)])

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(_shown(require(self.store, request.id)))

    async def create(self, request: ArmRequest) -> ArmResponse:
        """Create a registry, or replace its tags, sku and settings."""
        body, name = Fields(request.body), request.params["registryName"]
        if not _NAME.fullmatch(name):
            raise bad_request(_invalid_name(name), code="InvalidResourceName", target="name")
        before = self.find(login_server(name))
        if before and before.id.lower() != request.id.lower():
            raise conflict(
                f"The registry DNS name {login_server(name)} is already in use. You can check if "
                "the name is already claimed using checkNameAvailability.",
                code="AlreadyInUse",
                target="name",
            )
        location = check_place(body.raw("location"), before, REGISTRY_TYPE)
        spec = RegistrySpec.read(body)
        if before:
            return self._update(request, before, spec)
        registry = Resource(
            request.id,
            REGISTRY_TYPE,
            {
                "location": location,
                **spec.to_body(),
                "systemData": system_data(request.claims),
            },
            {
                "passwords": {name: _new_password() for name in PASSWORDS},
                "runs": 0,
                "key": secrets.token_hex(4),
            },
        )
        registry.properties["creationDate"] = now()
        operation = self.changes.begin("create", registry, None)
        return self._accepted(request, operation, registry)

    async def update(self, request: ArmRequest) -> ArmResponse:
        registry = require(self.store, request.id)
        spec = RegistrySpec.of(registry.body).changed(Fields(request.body))
        return self._update(request, registry, spec)

    def _update(self, request: ArmRequest, registry: Resource, spec: RegistrySpec) -> ArmResponse:
        asked = spec.to_body()
        registry.properties.update(asked.pop("properties"))
        registry.body.update(
            asked, systemData=system_data(request.claims, registry.body["systemData"])
        )
        operation = self.changes.begin("update", registry, registry)
        return self._accepted(request, operation, registry)

    def _accepted(self, request: ArmRequest, operation: str, registry: Resource) -> ArmResponse:
        # The clients look for the headers of a long-running operation in a 201 alone.
        return self.operations.accepted(
            operation, request, registry.body["location"], status=201, body=_shown(registry)
        )

    async def delete(self, request: ArmRequest) -> ArmResponse:
        registry = self.store.get(request.id)
        if registry is None:
            return ArmResponse(None, 204)
        operation = self.changes.begin("delete", registry, registry)
        return self.operations.accepted(operation, request, registry.body["location"], status=202)

    async def import_image(self, request: ArmRequest) -> ArmResponse:
        registry = require(self.store, request.parent)
        asked = ImageImport.read(Fields(request.body), login_server(registry.name))
        # One at a time, in the order in which they came.
        while registry.state == IMPORTING and registry.generation:
            await self._ended(registry.generation)
            registry = require(self.store, request.parent)
        operation = self.changes.begin("import", registry, registry, asked=asked.to_body())
        self.credentials[operation] = asked.credentials
        return self.operations.accepted(operation, request, registry.body["location"], status=202)

    async def _ended(self, operation: str) -> None:
        with suppress(ArmError):  # how it ended is told to who asked for it
            await self.changes.wait(operation)

    async def _import(self, change: Change) -> None:
        server = login_server(change.resource().name)
        asked = ImageImport.read(Fields(change.arguments["asked"]), server)
        asked = replace(asked, credentials=self.credentials.pop(change.id))
        await import_image(asked, server, self.runtime, self.is_admin)

    async def _remove(self, registry: Resource) -> None:
        """Its builds have been ended before. What they left goes, and its images."""
        await self.blobs.delete_container(ACCOUNT, container_of(registry))
        for image in await self.runtime.images(login_server(registry.name)):
            await self.runtime.remove_image(image.reference)

    async def list_credentials(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(_credentials(self._with_admin(request)))

    async def list_usages(self, request: ArmRequest) -> ArmResponse:
        registry = require(self.store, request.parent)
        images = await self.runtime.images(login_server(registry.name))
        # Tags of one image are stored once.
        size = sum({image.digest: image.size for image in images}.values())
        limit = SKUS[registry.body["sku"]["name"]]
        return ArmResponse(
            {"value": [{"name": "Size", "limit": limit, "currentValue": size, "unit": "Bytes"}]}
        )

    async def regenerate_credential(self, request: ArmRequest) -> ArmResponse:
        registry = self._with_admin(request)
        body = Fields(request.body, refuse=refusing("BadArgument"))
        name = body.choice("name", PASSWORDS)
        if name is None:
            raise body.missing("name")
        registry.private["passwords"][name] = _new_password()
        self.store.put(registry)
        return ArmResponse(_credentials(registry))

    # Rules

    def _with_admin(self, request: ArmRequest) -> Resource:
        registry = require(self.store, request.parent)
        if not registry.properties["adminUserEnabled"]:
            raise ArmError(
                400,
                "UnAuthorizedForCredentialOperations",
                f"Cannot perform credential operations for {registry.id} as admin user is "
                "disabled. Kindly enable admin user as per docs: "
                "https://aka.ms/acr/authentication#admin-account",
                target="adminUserEnabled",
            )
        return registry


def _show_state(registry: Resource) -> None:
    state = "Succeeded" if registry.state == IMPORTING else registry.state
    registry.properties["provisioningState"] = state


def _invalid_name(name: str) -> str:
    return (
        f"The registry name '{name}' is invalid. It has 5 to 50 letters and digits and nothing "
        f"else: it becomes the host name {{name}}{LOGIN_SUFFIX}."
    )


def _new_password() -> str:
    # Letters and digits alone: one that began with a dash would be an option to a command line.
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(52))


def _credentials(registry: Resource) -> dict[str, Any]:
    return {
        "username": registry.name,
        "passwords": [
            {"name": name, "value": registry.private["passwords"][name]} for name in PASSWORDS
        ],
    }


def _shown(registry: Resource) -> dict[str, Any]:
    return {
        "id": registry.id,
        "name": registry.name,
        "type": REGISTRY_TYPE,
        **registry.body,
        "properties": {
            **FIXED_PROPERTIES,
            **registry.properties,
            "loginServer": login_server(registry.name),
            "policies": deepcopy(POLICIES),
            "encryption": {"status": "disabled"},
            "dataEndpointHostNames": [],
            "privateEndpointConnections": [],
        },
    }
