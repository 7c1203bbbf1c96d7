"""Registries in Resource Manager.

https://learn.microsoft.com/rest/api/containerregistry/registries

    provisioningState   while                       followed by
    Creating            the first PUT is under way  Succeeded
    Updating            a PUT or PATCH is           Succeeded
    Deleting            a DELETE is                 gone
    Succeeded           nothing is                  Updating, Deleting
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Awaitable, Callable
from typing import Any

from emulator.arm.errors import ArmError, bad_request, conflict, not_emulated, not_found
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import now, system_data
from emulator.arm.locations import check_location
from emulator.arm.operations import Operations
from emulator.arm.resources import page
from emulator.containers.runtime import ContainerRuntime
from emulator.services.container_registry.paths import (
    LOGIN_SUFFIX,
    REGISTRIES,
    REGISTRY,
    REGISTRY_TYPE,
    SUBSCRIPTION_SCOPE,
    login_server,
)
from emulator.store import Resource, Store

GIB = 1024**3
# Storage that is included, bytes:
# https://learn.microsoft.com/azure/container-registry/container-registry-skus
SKUS = {"Basic": 10 * GIB, "Standard": 100 * GIB, "Premium": 500 * GIB}
PASSWORDS = ("password", "password2")
# What Azure sets where a request says nothing. Any other value asks for something that is not
# emulated, so it is refused and not stored as if it had an effect.
FIXED_PROPERTIES: dict[str, Any] = {
    "dataEndpointEnabled": False,
    "publicNetworkAccess": "Enabled",
    "networkRuleBypassOptions": "AzureServices",
    "networkRuleBypassAllowedForTasks": False,
    "zoneRedundancy": "Disabled",
    "anonymousPullEnabled": False,
    "roleAssignmentMode": "LegacyRegistryPermissions",
}
NOT_EMULATED_PROPERTIES = ("networkRuleSet", "encryption")
_NAME = re.compile(r"[A-Za-z0-9]{5,50}")


class Registries:
    ROUTES = (
        ("POST", SUBSCRIPTION_SCOPE + "/checkNameAvailability", "check_name_availability"),
        ("GET", SUBSCRIPTION_SCOPE + "/registries", "list_registries"),
        ("GET", REGISTRIES, "list_registries"),
        ("GET", REGISTRY, "get"),
        ("PUT", REGISTRY, "create"),
        ("PATCH", REGISTRY, "update"),
        ("DELETE", REGISTRY, "delete"),
        ("POST", REGISTRY + "/listCredentials", "list_credentials"),
        ("GET", REGISTRY + "/listUsages", "list_usages"),
        ("POST", REGISTRY + "/regenerateCredential", "regenerate_credential"),
    )

    def __init__(self, store: Store, operations: Operations, runtime: ContainerRuntime) -> None:
        self.store = store
        self.operations = operations
        self.runtime = runtime
        # Called with a registry's id before it goes, so that its builds stop.
        self.before_delete: list[Callable[[str], Awaitable[None]]] = []

    async def recover(self) -> None:
        """Finish what was under way when the emulator stopped."""
        for operation in self.operations.interrupted():
            if operation.kind == "delete-registry":
                await self._delete(operation.resource_id)
                self.operations.finish(operation.id)
            elif operation.kind == "put-registry":
                await self._finish(operation.resource_id)
                self.operations.finish(operation.id)

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
        known = [registry.body["_passwords"][name] for name in PASSWORDS]
        right = [secrets.compare_digest(password.encode(), one.encode()) for one in known]
        return username.lower() == registry.name.lower() and any(right)

    async def delete_below(self, scope: str) -> None:
        """End the builds and remove the images of every registry below `scope`."""
        for registry in self.store.of_type(REGISTRY_TYPE, scope):
            await self._delete(registry.id)

    # Handlers

    async def check_name_availability(self, request: ArmRequest) -> ArmResponse:
        body = request.json()
        name = str(body.get("name") or "")
        if body.get("type", REGISTRY_TYPE).lower() != REGISTRY_TYPE.lower():
            raise bad_request(
                f"The type must be {REGISTRY_TYPE}, not '{body['type']}'.", target="type"
            )
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
        return ArmResponse(_shown(self._registry(request.id)))

    async def create(self, request: ArmRequest) -> ArmResponse:
        """Create a registry, or replace its tags, sku and settings."""
        body, name = request.json(), request.params["registryName"]
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
        if before:
            _check_idle(before)
        location = _location(body.get("location"), before)
        sku = _sku(body.get("sku"))
        given = body.get("properties") or {}
        _check_properties(given)
        saved = before.body if before else {}
        return self._save(
            request,
            Resource(
                before.id if before else request.id,
                REGISTRY_TYPE,
                {
                    "location": location,
                    "tags": body.get("tags") or {},
                    "sku": sku,
                    "properties": {
                        "adminUserEnabled": bool(given.get("adminUserEnabled")),
                        "provisioningState": "Updating" if before else "Creating",
                    },
                    "systemData": system_data(request.claims, saved.get("systemData")),
                    "_created": saved.get("_created") or now(),
                    "_passwords": saved.get("_passwords")
                    or {name: _new_password() for name in PASSWORDS},
                    "_runs": saved.get("_runs", 0),
                    "_key": saved.get("_key") or secrets.token_hex(4),
                },
            ),
            201 if before is None else 200,
        )

    async def update(self, request: ArmRequest) -> ArmResponse:
        registry, body = self._registry(request.id), request.json()
        _check_idle(registry)
        given = body.get("properties") or {}
        _check_properties(given)
        if body.get("sku"):
            registry.body["sku"] = _sku(body["sku"])
        if "tags" in body:
            registry.body["tags"] = body["tags"] or {}
        if given.get("adminUserEnabled") is not None:
            registry.properties["adminUserEnabled"] = bool(given["adminUserEnabled"])
        registry.properties["provisioningState"] = "Updating"
        registry.body["systemData"] = system_data(request.claims, registry.body["systemData"])
        return self._save(request, registry, 200)

    def _save(self, request: ArmRequest, registry: Resource, status: int) -> ArmResponse:
        self.store.put(registry)
        # The answer is what is stored now; the work may have begun by the time it is sent.
        body = _shown(registry)
        operation = self.operations.start("put-registry", registry.id, self._finish(registry.id))
        # The clients look for these headers in a 201 alone.
        return self.operations.accepted(
            operation, request, registry.body["location"], status=max(status, 201), body=body
        )

    async def _finish(self, registry_id: str) -> None:
        if registry := self.store.get(registry_id):
            registry.properties["provisioningState"] = "Succeeded"
            self.store.put(registry)

    async def delete(self, request: ArmRequest) -> ArmResponse:
        registry = self.store.get(request.id)
        if registry is None:
            return ArmResponse(None, 204)
        registry.properties["provisioningState"] = "Deleting"
        self.store.put(registry)
        operation = self.operations.start("delete-registry", registry.id, self._delete(registry.id))
        return self.operations.accepted(operation, request, registry.body["location"], status=202)

    async def _delete(self, registry_id: str) -> None:
        registry = self.store.get(registry_id)
        if registry is None:
            return
        for stop in self.before_delete:
            await stop(registry.id)
        for image in await self.runtime.images(login_server(registry.name)):
            await self.runtime.remove_image(image.reference)
        self.store.delete(registry.id)

    async def list_credentials(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(_credentials(self._with_admin(request)))

    async def list_usages(self, request: ArmRequest) -> ArmResponse:
        registry = self._registry(request.parent)
        images = await self.runtime.images(login_server(registry.name))
        # Tags of one image are stored once.
        size = sum({image.digest: image.size for image in images}.values())
        limit = SKUS[registry.body["sku"]["name"]]
        return ArmResponse(
            {"value": [{"name": "Size", "limit": limit, "currentValue": size, "unit": "Bytes"}]}
        )

    async def regenerate_credential(self, request: ArmRequest) -> ArmResponse:
        registry, name = self._with_admin(request), request.json().get("name")
        if name not in PASSWORDS:
            raise bad_request(
                f"name must be {' or '.join(PASSWORDS)}, not {name!r}.", target="name"
            )
        registry.body["_passwords"][name] = _new_password()
        self.store.put(registry)
        return ArmResponse(_credentials(registry))

    # Rules

    def _registry(self, registry_id: str) -> Resource:
        registry = self.store.get(registry_id)
        if registry is None:
            raise not_found(registry_id)
        return registry

    def _with_admin(self, request: ArmRequest) -> Resource:
        registry = self._registry(request.parent)
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


def _location(given: object, before: Resource | None) -> str:
    location = check_location(given, REGISTRY_TYPE)
    if before and before.body["location"] != location:
        raise conflict(
            f"The resource '{before.name}' already exists in location "
            f"'{before.body['location']}'. A registry does not move.",
            code="InvalidResourceLocation",
            target="location",
        )
    return location


def _sku(given: Any) -> dict[str, str]:
    name = given.get("name") if isinstance(given, dict) else None
    known = {one.lower(): one for one in SKUS}
    if not isinstance(name, str) or name.lower() not in known:
        raise bad_request(
            f"The sku must be one of {', '.join(SKUS)}, not {name!r}.",
            code="SkuNotSupported" if name else "SkuRequired",
            target="sku.name",
        )
    return {"name": known[name.lower()], "tier": known[name.lower()]}


def _check_properties(given: dict[str, Any]) -> None:
    for key, value in given.items():
        if key in FIXED_PROPERTIES and value not in (None, FIXED_PROPERTIES[key]):
            raise not_emulated(f"{key}={value} of a container registry")
        if key in NOT_EMULATED_PROPERTIES and value:
            raise not_emulated(f"{key} of a container registry")


def _check_idle(registry: Resource) -> None:
    if registry.properties["provisioningState"] == "Deleting":
        raise conflict(
            f"The registry '{registry.name}' is being deleted. Wait until that has ended.",
            code="RegistryBeingDeleted",
        )


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
            {"name": name, "value": registry.body["_passwords"][name]} for name in PASSWORDS
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
            "creationDate": registry.body["_created"],
            "policies": {
                "quarantinePolicy": {"status": "disabled"},
                "trustPolicy": {"type": "Notary", "status": "disabled"},
                "retentionPolicy": {"days": 7, "status": "disabled"},
                "exportPolicy": {"status": "enabled"},
            },
            "encryption": {"status": "disabled"},
            "dataEndpointHostNames": [],
            "privateEndpointConnections": [],
        },
    }
