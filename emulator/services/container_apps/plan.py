"""What a replica runs, from an app's template and configuration.

https://learn.microsoft.com/azure/container-apps/environment-variables
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from emulator.processes.probes import Probe
from emulator.services.container_apps.app_configuration import AppConfiguration
from emulator.services.container_apps.app_container import AppContainer
from emulator.services.container_apps.app_probe import default_readiness, default_startup
from emulator.services.container_apps.app_template import DEFAULT_GRACE, AppTemplate
from emulator.services.container_apps.app_volume import AppVolume
from emulator.services.container_apps.errors import unknown_secret
from emulator.services.container_apps.scaling import Load


@dataclass(frozen=True)
class ContainerPlan:
    """`startup_grace` and `liveness_grace` are how long (seconds) it has to end when that probe
    fails; None: as long as the replica's `grace`."""

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
    startup_grace: float | None = None
    liveness_grace: float | None = None


@dataclass(frozen=True)
class ReplicaPlan:
    """`target_port` is the container port that the ingress sends requests to, None without one.

    `grace` is how long (seconds) containers have to end. `has_identity` says whether they are told
    where the app's managed identity is.
    """

    revision: str
    containers: tuple[ContainerPlan, ...]
    inits: tuple[ContainerPlan, ...]
    target_port: int | None
    grace: float
    has_identity: bool = False

    @property
    def allowed(self) -> Load:
        """What the containers may use, together."""
        memory = sum(container.memory_gb for container in self.containers)
        return Load(sum(container.cpu for container in self.containers), memory * 2**30)

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
    template: AppTemplate,
    configuration: AppConfiguration,
    exposed: Mapping[str, tuple[int, ...]],
    facts: AppFacts,
) -> ReplicaPlan:
    """`exposed` has, for each image, the ports that it says it listens on.

    Raises ArmError 400 when it refers to a secret that the app has no more.
    """
    ingress, secrets = configuration.ingress, configuration.secret_values
    check_secrets(template.containers + template.init_containers, template.volumes, secrets)
    serving, target = 0, None
    if ingress:
        target = ingress.target_port or _first_port(template.containers, exposed)
        # Containers share one network: the one that listens on the port is the one whose image
        # says so, the first if none does.
        serving = next(
            (
                n
                for n, one in enumerate(template.containers)
                if target in exposed.get(one.image, ())
            ),
            0,
        )
    told = {
        "CONTAINER_APP_NAME": facts.app,
        "CONTAINER_APP_REVISION": facts.revision,
        "CONTAINER_APP_HOSTNAME": facts.hostname,
        "CONTAINER_APP_ENV_DNS_SUFFIX": facts.domain,
        **({"CONTAINER_APP_PORT": str(target)} if target else {}),
    }
    surroundings = Surroundings(told, secrets, template.volumes)

    return ReplicaPlan(
        facts.revision,
        tuple(
            container_plan(one, surroundings, target if n == serving else None)
            for n, one in enumerate(template.containers)
        ),
        tuple(container_plan(one, surroundings) for one in template.init_containers),
        target,
        DEFAULT_GRACE if template.grace is None else template.grace,
    )


@dataclass(frozen=True)
class Surroundings:
    """What the containers of a replica have in common: the variables that Azure sets, the values
    of the secrets, and the volumes."""

    told: Mapping[str, str]
    secrets: Mapping[str, str]
    volumes: tuple[AppVolume, ...]


def container_plan(
    one: AppContainer, around: Surroundings, port: int | None = None
) -> ContainerPlan:
    """What one container runs. `port` is the one that the ingress sends requests to, if it is this
    container's."""
    secrets = dict(around.secrets)
    volumes = {volume.name: volume for volume in around.volumes}
    probes = {item.type: item.probe for item in one.probes}
    graces = {item.type: item.grace for item in one.probes}
    if port:
        probes.setdefault("Startup", default_startup(port))
        probes.setdefault("Readiness", default_readiness(port))
    first = (port,) if port else ()
    probed = (probe.port for probe in probes.values())
    mounts = [(mount.path, volumes[mount.volume]) for mount in one.mounts]
    return ContainerPlan(
        name=one.name,
        image=one.image,
        command=one.command or None,
        args=one.args or None,
        variables={
            **around.told,
            **{
                item.name: secrets[item.secret] if item.secret else item.value
                for item in one.variables
            },
        },
        ports=tuple(dict.fromkeys((*first, *filter(None, probed)))),
        cpu=one.resources.cpu,
        memory_gb=one.resources.memory_gb,
        files={
            f"{path.rstrip('/')}/{name}": content
            for path, volume in mounts
            if volume.type == "Secret"
            for name, content in volume.files(secrets).items()
        },
        empty_dirs={path: volume.name for path, volume in mounts if volume.type == "EmptyDir"},
        startup=probes.get("Startup"),
        readiness=probes.get("Readiness"),
        liveness=probes.get("Liveness"),
        startup_grace=graces.get("Startup"),
        liveness_grace=graces.get("Liveness"),
    )


def check_secrets(
    containers: Iterable[AppContainer], volumes: Iterable[AppVolume], secrets: Mapping[str, str]
) -> None:
    """Raises ArmError 400 when one of them refers to a secret that is not there."""
    for container in containers:
        for variable in container.variables:
            if variable.secret and variable.secret not in secrets:
                path = f"properties.template.containers.{container.name}.env.{variable.name}"
                where = f"container '{container.name}'"
                raise unknown_secret(variable.secret, where, path)
    for volume in volumes:
        for reference, _ in volume.secrets:
            if reference not in secrets:
                path = f"properties.template.volumes.{volume.name}"
                raise unknown_secret(reference, f"volume '{volume.name}'", path)


def _first_port(
    containers: tuple[AppContainer, ...], exposed: Mapping[str, tuple[int, ...]]
) -> int:
    """Without a targetPort, Azure takes the one that the image exposes, or 80."""
    found = [port for one in containers for port in exposed.get(one.image, ())]
    return found[0] if found else 80
