"""A compute cluster as it is asked for: read once from a body, and written as it is shown.

https://learn.microsoft.com/rest/api/azureml/compute/create-or-update
https://learn.microsoft.com/azure/machine-learning/reference-yaml-compute-aml
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.arm.managed_identity import NO_IDENTITY, ManagedIdentities, read_own_identity
from emulator.arm.tags import read_tags
from emulator.services.machine_learning.cluster_sizes import find_cluster_size
from emulator.services.machine_learning.durations import iso_of
from emulator.services.machine_learning.errors import bad_argument

CLUSTER = "AmlCompute"
KINDS = (
    CLUSTER,
    *("AKS", "ComputeInstance", "DataFactory", "DataLakeAnalytics", "Databricks", "HDInsight"),
    *("Kubernetes", "SynapseSpark", "VirtualMachine"),
)
DEDICATED, LOW_PRIORITY = "Dedicated", "LowPriority"
PORTS = ("Enabled", "Disabled", "NotSpecified")
MOST_NODES = 65_000
LONGEST_IDLE = 24 * 3600.0  # seconds


@dataclass(frozen=True)
class ScaleSpec:
    """How many nodes a cluster has; `idle` is in seconds, None where nothing is said of it."""

    least: int
    most: int
    idle: float | None = None

    def to_body(self) -> dict[str, Any]:
        return {
            "maxNodeCount": self.most,
            "minNodeCount": self.least,
            "nodeIdleTimeBeforeScaleDown": None if self.idle is None else iso_of(self.idle),
        }


@dataclass(frozen=True)
class ComputeSpec:
    """One compute cluster. `size` is one of CLUSTER_SIZES."""

    size: str
    scale: ScaleSpec
    priority: str = DEDICATED
    identity: ManagedIdentities = NO_IDENTITY
    description: str | None = None
    local_auth_disabled: bool = True
    port: str = "NotSpecified"
    tags: Mapping[str, str] = field(default_factory=dict)

    def to_body(self) -> dict[str, Any]:
        """The body as Azure shows it, but for what the service adds; `read_compute` reads it."""
        return {
            "tags": dict(self.tags),
            "properties": {
                "computeType": CLUSTER,
                "description": self.description,
                "disableLocalAuth": self.local_auth_disabled,
                "resourceId": None,
                "isAttachedCompute": False,
                "provisioningErrors": None,
                "properties": {
                    "osType": "Linux",
                    "vmSize": self.size,
                    "vmPriority": self.priority,
                    "virtualMachineImage": None,
                    "isolatedNetwork": False,
                    "scaleSettings": self.scale.to_body(),
                    "userAccountCredentials": None,
                    "subnet": None,
                    "remoteLoginPortPublicAccess": self.port,
                    "enableNodePublicIp": True,
                    "errors": None,
                },
            },
        }


def compute_of(body: object) -> ComputeSpec:
    """The cluster that a stored body describes."""
    return read_compute(Fields(body, refuse=bad_argument))


def read_compute(body: Fields) -> ComputeSpec:
    """Raises ArmError: 400 naming the field at fault, 501 for what is not emulated."""
    properties = body.object("properties", required=True)
    kind = properties.choice("computeType", KINDS)
    if kind is None:
        raise properties.missing("computeType")
    if kind != CLUSTER:
        raise not_emulated(f"computes of the type {kind}, only {CLUSTER}")
    cluster = properties.object("properties", required=True)
    if cluster.choice("osType", ("Linux", "Windows"), "Linux") != "Linux":
        raise not_emulated("compute clusters of Windows")
    cluster.flag("isolatedNetwork")
    cluster.flag("enableNodePublicIp")
    port = cluster.choice("remoteLoginPortPublicAccess", PORTS, PORTS[-1])
    cluster.not_emulated(
        {
            "userAccountCredentials": None,
            "virtualMachineImage": None,
            "isolatedNetwork": False,
            "subnet": None,
            "propertyBag": None,
        },
        "compute clusters",
    )
    if cluster.flag("enableNodePublicIp") is False:
        raise not_emulated(f"'{cluster.at('enableNodePublicIp')}: false' of compute clusters")
    if port == "Enabled":
        raise not_emulated("SSH to the nodes of compute clusters, which are processes")
    return ComputeSpec(
        size=find_cluster_size(cluster.required_text("vmSize")),
        scale=read_scale(cluster.object("scaleSettings", required=True)),
        priority=cluster.choice("vmPriority", (DEDICATED, LOW_PRIORITY), DEDICATED),
        identity=read_own_identity(body, NO_IDENTITY, "compute clusters"),
        description=properties.text("description"),
        local_auth_disabled=properties.flag("disableLocalAuth", True),
        port=port,
        tags=read_tags(body),
    )


def read_scale(scale: Fields) -> ScaleSpec:
    """Raises ArmError 400."""
    most = scale.whole("maxNodeCount", most=MOST_NODES)
    if most is None:
        raise scale.missing("maxNodeCount")
    least = scale.whole("minNodeCount", 0)
    if least > most:
        raise scale.wrong("minNodeCount", f"at most 'maxNodeCount', which is {most}")
    idle = scale.duration("nodeIdleTimeBeforeScaleDown")
    if idle is not None and not 0 <= idle <= LONGEST_IDLE:
        raise scale.wrong(
            "nodeIdleTimeBeforeScaleDown", 'an ISO 8601 duration of at most a day, such as "PT2M"'
        )
    return ScaleSpec(least, most, idle)


def with_scale(spec: ComputeSpec, scale: Fields) -> ComputeSpec:
    """The same with what a PATCH says of its scale."""
    before = spec.scale
    return replace(
        spec,
        scale=read_scale(
            Fields(
                {
                    **before.to_body(),
                    **{name: scale.raw(name) for name in before.to_body() if scale.has(name)},
                },
                scale.path,
                scale.refuse,
            )
        ),
    )
