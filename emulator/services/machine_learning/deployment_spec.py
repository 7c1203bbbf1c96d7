"""An online deployment as it is asked for: read once from a body, and written as it is shown.

https://learn.microsoft.com/rest/api/azureml/online-deployments/create-or-update
https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-managed-online
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.arm.tags import read_tags
from emulator.inference_servers.server import DEFAULT_PROBE
from emulator.processes.probes import Probe
from emulator.services.machine_learning.durations import iso_of
from emulator.services.machine_learning.errors import bad_argument
from emulator.services.machine_learning.instance_types import find_instance_type
from emulator.services.machine_learning.variables import read_variables

MOST_INSTANCES = 50  # a deployment
LONGEST_REQUEST = 180.0  # seconds
INT32 = 2**31 - 1
COMPUTES = ("Managed", "Kubernetes", "AzureMLCompute")
SCALE_TYPES = ("Default", "TargetUtilization")
SWITCH = ("Enabled", "Disabled")
SKU_TIERS = ("Free", "Basic", "Standard", "Premium")


@dataclass(frozen=True)
class RequestSettings:
    """How requests are given to an instance; times in seconds.

    `longest_wait` is what Azure calls maxQueueWait. It has no effect on managed endpoints, there
    as here, and is kept.
    """

    timeout: float = 5.0
    most_at_once: int = 1
    longest_wait: float = 0.5

    def to_body(self) -> dict[str, Any]:
        return {
            "maxConcurrentRequestsPerInstance": self.most_at_once,
            "maxQueueWait": iso_of(self.longest_wait),
            "requestTimeout": iso_of(self.timeout),
        }


@dataclass(frozen=True)
class DeploymentSpec:
    """One managed online deployment.

    `model`, `environment` and `code` refer to assets: as the body does, or, once they are resolved,
    by their ids. `script` is relative to the code's folder. Only a deployment of an MLflow model
    may be without code, and then without an environment, which it has got once it is resolved.
    """

    instance_type: str
    instance_count: int
    environment: str | None = None
    code: str | None = None
    script: str | None = None
    model: str | None = None
    variables: Mapping[str, str] | None = None
    liveness: Probe = DEFAULT_PROBE
    readiness: Probe = DEFAULT_PROBE
    requests: RequestSettings = RequestSettings()
    description: str | None = None
    properties: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    sku: Mapping[str, str] | None = None  # what is said of it beside the number of instances

    @property
    def assets(self) -> tuple[str, ...]:
        return tuple(asset for asset in (self.model, self.environment, self.code) if asset)

    def resolved(self, resolve: Callable[[str, str], str]) -> DeploymentSpec:
        """The same with ids. `resolve` is given a collection and a reference into it."""
        return replace(
            self,
            model=resolve("models", self.model) if self.model else None,
            environment=resolve("environments", self.environment) if self.environment else None,
            code=resolve("codes", self.code) if self.code else None,
        )

    def runs_as(self, other: DeploymentSpec) -> bool:
        """Whether an instance of the one is as one of the other: only their number may differ."""
        return self._of_an_instance() == other._of_an_instance()

    def _of_an_instance(self) -> tuple[object, ...]:
        return (
            self.model,
            self.environment,
            self.code,
            self.script,
            dict(self.variables or {}),
            self.instance_type,
            self.liveness,
            self.readiness,
        )

    def to_body(self) -> dict[str, Any]:
        """The body as Azure shows it, but for what the service adds; `read_deployment` reads it."""
        return {
            "tags": dict(self.tags or {}),
            "kind": "Managed",
            "sku": {"name": "Default", "capacity": self.instance_count, **(self.sku or {})},
            "properties": {
                "endpointComputeType": "Managed",
                "description": self.description,
                "properties": dict(self.properties or {}),
                "model": self.model,
                "modelMountPath": None,
                "environmentId": self.environment,
                "codeConfiguration": (
                    {"codeId": self.code, "scoringScript": self.script} if self.code else None
                ),
                "environmentVariables": dict(self.variables or {}),
                "instanceType": self.instance_type,
                "scaleSettings": {"scaleType": "Default"},
                "requestSettings": self.requests.to_body(),
                "livenessProbe": _probe_body(self.liveness),
                "readinessProbe": _probe_body(self.readiness),
                "appInsightsEnabled": False,
                "egressPublicNetworkAccess": "Enabled",
                "dataCollector": None,
            },
        }


def deployment_of(body: object) -> DeploymentSpec:
    """The deployment that a stored body describes."""
    return read_deployment(Fields(body, refuse=bad_argument))


def read_deployment(body: Fields) -> DeploymentSpec:
    """Raises ArmError: 400 naming the field at fault, 501 for what is not emulated."""
    properties = body.object("properties", required=True)
    _check_emulated(body, properties)
    instance_type = properties.required_text("instanceType")
    environment = properties.text("environmentId") or None
    code = properties.object("codeConfiguration")
    code_id, script = code.text("codeId") or None, code.text("scoringScript") or None
    if code_id and not environment:
        # Also of an MLflow model:
        # https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models#customize-inference-by-using-a-scoring-script
        raise properties.error("environmentId", "The deployment names no environment.")
    if code_id and not script:
        raise code.missing("scoringScript")
    if script and not code_id:
        raise code.missing("codeId")
    if script and not script.isprintable():
        raise code.wrong("scoringScript", "the path of a file in the code folder")
    sku = body.object("sku")
    sku.choice("name", ("Default",))
    return DeploymentSpec(
        instance_type=find_instance_type(properties.at("instanceType"), instance_type),
        instance_count=sku.whole("capacity", 1, least=1, most=MOST_INSTANCES),
        environment=environment,
        code=code_id,
        script=script,
        model=properties.text("model") or None,
        variables=read_variables(properties),
        # A liveness probe that succeeds once has succeeded.
        liveness=replace(_read_probe(properties.object("livenessProbe")), success_threshold=1),
        readiness=_read_probe(properties.object("readinessProbe")),
        requests=_read_requests(properties.object("requestSettings")),
        description=properties.text("description"),
        properties=properties.mapping("properties"),
        tags=read_tags(body),
        sku=read_sku(sku),
    )


def read_sku(sku: Fields) -> dict[str, str]:
    """What a sku says beside its name and capacity, which Azure keeps and shows."""
    tier = {"tier": sku.choice("tier", SKU_TIERS)} | {
        name: sku.text(name) for name in ("size", "family")
    }
    return {name: value for name, value in tier.items() if value}


def _check_emulated(body: Fields, properties: Fields) -> None:
    compute = properties.choice("endpointComputeType", COMPUTES)
    if compute is None:
        raise properties.missing("endpointComputeType")
    if compute != "Managed":
        raise not_emulated(f"deployments on endpointComputeType '{compute}', only Managed ones")
    body.choice("kind", ("Managed",))
    # A managed deployment has its endpoint's identity.
    body.object("identity").not_emulated(
        {"type": "None", "userAssignedIdentities": None}, "online deployments"
    )
    properties.flag("appInsightsEnabled")
    properties.choice("egressPublicNetworkAccess", SWITCH)
    properties.text("modelMountPath")
    properties.object("dataCollector")
    properties.not_emulated(
        {
            "appInsightsEnabled": False,
            "egressPublicNetworkAccess": "Enabled",
            "privateNetworkConnection": None,
            "modelMountPath": None,
            "dataCollector": None,
        },
        "online deployments",
    )
    scale = properties.object("scaleSettings").choice("scaleType", SCALE_TYPES, "Default")
    if scale != "Default":
        raise not_emulated(f"the scale type {scale} of managed deployments")


def _read_probe(probe: Fields) -> Probe:
    default = DEFAULT_PROBE
    return replace(
        default,
        initial_delay=_read_seconds(probe, "initialDelay", default.initial_delay, may_be_0=True),
        period=_read_seconds(probe, "period", default.period),
        timeout=_read_seconds(probe, "timeout", default.timeout),
        success_threshold=probe.whole(
            "successThreshold", default.success_threshold, least=1, most=INT32
        ),
        failure_threshold=probe.whole(
            "failureThreshold", default.failure_threshold, least=1, most=INT32
        ),
    )


def _probe_body(probe: Probe) -> dict[str, Any]:
    return {
        "initialDelay": iso_of(probe.initial_delay),
        "period": iso_of(probe.period),
        "timeout": iso_of(probe.timeout),
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }


def _read_requests(settings: Fields) -> RequestSettings:
    default = RequestSettings()
    timeout = settings.duration("requestTimeout", default.timeout)
    if not 0 < timeout <= LONGEST_REQUEST:
        raise settings.error(
            "requestTimeout",
            f"'{settings.at('requestTimeout')}' must be more than 0 and at most "
            f"{LONGEST_REQUEST:.0f} seconds (in the SDK: request_timeout_ms up to 180000), not "
            f"'{settings.raw('requestTimeout')}'.",
        )
    return RequestSettings(
        timeout=timeout,
        most_at_once=settings.whole(
            "maxConcurrentRequestsPerInstance", default.most_at_once, least=1, most=INT32
        ),
        longest_wait=_read_seconds(settings, "maxQueueWait", default.longest_wait, may_be_0=True),
    )


def _read_seconds(fields: Fields, name: str, default: float, *, may_be_0: bool = False) -> float:
    seconds = fields.duration(name, default)
    # Azure's durations end at .NET's largest TimeSpan, and so does what asyncio can wait.
    if not (0 <= seconds <= INT32 and (seconds or may_be_0)):
        least = "0 or more" if may_be_0 else "more than 0"
        raise fields.wrong(name, f'an ISO 8601 duration of {least} seconds, such as "PT5S"')
    return seconds
