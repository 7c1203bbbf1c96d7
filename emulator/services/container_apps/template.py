"""What `properties.template` may be: containers, their resources and probes, volumes, scaling.

https://learn.microsoft.com/azure/container-apps/containers
https://learn.microsoft.com/azure/container-apps/azure-resource-manager-api-spec
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from emulator.arm.errors import bad_request, not_emulated
from emulator.services.container_apps.fields import invalid, objects, pick, section, whole

MOST_REPLICAS = 300  # what local Azure takes; Azure's own limit is 1,000
DEFAULT_REPLICAS = 10
DEFAULT_CONCURRENCY = 10
LONGEST_NAME = 54  # a revision's, the app's name and two dashes included
PROBE_TYPES = {"liveness": "Liveness", "readiness": "Readiness", "startup": "Startup"}
# Consumption: cores in quarters up to 4, and 2 Gi for each core.
SIZES = {Decimal(n) / 4: Decimal(n) / 2 for n in range(1, 17)}
_CONTAINER_NAME = re.compile(r"[a-z0-9](?!.*--)([a-z0-9-]*[a-z0-9])?")
_SUFFIX = re.compile(r"[a-z](?!.*--)([a-z0-9-]*[a-z0-9])?")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def normal_template(given: dict[str, Any], app: str, secrets: set[str]) -> dict[str, Any]:
    """The template as it is kept and shown. Raises ArmError 400 naming the field, or 501."""
    if given.get("serviceBinds"):
        raise not_emulated("serviceBinds of a container app")
    volumes = [_volume(volume, secrets) for volume in objects(given, "volumes")]
    known = {volume["name"]: volume for volume in volumes}
    containers = [
        _container(container, known, secrets, init=False)
        for container in objects(given, "containers")
    ]
    if not containers:
        raise bad_request(
            "A container app must have at least one container in its template.",
            code="ContainerAppContainersRequired",
            target="properties.template.containers",
        )
    inits = [
        _container(container, known, secrets, init=True)
        for container in objects(given, "initContainers")
    ]
    names = [container["name"] for container in containers + inits]
    if twice := {name for name in names if names.count(name) > 1}:
        name = min(twice)
        raise invalid("template.containers", f'Invalid value: "{name}": must be unique')
    _check_total(containers)
    suffix = given.get("revisionSuffix") or ""
    check_suffix(suffix, app)
    return {
        "revisionSuffix": suffix,
        "terminationGracePeriodSeconds": whole(
            given, "terminationGracePeriodSeconds", "template", 0, 600, 30
        ),
        "containers": containers,
        "initContainers": inits or None,
        "scale": _scale(section(given, "scale")),
        "volumes": volumes or None,
    }


def changed(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether a template makes a new revision: when it runs something else, or has a new name."""
    suffix = after["revisionSuffix"]
    return (bool(suffix) and suffix != before["revisionSuffix"]) or any(
        before[key] != after[key] for key in before if key != "revisionSuffix"
    )


def check_suffix(suffix: object, app: str) -> None:
    name = f"{app}--{suffix}"
    if suffix and (
        not isinstance(suffix, str) or not _SUFFIX.fullmatch(suffix) or len(name) > LONGEST_NAME
    ):
        raise bad_request(
            f"Revision name has an invalid value '{suffix}'. A revision name must consist of lower "
            "case alphanumeric characters or '-', start with an alphabetic character, and end with "
            "an alphanumeric character. The length of the revision name must not be more than a "
            f"combined {LONGEST_NAME} characters with the container app name.",
            code="ContainerAppInvalidRevisionName",
            target="properties.template.revisionSuffix",
        )


def _container(
    given: dict[str, Any], volumes: dict[str, Any], secrets: set[str], *, init: bool
) -> dict[str, Any]:
    kind = "initContainers" if init else "containers"
    name = given.get("name")
    if not isinstance(name, str) or not _CONTAINER_NAME.fullmatch(name) or len(name) > 46:
        raise invalid(
            f"template.{kind}.name",
            f'Invalid value: "{name or ""}": a container name must consist of lower case '
            "alphanumeric characters or '-', start and end with an alphanumeric character, and be "
            "at most 46 characters",
        )
    field = f"template.{kind}.{name}"
    if not given.get("image"):
        raise bad_request(
            f"Container with name '{name}' must have an 'Image' property specified.",
            code="ContainerAppImageRequired",
            target=f"properties.{field}.image",
        )
    for key in ("command", "args"):
        if not all(isinstance(word, str) for word in given.get(key) or []):
            raise invalid(f"{field}.{key}", "Invalid value: must be a list of strings")
    probes = [_probe(probe, field) for probe in objects(given, "probes")]
    kinds = [probe["type"] for probe in probes]
    if len(kinds) != len(set(kinds)):
        raise invalid(f"{field}.probes", "Invalid value: only one probe of each type is allowed")
    if init and probes:
        raise invalid(f"{field}.probes", "Invalid value: init containers have no probes")
    return {
        "image": str(given["image"]).strip(),
        "name": name,
        **pick(given, ("command", "args")),
        **_some("env", [_variable(item, name, field, secrets) for item in objects(given, "env")]),
        "resources": _resources(section(given, "resources"), field),
        **_some("probes", probes),
        **_some(
            "volumeMounts",
            [_mount(mount, field, volumes) for mount in objects(given, "volumeMounts")],
        ),
    }


def _some(key: str, items: list[Any]) -> dict[str, Any]:
    return {key: items} if items else {}


def _variable(
    given: dict[str, Any], container: str, field: str, secrets: set[str]
) -> dict[str, str]:
    name = given.get("name")
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise invalid(f"{field}.env.name", f'Invalid value: "{name}": not the name of a variable')
    if reference := given.get("secretRef"):
        if reference not in secrets:
            raise unknown_secret(reference, f"container '{container}'", f"{field}.env.{name}")
        return {"name": name, "secretRef": reference}
    return {"name": name, "value": str(given.get("value") or "")}


def unknown_secret(reference: str, where: str, field: str) -> Exception:
    return bad_request(
        f"SecretRef '{reference}' defined for {where} not found.",
        code="ContainerAppSecretRefNotFound",
        target=f"properties.{field}",
    )


def _resources(given: dict[str, Any], field: str) -> dict[str, Any]:
    cpu, memory = given.get("cpu"), given.get("memory")
    if cpu is None and memory is None:
        cpu, memory = 0.5, "1Gi"
    if isinstance(cpu, bool) or not isinstance(cpu, int | float) or not 0 < cpu <= 4:
        raise invalid(f"{field}.resources.cpu", f"Invalid value: {cpu}: must be above 0, up to 4")
    found = re.fullmatch(r"(\d+(?:\.\d+)?)Gi", str(memory))
    if not found or not Decimal(found[1]):
        raise invalid(
            f"{field}.resources.memory", f'Invalid value: "{memory}": must be such as "0.5Gi"'
        )
    storage = next(size for most, size in ((0.25, 1), (0.5, 2), (1, 4), (4, 8)) if cpu <= most)
    return {"cpu": float(cpu), "memory": str(memory), "ephemeralStorage": f"{storage}Gi"}


def _check_total(containers: list[dict[str, Any]]) -> None:
    total = [container["resources"] for container in containers]
    cpu = sum(Decimal(str(resources["cpu"])) for resources in total)
    memory = sum(Decimal(resources["memory"][:-2]) for resources in total)
    if SIZES.get(Decimal(cpu)) != memory:
        allowed = "; ".join(
            f"[cpu: {cores.normalize():f}, memory: {size:.1f}Gi]" for cores, size in SIZES.items()
        )
        raise bad_request(
            "The total requested CPU and memory resources for this application (CPU: "
            f"{cpu}, memory: {memory}) is invalid. Total CPU and memory for all containers defined "
            "in a Container App must add up to one of the following CPU - Memory combinations: "
            f"{allowed}",
            code="ContainerAppInvalidResourceTotal",
            target="properties.template.containers.resources",
        )


def _probe(given: dict[str, Any], field: str) -> dict[str, Any]:
    kind = PROBE_TYPES.get(str(given.get("type")).lower())
    if kind is None:
        raise invalid(
            f"{field}.probes.type",
            f'Invalid value: "{given.get("type")}": one of {", ".join(PROBE_TYPES.values())}',
        )
    where = f"{field}.probes.{kind}"
    http, tcp = section(given, "httpGet"), section(given, "tcpSocket")
    if bool(http) == bool(tcp):
        raise invalid(where, "Required value: either httpGet or tcpSocket")
    target = http or tcp
    port = whole(target, "port", f"{where}.{'httpGet' if http else 'tcpSocket'}", 1, 65535, 0)
    if not port:
        raise invalid(f"{where}.port", "Required value")
    if http:
        if str(http.get("scheme") or "HTTP").upper() != "HTTP":
            raise not_emulated("https probes of a container")
        request: dict[str, Any] = {
            "httpGet": {
                **pick(http, ("host", "httpHeaders")),
                "path": str(http.get("path") or "/"),
                "port": port,
                "scheme": "HTTP",
            }
        }
    else:
        request = {"tcpSocket": {"port": port}}
    most_failures = 240 if kind == "Startup" else 48
    return {
        "type": kind,
        **request,
        "failureThreshold": whole(given, "failureThreshold", where, 1, most_failures, 3),
        "initialDelaySeconds": whole(given, "initialDelaySeconds", where, 0, 60, 0),
        "periodSeconds": whole(given, "periodSeconds", where, 1, 240, 10),
        "successThreshold": whole(given, "successThreshold", where, 1, 10, 1),
        "timeoutSeconds": whole(given, "timeoutSeconds", where, 1, 240, 1),
    }


def _volume(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
    name, kind = given.get("name"), str(given.get("storageType") or "EmptyDir")
    if not isinstance(name, str) or not _CONTAINER_NAME.fullmatch(name):
        raise invalid("template.volumes.name", f'Invalid value: "{name}"')
    if kind.lower() == "emptydir":
        return {"name": name, "storageType": "EmptyDir"}
    if kind.lower() != "secret":
        raise not_emulated(f"volumes of storage type {kind}")
    items = objects(given, "secrets")
    for item in items:
        if item.get("secretRef") not in secrets:
            raise unknown_secret(
                str(item.get("secretRef")), f"volume '{name}'", f"template.volumes.{name}"
            )
    return {
        "name": name,
        "storageType": "Secret",
        **_some("secrets", [pick(item, ("secretRef", "path")) for item in items]),
    }


def _mount(given: dict[str, Any], field: str, volumes: dict[str, Any]) -> dict[str, Any]:
    if given.get("volumeName") not in volumes:
        raise invalid(
            f"{field}.volumeMounts.volumeName",
            f'Invalid value: "{given.get("volumeName")}": no volume of the template has this name',
        )
    if not str(given.get("mountPath") or "").startswith("/"):
        raise invalid(
            f"{field}.volumeMounts.mountPath",
            f'Invalid value: "{given.get("mountPath")}": must be an absolute path',
        )
    if given.get("subPath"):
        raise not_emulated("subPath of a volume mount")
    return pick(given, ("volumeName", "mountPath"))


def _scale(given: dict[str, Any]) -> dict[str, Any]:
    most = whole(given, "maxReplicas", "template.scale", 1, MOST_REPLICAS, DEFAULT_REPLICAS)
    least = whole(given, "minReplicas", "template.scale", 0, MOST_REPLICAS, 0)
    if least > most:
        raise invalid(
            "template.scale.minReplicas",
            f"Invalid value: {least}: must not be more than maxReplicas, which is {most}",
        )
    return {
        "minReplicas": least,
        "maxReplicas": most,
        "cooldownPeriod": whole(given, "cooldownPeriod", "template.scale", 0, 86400, 300),
        "pollingInterval": whole(given, "pollingInterval", "template.scale", 1, 3600, 30),
        "rules": [_rule(rule) for rule in objects(given, "rules")] or None,
    }


def _rule(given: dict[str, Any]) -> dict[str, Any]:
    name = given.get("name")
    if not name:
        raise invalid("template.scale.rules.name", "Required value")
    field = f"template.scale.rules.{name}"
    for kind in ("azureQueue", "custom", "tcp"):
        if given.get(kind) is not None:
            raise not_emulated(f"{kind} scale rules, only http ones")
    if given.get("http") is None:
        raise invalid(field, "Required value: one of azureQueue, custom, http, tcp")
    metadata = section(section(given, "http"), "metadata")
    target = str(metadata.get("concurrentRequests", DEFAULT_CONCURRENCY))
    if not target.isdecimal() or int(target) < 1:
        raise invalid(
            f"{field}.http.metadata.concurrentRequests",
            f'Invalid value: "{target}": must be a whole number above 0',
        )
    return {"name": name, "http": {"metadata": {**metadata, "concurrentRequests": target}}}


def concurrency(template: dict[str, Any]) -> int:
    """Requests at once that a replica should have: the smallest of the rules, Azure's default."""
    rules = template["scale"]["rules"] or []
    targets = [int(rule["http"]["metadata"]["concurrentRequests"]) for rule in rules]
    return min(targets, default=DEFAULT_CONCURRENCY)
