"""What one container of a group may look like.

https://learn.microsoft.com/rest/api/container-instances/container-groups/create-or-update#container
"""

from __future__ import annotations

import re
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# [host[:port]/]path[:tag][@digest]
_IMAGE = re.compile(
    r"([\w.-]+(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
_PROBE_NUMBERS = {
    "initialDelaySeconds": 0,
    "periodSeconds": 1,
    "failureThreshold": 1,
    "successThreshold": 1,
    "timeoutSeconds": 1,
}


def check_container(container: Any, where: str, group: str, *, is_init: bool) -> None:
    """Raises ArmError naming the field below `where`, e.g. containers[0]."""
    name = container.get("name") if isinstance(container, dict) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise bad_request(
            f"The container name '{name or ''}' in container group '{group}' is invalid. It can "
            "contain at most 63 lowercase letters, digits and hyphens. It must match the regex "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?' (e.g. 'my-name').",
            code="InvalidContainerName",
            target=f"{where}.name",
        )
    properties = container.get("properties")
    if not isinstance(properties, dict):
        raise _invalid(f"The properties of the container '{name}' are missing.", where)
    here = f"{where}.properties"
    image = properties.get("image")
    if not image:
        raise bad_request(
            f"The image of the container '{name}' in container group '{group}' is missing.",
            code="MissingImage",
            target=f"{here}.image",
        )
    if not isinstance(image, str) or not _IMAGE.fullmatch(image):
        raise bad_request(
            f"The image '{image}' of the container '{name}' is not a valid reference, such as "
            "myregistry.azurecr.io/digits:1.",
            code="InvalidImageName",
            target=f"{here}.image",
        )
    if properties.get("securityContext"):
        raise not_emulated("securityContext of a container")
    _check_command(properties.get("command"), f"{here}.command")
    _check_variables(properties.get("environmentVariables"), f"{here}.environmentVariables")
    if is_init:
        return
    _check_ports(properties.get("ports"), f"{here}.ports")
    _check_resources(properties.get("resources"), name, f"{here}.resources")
    for field in ("livenessProbe", "readinessProbe"):
        if properties.get(field):
            _check_probe(properties[field], f"{here}.{field}")


def check_port(port: Any, where: str) -> None:
    """A port of a container or of the address: a number from 1 to 65535, TCP."""
    number = port.get("port") if isinstance(port, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 65536:
        raise bad_request(
            f"The port {number!r} is invalid: it must be a number from 1 to 65535.",
            code="InvalidPort",
            target=f"{where}.port",
        )
    protocol = str(port.get("protocol") or "TCP").upper()
    if protocol == "UDP":
        raise not_emulated("UDP ports of container groups")
    if protocol != "TCP":
        raise _invalid(f"The protocol must be TCP or UDP, not {protocol!r}.", f"{where}.protocol")


def _check_command(command: Any, where: str) -> None:
    if command is None:
        return
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise _invalid('The command must be a list of strings, e.g. ["python", "serve.py"].', where)


def _check_variables(variables: Any, where: str) -> None:
    seen: set[str] = set()
    for number, variable in enumerate(variables or []):
        name = variable.get("name")
        here = f"{where}[{number}]"
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            raise bad_request(
                f"The environment variable name {name!r} is invalid: it has letters, digits and "
                "underscores, and does not begin with a digit.",
                code="InvalidEnvironmentVariableName",
                target=f"{here}.name",
            )
        if name in seen:
            raise _invalid(f"The environment variable '{name}' is set twice.", f"{here}.name")
        seen.add(name)
        value, secure = variable.get("value"), variable.get("secureValue")
        if value is not None and secure is not None:
            raise _invalid(f"'{name}' has a value and a secure value: it has one of them.", here)
        for text in (value, secure):
            if text is not None and not isinstance(text, str):
                raise _invalid(f"The value of '{name}' must be a string, not {text!r}.", here)


def _check_ports(ports: Any, where: str) -> None:
    for number, port in enumerate(ports or []):
        check_port(port, f"{where}[{number}]")


def _check_resources(resources: Any, name: str, where: str) -> None:
    requests = (resources or {}).get("requests")
    if not requests:
        raise bad_request(
            f"The resource requests are not specified in container '{name}'. Both memory and CPU "
            "requests are required: memoryInGB and cpu.",
            code="ResourceRequestsNotSpecified",
            target=f"{where}.requests",
        )
    limits = resources.get("limits") or {}
    if requests.get("gpu") or limits.get("gpu"):
        raise not_emulated("GPUs of a container")
    for field in ("cpu", "memoryInGB"):
        if requests.get(field) is None:
            raise bad_request(
                f"The '{field}' request is not specified in container '{name}'.",
                code="ResourceSomeRequestsNotSpecified",
                target=f"{where}.requests.{field}",
            )
        for kind, values in (("requests", requests), ("limits", limits)):
            value = values.get(field, requests[field])
            if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
                raise bad_request(
                    f"The {field} of the container '{name}' must be a number above 0, "
                    f"not {value!r}.",
                    code="InvalidResourceRequests",
                    target=f"{where}.{kind}.{field}",
                )
            if value < requests[field]:
                raise bad_request(
                    f"The limit of {field} of the container '{name}' ({value:g}) is less than "
                    f"what it requests ({requests[field]:g}).",
                    code="InvalidResourceLimits",
                    target=f"{where}.{kind}.{field}",
                )


def _check_probe(probe: Any, where: str) -> None:
    kinds = [kind for kind in ("exec", "httpGet") if probe.get(kind)]
    if len(kinds) != 1:
        raise _invalid("A probe has either exec or httpGet.", where)
    if kinds == ["exec"]:
        _check_command(probe["exec"].get("command") or None, f"{where}.exec.command")
        if not probe["exec"].get("command"):
            raise _invalid("The probe's command is missing.", f"{where}.exec.command")
    else:
        port = probe["httpGet"].get("port")
        if not isinstance(port, int) or not 0 < port < 65536:
            raise _invalid(f"The probe's port {port!r} is invalid.", f"{where}.httpGet.port")
        scheme = str(probe["httpGet"].get("scheme") or "http").lower()
        if scheme not in ("http", "https"):
            raise _invalid(f"The probe's scheme {scheme!r} is invalid.", f"{where}.httpGet.scheme")
    for field, least in _PROBE_NUMBERS.items():
        value = probe.get(field)
        if value is not None and (not isinstance(value, int) or value < least):
            raise _invalid(f"{field} must be at least {least}, not {value!r}.", f"{where}.{field}")


def _invalid(message: str, target: str) -> ArmError:
    return bad_request(message, code="InvalidRequestContent", target=target)
