"""A container group as it is asked for, read once from a request's body.

https://learn.microsoft.com/rest/api/container-instances/container-groups/create-or-update
https://learn.microsoft.com/azure/container-instances/container-instances-resource-and-quota-limits
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.arm.fields import Fields, refusing
from emulator.services.container_instances.address_spec import GroupAddress
from emulator.services.container_instances.container_spec import (
    GroupContainer,
    read_container,
    sent_empty,
)
from emulator.services.container_instances.diagnostics_spec import GroupDiagnostics
from emulator.services.container_instances.resources_spec import check_limits
from emulator.services.container_instances.volume_spec import GroupVolume, read_volumes

RESTART_POLICIES = ("Always", "OnFailure", "Never")
PRIORITIES = ("Regular", "Spot")
LONGEST_PROVISIONING = 1800  # seconds, and what a group has that says nothing
MOST_CONTAINERS = 60
# With capitals, as Microsoft's own samples have them (myContainerGroup):
# https://learn.microsoft.com/azure/container-instances/container-instances-multi-container-yaml
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?")
# What would change what runs, and local Azure does not have: `networkProfile` is of earlier
# versions of the API, those after `confidentialComputeProperties` are of later ones.
_NOT_EMULATED = (
    "networkProfile",
    "subnetIds",
    "dnsConfig",
    "encryptionProperties",
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
    """What a group is to run, with its secrets. Two that are equal run the same.

    `priority` is "" where none was asked for. A start that takes longer than `timeout` seconds has
    failed. `empty` are the lists that were sent empty, to be shown so.
    """

    containers: tuple[GroupContainer, ...]
    inits: tuple[GroupContainer, ...]
    restart_policy: str
    address: GroupAddress | None
    volumes: tuple[GroupVolume, ...]
    credentials: tuple[PullCredential, ...]
    priority: str = ""
    timeout: int = LONGEST_PROVISIONING
    diagnostics: GroupDiagnostics | None = None
    empty: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, name: str, properties: Fields) -> GroupSpec:
        """The group of that name. Raises ArmError 400, or 501 for what is not emulated.

        What Azure writes into a response alone (the provisioning state, the instance view, the IP)
        and what it does not know is left out.
        """
        properties.not_emulated(_NOT_EMULATED, "a container group")
        priority = _priority(name, properties)
        if (sku := properties.text("sku") or "Standard").lower() != "standard":
            raise not_emulated(f"container groups of the sku {sku}")
        _check_system(properties)
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
        timeout = properties.whole(
            "provisioningTimeoutInSeconds", LONGEST_PROVISIONING, least=1, most=LONGEST_PROVISIONING
        )
        empty = sent_empty(properties, ("imageRegistryCredentials", "volumes"))
        return cls(
            containers,
            inits,
            policy,
            address,
            volumes,
            credentials,
            priority,
            timeout,
            GroupDiagnostics.read(properties),
            empty,
        )

    @property
    def cores(self) -> float:
        """What the containers ask for together."""
        return round(sum(one.resources.cpu for one in self.containers), 3)

    @property
    def memory_gb(self) -> float:
        return round(sum(one.resources.memory_gb for one in self.containers), 3)

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
            "provisioningTimeoutInSeconds": self.timeout,
            "isCustomProvisioningTimeout": self.timeout != LONGEST_PROVISIONING,
            "isCreatedFromStandbyPool": False,  # there are no pools
            **{name: [] for name in self.empty},
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
        if self.diagnostics:
            body["diagnostics"] = self.diagnostics.to_body(secrets=secrets)
        if self.priority:
            body["priority"] = self.priority
        return body


def check_name(name: str) -> None:
    """Raises ArmError 400 for what cannot be the name of a container group."""
    if not _NAME.fullmatch(name):
        raise bad_request(
            f"The container group name '{name}' is invalid. It can contain at most 63 letters, "
            "digits and hyphens, and neither begins nor ends with a hyphen. It must match the "
            "regex '[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?' (e.g. 'my-name').",
            code="InvalidContainerGroupName",
            target="containerGroupName",
        )


def _priority(group: str, properties: Fields) -> str:
    """https://learn.microsoft.com/troubleshoot/azure/azure-container-instances/configuration-setup/error-codes-spot-container-creation"""
    asked = properties.text("priority") or ""
    priority = next((one for one in PRIORITIES if one.lower() == asked.lower()), "")
    if asked and not priority:
        raise _bad_priority(
            "PriorityNotSpecified",
            f"The 'Priority' must be one of 'Regular,Spot' for container group '{group}'.",
        )
    if priority != "Spot":
        return priority
    if properties.object("ipAddress").names():
        raise _bad_priority(
            "SpotPriorityContainerGroupNotSupportedForInboundConnectivity",
            "Spot Priority is not supported for container groups with inbound connectivity.",
        )
    if (sku := properties.text("sku") or "Standard").lower() != "standard":
        raise _bad_priority(
            "SpotPriorityContainerGroupNotSupportedInSku",
            f"Spot Priority Container Group is not supported in '{sku}' Sku.",
        )
    if any(
        one.object("properties").object("resources").object("requests").has("gpu")
        for one in properties.objects("containers")
    ):
        raise _bad_priority(
            "SpotPriorityContainerGroupWithGPUResourcesNotSupported",
            "Spot Priority Container Groups that include containers requesting GPU resources are "
            "not supported.",
        )
    return priority


def _bad_priority(code: str, message: str) -> ArmError:
    return bad_request(message, code=code, target="priority")


def _check_system(properties: Fields) -> None:
    system = str(properties.raw("osType")).lower()
    if system not in ("windows", "linux"):
        raise bad_request(
            "The 'osType' for container group '<null>' is invalid. The value must be one of "
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
            if one.name.lower() in names:
                raise bad_request(
                    f"The container name '{one.name}' is used more than once in the group.",
                    code="DuplicateContainerName",
                    target=fields.at("name"),
                )
            names.add(one.name.lower())
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
    check_limits({one.name: one.resources for one in found["containers"]})
    return tuple(found["initContainers"]), tuple(found["containers"])
