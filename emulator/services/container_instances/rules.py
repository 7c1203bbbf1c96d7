"""What a container group may look like: each refusal names the field at fault.

https://learn.microsoft.com/azure/container-instances/container-instances-resource-and-quota-limits
https://learn.microsoft.com/rest/api/container-instances/container-groups/create-or-update
"""

from __future__ import annotations

import re
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.services.container_instances.container_rules import check_container, check_port
from emulator.services.container_instances.volume_rules import check_mounts, check_volumes

RESTART_POLICIES = ("Always", "OnFailure", "Never")
MOST_CONTAINERS = 60
MOST_PORTS = 5
# Of one group, in every region of local Azure.
MOST_CPU, MOST_MEMORY = 4, 16  # cores, GB
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"[a-z][-a-z0-9]{3,61}[a-z0-9]")
SCOPES = ("Unsecure", "TenantReuse", "SubscriptionReuse", "ResourceGroupReuse", "Noreuse")
# Settings of a group that would change what runs, and that local Azure does not have.
_NOT_EMULATED = (
    "subnetIds",
    "dnsConfig",
    "encryptionProperties",
    "diagnostics",
    "extensions",
    "confidentialComputeProperties",
    "containerGroupProfile",
    "standbyPoolProfile",
)


def check_group(name: str, body: dict[str, Any], location: str) -> None:
    """Raises ArmError 400, or 501 for what is not emulated; the properties are changed nowhere."""
    if not _NAME.fullmatch(name):
        raise bad_request(
            f"The container group name '{name}' is invalid. It can contain at most 63 lowercase "
            "letters, digits and hyphens, and neither begins nor ends with a hyphen. It must "
            "match the regex '[a-z0-9]([-a-z0-9]*[a-z0-9])?' (e.g. 'my-name').",
            code="InvalidContainerGroupName",
            target="containerGroupName",
        )
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise _invalid("The container group's properties are missing.", "properties")
    if (body.get("identity") or {}).get("type", "None") != "None":
        raise not_emulated("managed identities of container groups")
    _check_what_is_not_emulated(properties)
    system = str(properties.get("osType") or "").lower()
    if system not in ("windows", "linux"):
        raise bad_request(
            f"The 'osType' for container group '{name}' is invalid. The value must be one of "
            "'Windows,Linux'.",
            code="InvalidOsType",
            target="osType",
        )
    if system == "windows":
        raise not_emulated("container groups of the operating system Windows")
    policy = properties.get("restartPolicy") or "Always"
    if policy not in RESTART_POLICIES:
        raise _invalid(
            f"The restart policy must be one of {', '.join(RESTART_POLICIES)}, not {policy!r}.",
            "restartPolicy",
        )
    _check_containers(name, properties, location)
    _check_address(name, properties)


def _check_what_is_not_emulated(properties: dict[str, Any]) -> None:
    for field in _NOT_EMULATED:
        if properties.get(field):
            raise not_emulated(f"{field} of a container group")
    if (properties.get("sku") or "Standard") != "Standard":
        raise not_emulated(f"container groups of the sku {properties['sku']}")
    if (properties.get("priority") or "Regular") != "Regular":
        raise not_emulated(f"container groups of the priority {properties['priority']}")
    for credential in properties.get("imageRegistryCredentials") or []:
        if credential.get("identity") or credential.get("identityUrl"):
            raise not_emulated("managed identities as image registry credentials")
        for field in ("server", "username", "password"):
            if not credential.get(field):
                raise bad_request(
                    f"The '{field}' of an image registry credential is missing.",
                    code="InvalidImageRegistryCredentials",
                    target=f"imageRegistryCredentials.{field}",
                )


def _check_containers(name: str, properties: dict[str, Any], location: str) -> None:
    containers = properties.get("containers") or []
    inits = properties.get("initContainers") or []
    if not containers:
        raise bad_request(
            f"The containers of container group '{name}' are missing: it needs at least one.",
            code="MissingContainers",
            target="containers",
        )
    if len(containers) + len(inits) > MOST_CONTAINERS:
        raise _invalid(f"A group has at most {MOST_CONTAINERS} containers.", "containers")
    volumes = properties.get("volumes") or []
    check_volumes(volumes)
    seen: set[str] = set()
    ports: dict[int, str] = {}
    for field, group in (("initContainers", inits), ("containers", containers)):
        for number, container in enumerate(group):
            where = f"{field}[{number}]"
            check_container(container, where, name, is_init=field == "initContainers")
            check_mounts(container, where, volumes)
            own = container["name"]
            if own in seen:
                raise bad_request(
                    f"The container name '{own}' is used more than once in the group.",
                    code="DuplicateContainerName",
                    target=f"{where}.name",
                )
            seen.add(own)
            # Containers of a group share one network: no two can listen on the same port.
            for port in container["properties"].get("ports") or []:
                if port["port"] in ports:
                    raise bad_request(
                        f"The port {port['port']} is used by the containers "
                        f"'{ports[port['port']]}' and '{own}': the containers of a group share "
                        "their ports.",
                        code="DuplicateContainerPorts",
                        target=f"{where}.properties.ports",
                    )
                ports[port["port"]] = own
    cpu, memory = requested(properties)
    if cpu > MOST_CPU or memory > MOST_MEMORY:
        raise ArmError(
            409,
            "ServiceUnavailable",
            f"The requested resource is not available in the location '{location}' at this "
            "moment. Please retry with a different resource request or in another location. "
            f"Resource requested: '{cpu:g}' CPU '{memory:g}' GB memory 'Linux' OS; a group has at "
            f"most {MOST_CPU} CPU and {MOST_MEMORY} GB here.",
            target="resources.requests",
        )


def _check_address(name: str, properties: dict[str, Any]) -> None:
    address = properties.get("ipAddress")
    if not address:
        return
    kind = address.get("type")
    if kind not in ("Public", "Private"):
        raise _invalid(
            f"The type of the IP address must be Public or Private, not {kind!r}.",
            "ipAddress.type",
        )
    if kind == "Private":
        raise not_emulated("private IP addresses: they need a virtual network")
    ports = address.get("ports") or []
    if not ports:
        raise bad_request(
            f"The ports in the 'ipAddress' of container group '{name}' cannot be empty.",
            code="MissingIpAddressPorts",
            target="ipAddress.ports",
        )
    if len(ports) > MOST_PORTS:
        raise _invalid(f"An IP address has at most {MOST_PORTS} ports.", "ipAddress.ports")
    listening = {
        port["port"]
        for container in properties["containers"]
        for port in container["properties"].get("ports") or []
    }
    for number, port in enumerate(ports):
        check_port(port, f"ipAddress.ports[{number}]")
        if port["port"] not in listening:
            raise bad_request(
                f"The port '{port['port']}' in the 'ipAddress' of container group '{name}' is not "
                "a port of any of its containers. Add it to the ports of the one that listens.",
                code="IpAddressPortNotExposed",
                target=f"ipAddress.ports[{number}]",
            )
    label = address.get("dnsNameLabel")
    if label is not None and not _LABEL.fullmatch(str(label)):
        raise bad_request(
            f"The DNS name label '{label}' in container group '{name}' is invalid. It can contain "
            "only lowercase letters, numbers and hyphens. The first character must be a letter. "
            "The last character must be a letter or number. The value must be between 5 and 63 "
            "characters long.",
            code="InvalidDnsNameLabel",
            target="ipAddress.dnsNameLabel",
        )
    scope = address.get("autoGeneratedDomainNameLabelScope") or "Unsecure"
    if scope not in SCOPES:
        raise _invalid(
            f"The scope of the DNS name label must be one of {', '.join(SCOPES)}, not {scope!r}.",
            "ipAddress.autoGeneratedDomainNameLabelScope",
        )


def requested(properties: dict[str, Any]) -> tuple[float, float]:
    """Cores and GB of memory that the group's containers ask for together."""
    requests = [
        container["properties"]["resources"]["requests"] for container in properties["containers"]
    ]
    return (
        round(sum(float(one["cpu"]) for one in requests), 3),
        round(sum(float(one["memoryInGB"]) for one in requests), 3),
    )


def _invalid(message: str, target: str) -> ArmError:
    return bad_request(message, code="InvalidRequestContent", target=target)
