"""What a replica runs, from an app's template and configuration.

https://learn.microsoft.com/azure/container-apps/environment-variables
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.processes.probes import Probe
from emulator.services.container_apps.configuration import secret_values
from emulator.services.container_apps.probes import (
    default_readiness,
    default_startup,
    read_probe,
)


@dataclass(frozen=True)
class ContainerPlan:
    name: str
    image: str
    command: tuple[str, ...] | None
    args: tuple[str, ...] | None
    variables: Mapping[str, str]
    ports: tuple[int, ...]
    cpu: float
    memory_gb: float
    files: Mapping[str, bytes] = field(default_factory=dict)
    empty_dirs: Mapping[str, str] = field(default_factory=dict)
    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None


@dataclass(frozen=True)
class ReplicaPlan:
    """`target_port` is the container port that the ingress sends requests to, None without one.

    `grace` is how long (seconds) containers have to end.
    """

    revision: str
    containers: tuple[ContainerPlan, ...]
    inits: tuple[ContainerPlan, ...]
    target_port: int | None
    grace: float

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports of the containers, each once."""
        found = (port for container in self.containers for port in container.ports)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class AppFacts:
    """What a container is told about where it runs, in its variables."""

    app: str
    revision: str
    hostname: str
    domain: str


def replica_plan(
    template: Mapping[str, Any],
    configuration: Mapping[str, Any],
    exposed: Mapping[str, tuple[int, ...]],
    facts: AppFacts,
) -> ReplicaPlan:
    """`exposed` has, for each image, the ports that it says it listens on."""
    ingress = configuration["ingress"]
    given = template["containers"]
    serving, target = 0, None
    if ingress:
        target = ingress["targetPort"] or _first_port(given, exposed)
        # Containers share one network: the one that listens on the port is the one whose image
        # says so, the first if none does.
        serving = next(
            (n for n, one in enumerate(given) if target in exposed.get(one["image"], ())), 0
        )
    told = {
        "CONTAINER_APP_NAME": facts.app,
        "CONTAINER_APP_REVISION": facts.revision,
        "CONTAINER_APP_HOSTNAME": facts.hostname,
        "CONTAINER_APP_ENV_DNS_SUFFIX": facts.domain,
        **({"CONTAINER_APP_PORT": str(target)} if target else {}),
    }
    secrets = secret_values(dict(configuration))
    volumes = {volume["name"]: volume for volume in template["volumes"] or []}

    def plan(one: Mapping[str, Any], port: int | None) -> ContainerPlan:
        probes = {item["type"]: read_probe(item) for item in one.get("probes", ())}
        if port:
            probes.setdefault("Startup", default_startup(port))
            probes.setdefault("Readiness", default_readiness(port))
        first = (port,) if port else ()
        probed = (probe.port for probe in probes.values())
        mounts = [
            (mount["mountPath"], volumes[mount["volumeName"]])
            for mount in one.get("volumeMounts", ())
        ]
        return ContainerPlan(
            name=one["name"],
            image=one["image"],
            command=tuple(one["command"]) if one.get("command") else None,
            args=tuple(one["args"]) if one.get("args") else None,
            variables={
                **told,
                **{
                    item["name"]: secrets[item["secretRef"]]
                    if "secretRef" in item
                    else item["value"]
                    for item in one.get("env", ())
                },
            },
            ports=tuple(dict.fromkeys((*first, *filter(None, probed)))),
            cpu=one["resources"]["cpu"],
            memory_gb=float(one["resources"]["memory"][:-2]),
            files={
                f"{path.rstrip('/')}/{name}": content
                for path, volume in mounts
                if volume["storageType"] == "Secret"
                for name, content in _secret_files(volume, secrets).items()
            },
            empty_dirs={
                path: volume["name"]
                for path, volume in mounts
                if volume["storageType"] == "EmptyDir"
            },
            startup=probes.get("Startup"),
            readiness=probes.get("Readiness"),
            liveness=probes.get("Liveness"),
        )

    return ReplicaPlan(
        facts.revision,
        tuple(plan(one, target if n == serving else None) for n, one in enumerate(given)),
        tuple(plan(one, None) for one in template["initContainers"] or []),
        target,
        template["terminationGracePeriodSeconds"],
    )


def _first_port(containers: list[Mapping[str, Any]], exposed: Mapping[str, tuple[int, ...]]) -> int:
    """Without a targetPort, Azure takes the one that the image exposes, or 80."""
    found = [port for one in containers for port in exposed.get(one["image"], ())]
    return found[0] if found else 80


def _secret_files(volume: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, bytes]:
    """File name -> content: the secrets that the volume names, or all of the app's."""
    chosen = {
        item.get("path") or item["secretRef"]: secrets[item["secretRef"]]
        for item in volume.get("secrets", ())
    }
    return {name: value.encode() for name, value in (chosen or secrets).items()}
