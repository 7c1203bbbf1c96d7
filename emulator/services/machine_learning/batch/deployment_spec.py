"""A batch deployment as it is asked for: read once from a body, and written as it is shown.

https://learn.microsoft.com/rest/api/azureml/batch-deployments/create-or-update
https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-batch
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.arm.tags import read_tags
from emulator.services.machine_learning.durations import iso_of
from emulator.services.machine_learning.errors import bad_argument
from emulator.services.machine_learning.variables import read_variables

APPEND_ROW, SUMMARY_ONLY = "AppendRow", "SummaryOnly"
LEVELS = ("Info", "Warning", "Debug")
INT32 = 2**31 - 1
MOST_WORKERS = 100  # a node: each is a process of this machine
REFERENCES = ("Id", "DataPath", "OutputPath")
CONFIGURATIONS = ("Model", "PipelineComponent")
_FILE = re.compile(r"[^/\\\x00-\x1f]{1,200}")


@dataclass(frozen=True)
class RetrySettings:
    """How often a mini-batch is tried again, and how long (seconds) one try may take."""

    most: int = 3
    timeout: float = 30.0

    def to_body(self) -> dict[str, Any]:
        return {"maxRetries": self.most, "timeout": iso_of(self.timeout)}


@dataclass(frozen=True)
class BatchDeploymentSpec:
    """One model deployment of a batch endpoint.

    `model`, `environment`, `code` and `compute` refer to what they name as the body does or, once
    they are resolved, by id. `code`, `script` and `environment` are "" where an MLflow model brings
    its own. `error_threshold` is how many files may fail, -1 for all.
    """

    model: str
    compute: str
    environment: str = ""
    code: str = ""
    script: str = ""
    instance_count: int = 1
    workers: int = 1  # an instance
    mini_batch_size: int = 10
    error_threshold: int = -1
    retries: RetrySettings = RetrySettings()
    output_action: str = APPEND_ROW
    output_file: str = "predictions.csv"
    logging_level: str = LEVELS[0]
    variables: Mapping[str, str] | None = None
    description: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def assets(self) -> tuple[str, ...]:
        return tuple(asset for asset in (self.model, self.environment, self.code) if asset)

    def resolved(
        self, resolve: Callable[[str, str], str], find_compute: Callable[[str], str]
    ) -> BatchDeploymentSpec:
        """The same with ids. `resolve` is given a collection and a reference into it."""
        return replace(
            self,
            model=resolve("models", self.model),
            compute=find_compute(self.compute),
            environment=resolve("environments", self.environment) if self.environment else "",
            code=resolve("codes", self.code) if self.code else "",
        )

    def to_body(self) -> dict[str, Any]:
        """The body as Azure shows it, but for what the service adds; `read_batch_deployment` reads
        it."""
        code = {"codeId": self.code, "scoringScript": self.script} if self.code else None
        return {
            "tags": dict(self.tags),
            "kind": None,
            "properties": {
                "description": self.description,
                "properties": dict(self.properties),
                "model": {"referenceType": "Id", "assetId": self.model},
                "codeConfiguration": code,
                "environmentId": self.environment or None,
                "environmentVariables": dict(self.variables or {}),
                "compute": self.compute,
                "resources": {
                    "instanceCount": self.instance_count,
                    "instanceType": None,
                    "properties": None,
                },
                "maxConcurrencyPerInstance": self.workers,
                "miniBatchSize": self.mini_batch_size,
                "errorThreshold": self.error_threshold,
                "retrySettings": self.retries.to_body(),
                "outputAction": self.output_action,
                "outputFileName": self.output_file,
                "loggingLevel": self.logging_level,
                "deploymentConfiguration": None,
            },
        }


def batch_deployment_of(body: object) -> BatchDeploymentSpec:
    """The deployment that a stored body describes."""
    return read_batch_deployment(Fields(body, refuse=bad_argument))


def read_batch_deployment(body: Fields) -> BatchDeploymentSpec:
    """Raises ArmError: 400 naming the field at fault, 501 for what is not emulated."""
    properties = body.object("properties", required=True)
    configuration = properties.object("deploymentConfiguration")
    kind = configuration.choice("deploymentConfigurationType", CONFIGURATIONS, CONFIGURATIONS[0])
    if kind != CONFIGURATIONS[0]:
        raise not_emulated("batch deployments of a pipeline component, only those of a model")
    model = properties.object("model", required=True)
    reference = model.choice("referenceType", REFERENCES, REFERENCES[0])
    if reference != REFERENCES[0]:
        raise not_emulated(f"the reference type {reference} of a batch deployment's model")
    code = properties.object("codeConfiguration")
    code_id, script = code.text("codeId") or "", code.text("scoringScript") or ""
    if code_id and not script:
        raise code.missing("scoringScript")
    if not script.isprintable():
        raise code.wrong("scoringScript", "the path of a file in the code folder")
    resources = properties.object("resources")
    resources.not_emulated(("instanceType", "properties"), "batch deployments")
    return BatchDeploymentSpec(
        model=model.required_text("assetId"),
        compute=properties.required_text("compute"),
        environment=properties.text("environmentId") or "",
        code=code_id,
        script=script,
        instance_count=resources.whole("instanceCount", 1, least=1, most=INT32),
        workers=properties.whole("maxConcurrencyPerInstance", 1, least=1, most=MOST_WORKERS),
        mini_batch_size=properties.whole("miniBatchSize", 10, least=1, most=INT32),
        error_threshold=properties.whole("errorThreshold", -1, least=-1, most=INT32),
        retries=read_retries(properties.object("retrySettings")),
        output_action=properties.choice("outputAction", (APPEND_ROW, SUMMARY_ONLY), APPEND_ROW),
        output_file=read_output_file(properties, "predictions.csv"),
        logging_level=properties.choice("loggingLevel", LEVELS, LEVELS[0]),
        variables=read_variables(properties),
        description=properties.text("description"),
        properties=properties.mapping("properties"),
        tags=read_tags(body),
    )


def read_retries(settings: Fields, default: RetrySettings = RetrySettings()) -> RetrySettings:
    """Raises ArmError 400."""
    timeout = settings.duration("timeout", default.timeout)
    if not 0 < timeout <= INT32:
        raise settings.wrong("timeout", 'an ISO 8601 duration of more than 0, such as "PT30S"')
    return RetrySettings(settings.whole("maxRetries", default.most, most=INT32), timeout)


def read_output_file(properties: Fields, default: str) -> str:
    """The name of the file that predictions are appended to. Raises ArmError 400."""
    name = properties.text("outputFileName") or default
    if not _FILE.fullmatch(name) or name in (".", ".."):
        raise properties.wrong("outputFileName", "the name of a file, without a folder")
    return name
