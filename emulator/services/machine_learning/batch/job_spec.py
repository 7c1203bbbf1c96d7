"""A batch job: the deployment as it was when it was invoked, its files, and where its scores go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from emulator.services.machine_learning.batch.deployment_spec import (
    BatchDeploymentSpec,
    batch_deployment_of,
)
from emulator.services.machine_learning.blobs import BlobLocation

FILE, FOLDER = "UriFile", "UriFolder"


@dataclass(frozen=True)
class DataInput:
    """The files to score. `name` is what the caller calls the input, `uri` where they are."""

    name: str
    kind: str
    uri: str
    location: BlobLocation


@dataclass(frozen=True)
class ScoreOutput:
    """Where the scores go: a folder of blobs, and the name of the file in it for what is appended.

    `uri` is that of the folder, with a slash at its end.
    """

    uri: str
    location: BlobLocation
    file: str


@dataclass(frozen=True)
class JobSpec:
    """One job. `deployment` has what the invocation says in place of what the deployment said.

    `step` is the id of the run that does the work: the job's own is a pipeline of that one step.
    """

    endpoint: str
    deployment_name: str
    deployment: BatchDeploymentSpec
    step: str
    display_name: str
    experiment: str
    data: DataInput
    output: ScoreOutput

    def to_body(self) -> dict[str, Any]:
        """As it is kept, in JSON's types."""
        return {**asdict(self), "deployment": self.deployment.to_body()}

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> JobSpec:
        """The job that was kept."""
        data, output = body["data"], body["output"]
        return cls(
            **{
                **body,
                "deployment": batch_deployment_of(body["deployment"]),
                "data": DataInput(**{**data, "location": BlobLocation(**data["location"])}),
                "output": ScoreOutput(**{**output, "location": BlobLocation(**output["location"])}),
            }
        )
