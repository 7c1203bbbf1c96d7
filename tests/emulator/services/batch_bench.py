"""Small batch deployments for the tests: a script of a few lines, and files to score."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.ai.ml import Input, MLClient
from azure.ai.ml.entities import (
    AmlCompute,
    BatchEndpoint,
    BatchJob,
    CodeConfiguration,
    Environment,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)

from tests.waiting import until

# Returns a row a file: the greeting of the model, the file's name and what is in it.
GREET = """
import os

def init():
    global greeting
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "greeting.txt")) as file:
        greeting = file.read()
    print("init has read the model")

def run(mini_batch):
    print("run was given", len(mini_batch))
    rows = []
    for path in mini_batch:
        with open(path) as file:
            rows.append(f"{greeting} {os.path.basename(path)} {file.read()}")
    return rows
"""
CONDA = "dependencies:\n- python=3.11\n"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
ENDED = ("Completed", "Failed", "Canceled")
CLUSTER = "batch-tests"


@dataclass
class BatchBench:
    """Makes batch endpoints and deployments, and deletes the endpoints when the test is over."""

    client: MLClient
    folder: Path
    suffix: str
    endpoints: list[str] = field(default_factory=list)

    def cluster(self) -> str:
        """The cluster that tests share."""
        if CLUSTER not in [compute.name for compute in self.client.compute.list()]:
            wanted = AmlCompute(name=CLUSTER, size="Standard_D4as_v4", max_instances=2)
            self.client.compute.begin_create_or_update(wanted).result()
        return CLUSTER

    def endpoint(self, **extra: Any) -> BatchEndpoint:
        name = f"b{self.suffix}-{len(self.endpoints)}"
        self.endpoints.append(name)
        wanted = BatchEndpoint(name=name, **extra)
        return self.client.batch_endpoints.begin_create_or_update(wanted).result()

    def code(self, script: str) -> CodeConfiguration:
        folder = self.folder / f"code-{abs(hash(script)):x}"
        folder.mkdir(exist_ok=True)
        (folder / "driver.py").write_text(script)
        return CodeConfiguration(code=str(folder), scoring_script="driver.py")

    def environment(self, conda: str = CONDA) -> Environment:
        path = self.folder / f"conda-{abs(hash(conda)):x}.yaml"
        path.write_text(conda)
        return Environment(image=IMAGE, conda_file=str(path))

    def wanted(
        self,
        endpoint: str,
        name: str = "blue",
        *,
        script: str = GREET,
        settings: Mapping[str, Any] | None = None,
        **extra: Any,
    ) -> ModelBatchDeployment:
        model = self.folder / "greeting.txt"
        model.write_text("hello")
        chosen: dict[str, Any] = {
            "model": Model(path=str(model), name="greeting", version="1"),
            "environment": self.environment(),
            "code_configuration": self.code(script),
            "compute": self.cluster(),
            "settings": ModelBatchDeploymentSettings(**{"mini_batch_size": 10, **(settings or {})}),
            **extra,
        }
        return ModelBatchDeployment(name=name, endpoint_name=endpoint, **chosen)

    def deploy(self, endpoint: str, name: str = "blue", **extra: Any) -> ModelBatchDeployment:
        """Deploy, and make it the endpoint's default."""
        wanted = self.wanted(endpoint, name, **extra)
        made = self.client.batch_deployments.begin_create_or_update(wanted).result()
        found = self.client.batch_endpoints.get(endpoint)
        found.defaults.deployment_name = name
        self.client.batch_endpoints.begin_create_or_update(found).result()
        return made

    def files(self, **contents: str) -> Path:
        """A new folder of this machine with the files name.txt."""
        folder = self.folder / f"files-{secrets.token_hex(4)}"
        folder.mkdir()
        for name, content in contents.items():
            (folder / f"{name}.txt").write_text(content)
        return folder

    def invoke(self, endpoint: str, folder: Path, **extra: Any) -> BatchJob:
        wanted = Input(type="uri_folder", path=str(folder))
        return self.client.batch_endpoints.invoke(endpoint, input=wanted, **extra)

    def ended(self, job: BatchJob, seconds: float = 60) -> str:
        """The status of a job once it has ended."""
        return until(
            lambda: (status := self.client.jobs.get(job.name).status) in ENDED and status, seconds
        )

    def scores(self, job: BatchJob, file: str = "predictions.csv") -> str:
        """What the job's output holds, downloaded."""
        folder = self.folder / f"scores-{secrets.token_hex(4)}"
        self.client.jobs.download(job.name, output_name="score", download_path=folder)
        return (folder / file).read_text()

    def logs(self, job: BatchJob) -> Path:
        """The folder of the logs of the job's step, downloaded."""
        (step,) = self.client.jobs.list(parent_job_name=job.name)
        folder = self.folder / f"logs-{secrets.token_hex(4)}"
        self.client.jobs.download(step.name, all=True, download_path=folder)
        return folder / "artifacts"

    def clean(self) -> None:
        for name in self.endpoints:
            self.client.batch_endpoints.begin_delete(name).result()
