"""A container group as it is asked for, read once from a request's body.

https://learn.microsoft.com/rest/api/container-instances/container-groups/create-or-update
https://learn.microsoft.com/azure/container-instances/container-instances-resource-and-quota-limits
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import bad_request, not_emulated
from emulator.arm.fields import Fields, is_empty, refusing
from emulator.services.container_instances.address_spec import GroupAddress
from emulator.services.container_instances.container_spec import (
    GroupContainer,
    read_container,
)
from emulator.services.container_instances.volume_spec import GroupVolume, read_volumes

RESTART_POLICIES = ("Always", "OnFailure", "Never")
MOST_CONTAINERS = 60
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# What would change what runs, and local Azure does not have: `networkProfile` is of earlier
# versions of the API, those after `confidentialComputeProperties` are of later ones.
_NOT_EMULATED = (
    "networkProfile",
    "subnetIds",
    "dnsConfig",
    "encryptionProperties",
    "diagnostics",
    "extensions",
    "confidentialComputeProperties",
    "containerGroupProfile",
    "standbyPoolProfile",
    "secretReferences",
    "identityAcls",
)


@dataclass(frozen=True)
class PullCredential:
    """A user name and password for the registry that images come from."""

    server: str
    username: str
    password: str

    @classmethod
    def read(cls, fields: Fields) -> PullCredential:
        fields = Fields(fields.value, fields.path, refusing("InvalidImageRegistryCredentials"))
        if fields.text("identity") or fields.text("identityUrl"):
            raise not_emulated("managed identities as image registry credentials")
        return cls(*(fields.required_text(name) for name in ("server", "username", "password")))

    @property
    def host(self) -> str:
        """The server's host name; it may have been written as a URL."""
        return self.server.removeprefix("https://").rstrip("/").lower()

    def to_body(self, *, secrets: bool) -> dict[str, Any]:
        body = {"server": self.server, "username": self.username}
        return {**body, "password": self.password} if secrets else body


@dataclass(frozen=True)
class GroupSpec:
    """What a group is to run, with its secrets. Two that are equal run the same."""

    containers: tuple[GroupContainer, ...]
    inits: tuple[GroupContainer, ...]
    restart_policy: str
    address: GroupAddress | None
    volumes: tuple[GroupVolume, ...]
    credentials: tuple[PullCredential, ...]

    @classmethod
    def read(cls, name: str, properties: Fields) -> GroupSpec:
        """The group of that name. Raises ArmError 400, or 501 for what is not emulated.

        What Azure writes into a response alone (the provisioning state, the instance view, the IP)
        and what it does not know is left out.
        """
        properties.not_emulated(_NOT_EMULATED, "a container group")
        for kind, default in (("sku", "Standard"), ("priority", "Regular")):
            if (asked := properties.text(kind) or default).lower() != default.lower():
                raise not_emulated(f"container groups of the {kind} {asked}")
        _check_system(name, properties)
        policy = properties.choice("restartPolicy", RESTART_POLICIES, "Always")
        credentials = tuple(
            PullCredential.read(one) for one in properties.objects("imageRegistryCredentials")
        )
        volumes = read_volumes(properties)
        inits, containers = _containers(name, properties, volumes)
        address = None
        if properties.object("ipAddress").names():
            listening = frozenset(port for one in containers for port in one.ports)
            address = GroupAddress.read(name, properties.object("ipAddress"), listening)
        return cls(containers, inits, policy, address, volumes, credentials)

    @property
    def cores(self) -> float:
        """What the containers ask for together."""
        return round(sum(one.cpu for one in self.containers), 3)

    @property
    def memory_gb(self) -> float:
        return round(sum(one.memory_gb for one in self.containers), 3)

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(port for one in self.containers for port in one.ports)

    @property
    def shares(self) -> bool:
        """Whether a container shares a network or an empty directory with another, be it a later
        run of itself."""
        return bool(
            self.inits
            or len(self.containers) > 1
            or any(volume.secret is None for volume in self.volumes)
        )

    def to_body(self, *, secrets: bool) -> dict[str, Any]:
        """The properties as a response shows them, but for what Azure finds out itself.

        With `secrets` they are as a request has them, to be read again.
        """
        body: dict[str, Any] = {
            "sku": "Standard",
            "initContainers": [one.to_body(secrets=secrets) for one in self.inits],
            "containers": [one.to_body(secrets=secrets) for one in self.containers],
            "restartPolicy": self.restart_policy,
            "osType": "Linux",
        }
        if self.credentials:
            body["imageRegistryCredentials"] = [
                one.to_body(secrets=secrets) for one in self.credentials
            ]
        if self.volumes:
            body["volumes"] = [one.to_body(secrets=secrets) for one in self.volumes]
        if self.address:
            body["ipAddress"] = self.address.to_body()
        return body


def check_name(name: str) -> None:
    """Raises ArmError 400 for what cannot be the name of a container group."""
    if not _NAME.fullmatch(name):
        raise bad_request(
            f"The container group name '{name}' is invalid. It can contain at most 63 lowercase "
            "letters, digits and hyphens, and neither begins nor ends with a hyphen. It must "
            "match the regex '[a-z0-9]([-a-z0-9]*[a-z0-9])?' (e.g. 'my-name').",
            code="InvalidContainerGroupName",
            target="containerGroupName",
        )


def check_identity(body: Fields) -> None:
    """Raises ArmError 501 for a group that is to have a managed identity."""
    identity = body.object("identity")
    if identity.text("type", "None").lower() != "none" or not is_empty(
        identity.raw("userAssignedIdentities")
    ):
        raise not_emulated("managed identities of container groups")


def _check_system(name: str, properties: Fields) -> None:
    system = str(properties.raw("osType")).lower()
    if system not in ("windows", "linux"):
        raise bad_request(
            f"The 'osType' for container group '{name}' is invalid. The value must be one of "
            "'Windows,Linux'.",
            code="InvalidOsType",
            target=properties.at("osType"),
        )
    if system == "windows":
        raise not_emulated("container groups of the operating system Windows")


def _containers(
    group: str, properties: Fields, volumes: tuple[GroupVolume, ...]
) -> tuple[tuple[GroupContainer, ...], tuple[GroupContainer, ...]]:
    """Init containers, and containers. No two have one name, or listen on one port."""
    lists = {name: properties.objects(name) for name in ("initContainers", "containers")}
    if not lists["containers"]:
        raise bad_request(
            f"The containers of container group '{group}' are missing: it needs at least one.",
            code="MissingContainers",
            target=properties.at("containers"),
        )
    if sum(len(each) for each in lists.values()) > MOST_CONTAINERS:
        raise properties.error("containers", f"A group has at most {MOST_CONTAINERS} containers.")
    found: dict[str, list[GroupContainer]] = {name: [] for name in lists}
    names: set[str] = set()
    ports: dict[int, str] = {}
    for name, each in lists.items():
        for fields in each:
            one = read_container(fields, group, volumes, is_init=name == "initContainers")
            if one.name in names:
                raise bad_request(
                    f"The container name '{one.name}' is used more than once in the group.",
                    code="DuplicateContainerName",
                    target=fields.at("name"),
                )
            names.add(one.name)
            for port in one.ports:
                if port in ports:
                    raise bad_request(
                        f"The port {port} is used by the containers '{ports[port]}' and "
                        f"'{one.name}': the containers of a group share their ports.",
                        code="DuplicateContainerPorts",
                        target=f"{fields.at('properties')}.ports",
                    )
                ports[port] = one.name
            found[name].append(one)
    return tuple(found["initContainers"]), tuple(found["containers"])
