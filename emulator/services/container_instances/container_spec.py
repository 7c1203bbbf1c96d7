"""One container of a group as it is asked for, read once from a request's body.

https://learn.microsoft.com/rest/api/container-instances/container-groups/create-or-update#container
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.arm.fields import Fields, refusing
from emulator.processes.probes import ExecCommand, HttpGet, Probe
from emulator.services.container_instances.resources_spec import ContainerResources
from emulator.services.container_instances.volume_spec import GroupVolume, MountedVolume

# With capitals, as Microsoft's own samples have them; two names that differ in case are the same.
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# [host[:port]/]path[:tag][@digest]
_IMAGE = re.compile(
    r"([\w.-]+(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_EXAMPLE = "Write a reference such as myregistry.azurecr.io/digits:1."
# The numbers of a probe -> the least that each may be.
_PROBE_NUMBERS = {
    "initialDelaySeconds": 0,
    "periodSeconds": 1,
    "failureThreshold": 1,
    "successThreshold": 1,
    "timeoutSeconds": 1,
}


@dataclass(frozen=True)
class ContainerVariable:
    """An environment variable. At most one of both values is given; without any it is empty."""

    name: str
    value: str | None
    secure_value: str | None

    @property
    def text(self) -> str:
        return self.value or self.secure_value or ""

    def to_body(self, *, secrets: bool) -> dict[str, Any]:
        body = {"name": self.name}
        if self.value is not None:
            body["value"] = self.value
        if secrets and self.secure_value is not None:
            body["secureValue"] = self.secure_value
        return body


@dataclass(frozen=True)
class ContainerProbe:
    """A liveness or readiness probe. `numbers` are those that were given, by their names.

    https://learn.microsoft.com/azure/container-instances/container-instances-liveness-probe
    """

    action: ExecCommand | HttpGet
    numbers: tuple[tuple[str, int], ...]

    @property
    def probe(self) -> Probe:
        """With the REST reference's defaults for what was not given."""
        given = dict(self.numbers)
        return Probe(
            self.action,
            initial_delay=given.get("initialDelaySeconds", 0),
            period=given.get("periodSeconds", 10),
            timeout=given.get("timeoutSeconds", 1),
            success_threshold=given.get("successThreshold", 1),
            failure_threshold=given.get("failureThreshold", 3),
        )

    def to_body(self) -> dict[str, Any]:
        if isinstance(self.action, ExecCommand):
            return {"exec": {"command": list(self.action.command)}, **dict(self.numbers)}
        get: dict[str, Any] = {
            "path": self.action.path,
            "port": self.action.port,
            "scheme": self.action.scheme,
        }
        if self.action.headers:
            get["httpHeaders"] = [
                {"name": name, "value": value} for name, value in self.action.headers
            ]
        return {"httpGet": get, **dict(self.numbers)}


@dataclass(frozen=True)
class GroupContainer:
    """A container, or an init container: that one has neither ports nor resources nor probes.

    `empty` are the lists that were sent empty, and `told` the ports whose protocol was sent: to be
    shown so.
    """

    name: str
    image: str
    command: tuple[str, ...]
    variables: tuple[ContainerVariable, ...]
    mounts: tuple[MountedVolume, ...]
    ports: tuple[int, ...] = ()
    resources: ContainerResources = field(default_factory=ContainerResources)
    liveness: ContainerProbe | None = None
    readiness: ContainerProbe | None = None
    empty: tuple[str, ...] = field(default=(), compare=False)
    told: tuple[int, ...] = field(default=(), compare=False)

    @property
    def is_init(self) -> bool:
        return not self.resources.cpu

    def to_body(self, *, secrets: bool) -> dict[str, Any]:
        """As a request has it; as a response has it without `secrets`."""
        properties: dict[str, Any] = {"image": self.image, **{name: [] for name in self.empty}}
        if self.command:
            properties["command"] = list(self.command)
        properties["environmentVariables"] = [
            one.to_body(secrets=secrets) for one in self.variables
        ]
        if self.mounts:
            properties["volumeMounts"] = [mount.to_body() for mount in self.mounts]
        if not self.is_init:
            properties["ports"] = [
                {"port": port, **({"protocol": "TCP"} if port in self.told else {})}
                for port in self.ports
            ]
            properties["resources"] = self.resources.to_body()
        for name, probe in (("livenessProbe", self.liveness), ("readinessProbe", self.readiness)):
            if probe:
                properties[name] = probe.to_body()
        return {"name": self.name, "properties": properties}


def read_container(
    fields: Fields, group: str, volumes: tuple[GroupVolume, ...], *, is_init: bool
) -> GroupContainer:
    """The container at `fields` of the group of that name. Raises ArmError naming the field."""
    name = fields.text("name") or ""
    if not _NAME.fullmatch(name):
        raise bad_request(
            f"The container name '{name}' in container group '{group}' is invalid. It can "
            "contain at most 63 letters, digits and hyphens. It must match the regex "
            "'[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?' (e.g. 'my-name').",
            code="InvalidContainerName",
            target=fields.at("name"),
        )
    properties = fields.object("properties", required=True)
    image = _image(properties, name, group)
    empty = sent_empty(properties, ("command", "volumeMounts"))
    properties.not_emulated(("securityContext", "configMap"), "a container")
    command = _command(properties)
    variables = _variables(properties)
    mounts = tuple(
        MountedVolume.read(mount, name, volumes) for mount in properties.objects("volumeMounts")
    )
    _check_distinct(properties, mounts)
    if is_init:
        return GroupContainer(name, image, command, variables, mounts, empty=empty)
    listed = properties.objects("ports")
    ports = tuple(read_port(port) for port in listed)
    told = tuple(port for port, each in zip(ports, listed, strict=True) if each.has("protocol"))
    return GroupContainer(
        name,
        image,
        command,
        variables,
        mounts,
        ports,
        ContainerResources.read(properties, name, group),
        _probe(properties, "livenessProbe"),
        _probe(properties, "readinessProbe"),
        empty,
        told,
    )


def sent_empty(fields: Fields, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the names whose list was sent, and is empty."""
    return tuple(name for name in names if fields.raw(name) == [])


def _command(fields: Fields) -> tuple[str, ...]:
    command = tuple(fields.texts("command"))
    if any("\0" in word for word in command):
        raise fields.error("command", f"'{fields.at('command')}' holds a NUL character.")
    return command


def read_port(fields: Fields) -> int:
    """A port of a container or of the group's address: from 1 to 65535, TCP."""
    strict = Fields(fields.value, fields.path, refusing("InvalidPort"))
    port = strict.whole("port", least=1, most=65535)
    if port is None:
        raise strict.missing("port")
    if fields.choice("protocol", ("TCP", "UDP"), "TCP") == "UDP":
        raise not_emulated("UDP ports of container groups")
    return port


def inaccessible_image(image: str, group: str, target: str, why: str) -> ArmError:
    return bad_request(
        f"The image '{image}' in container group '{group}' is not accessible. Please check the "
        f"image and registry credential. {why}",
        code="InaccessibleImage",
        target=target,
    )


def _image(properties: Fields, name: str, group: str) -> str:
    image = properties.text("image")
    if not image:
        raise bad_request(
            f"The image of the container '{name}' in container group '{group}' is missing.",
            code="MissingImage",
            target=properties.at("image"),
        )
    if not _IMAGE.fullmatch(image):
        why = "It is a URL." if "://" in image else "It is no image's name."
        raise inaccessible_image(image, group, properties.at("image"), f"{why} {_EXAMPLE}")
    return image


def _variables(properties: Fields) -> tuple[ContainerVariable, ...]:
    found: dict[str, ContainerVariable] = {}
    for fields in properties.objects("environmentVariables"):
        name = fields.text("name") or ""
        if not _VARIABLE.fullmatch(name):
            raise bad_request(
                f"The environment variable name {name!r} is invalid: it has letters, digits and "
                "underscores, and does not begin with a digit.",
                code="InvalidEnvironmentVariableName",
                target=fields.at("name"),
            )
        if name in found:
            raise fields.error("name", f"The environment variable '{name}' is set twice.")
        value, secure = fields.text("value"), fields.text("secureValue")
        if value is not None and secure is not None:
            raise fields.error("", f"'{name}' has a value and a secure value: it has one of them.")
        if "\0" in (value or secure or ""):
            raise fields.error("value" if secure is None else "secureValue", _no_nul(name))
        found[name] = ContainerVariable(name, value, secure)
    return tuple(found.values())


def _no_nul(name: str) -> str:
    return f"The value of the environment variable '{name}' holds a NUL character."


def _check_distinct(properties: Fields, mounts: tuple[MountedVolume, ...]) -> None:
    seen: set[str] = set()
    for number, mount in enumerate(mounts):
        if mount.folder in seen:
            where = f"{properties.at('volumeMounts')}[{number}].mountPath"
            raise properties.refuse(where, f"The mount path '{mount.path}' is used more than once.")
        seen.add(mount.folder)


def _probe(properties: Fields, name: str) -> ContainerProbe | None:
    fields = properties.object(name)
    if not fields.names():
        return None
    command, get = fields.object("exec"), fields.object("httpGet")
    kinds = [kind for kind in (command, get) if kind.names()]
    if len(kinds) != 1:
        raise fields.error("", "A probe has either exec or httpGet.")
    numbers = tuple(
        (number, value)
        for number, least in _PROBE_NUMBERS.items()
        if (value := fields.whole(number, least=least, most=2**31 - 1)) is not None
    )
    read: Callable[[Fields], ExecCommand | HttpGet] = _exec if kinds == [command] else _http_get
    return ContainerProbe(read(kinds[0]), numbers)


def _exec(fields: Fields) -> ExecCommand:
    command = _command(fields)
    if not command:
        raise fields.error("command", "The probe's command is missing.")
    return ExecCommand(command)


def _http_get(fields: Fields) -> HttpGet:
    port = fields.whole("port", least=1, most=65535)
    if port is None:
        raise fields.missing("port")
    path = fields.text("path", "/", pattern=r"[!-~]*", expected="a path without spaces") or "/"
    https = fields.choice("scheme", ("http", "https"), "http") == "https"
    headers = tuple(
        (
            header.required_text("name", pattern=r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", expected="a name"),
            header.text("value", "", pattern=r"[^\r\n\0]*", expected="one line"),
        )
        for header in fields.objects("httpHeaders")
    )
    return HttpGet(port, path, "https" if https else "http", headers)
