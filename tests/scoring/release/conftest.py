"""An endpoint with a good version in use, and what a release is given: a file, gates, examples."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.core.exceptions import ResourceNotFoundError

from practice.exercises import lesson_10
from scoring import create_endpoint, train
from scoring.release.blue_green import BlueGreen
from scoring.train import DigitsSplit

ROOT = Path(__file__).parent.parent.parent.parent
PYTORCH = ROOT / "scoring" / "pytorch"
YAML = """
name: green
endpoint_name: any
model: azureml:{model}:1
environment:
  image: {image}
  conda_file: conda.yaml
code_configuration:
  code: .
  scoring_script: score.py
instance_type: Standard_D4as_v4
instance_count: 1
"""
# What a bad commit does to the script: the line, and what stands there after it.
PREDICTED = "    probabilities = predict(torch.from_numpy(digits)).numpy()\n"
CHANGES = {
    "good": ("round(float(p), 4)", "round(float(p), 3)"),
    "broken at the start": (
        "    global network\n",
        "    global network\n    import_all_weights()\n",
    ),
    "broken for eights": (
        PREDICTED,
        PREDICTED + "    if 8 in probabilities.argmax(1):\n        raise ValueError('an eight')\n",
    ),
    "slow at times": (
        PREDICTED,
        PREDICTED + "    run.n = getattr(run, 'n', 0) + 1\n"
        "    import time\n    time.sleep(0.3 * (run.n % 10 == 0))\n",
    ),
    "wrong": (PREDICTED, PREDICTED.replace("(digits)", "(digits.transpose(0, 2, 1).copy())")),
    "of another form": ('"digit": int(row.argmax())', '"digit": str(row.argmax())'),
    "slow to start": (
        "    global network\n",
        "    global network\n    __import__('time').sleep(2)\n",
    ),
}
Write = Callable[[str], Path]


@pytest.fixture(scope="module")
def endpoint_name(
    ml_client: MLClient, split: DigitsSplit, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """An endpoint, whose model is registered under the same name."""
    name = f"digits-{secrets.token_hex(3)}"
    folder = tmp_path_factory.mktemp("models") / "digits-pytorch"
    train.save(train.train_pytorch(split, epochs=8), folder)
    assert create_endpoint.main([name, "--model", name, "--model-path", str(folder)]) == 0
    return name


@pytest.fixture
def place(ml_client: MLClient, endpoint_name: str) -> BlueGreen:
    """The endpoint with blue, which has all of the traffic, and nothing else."""
    endpoint = ml_client.online_endpoints.get(endpoint_name)
    endpoint.traffic, endpoint.mirror_traffic, endpoint.tags = {"blue": 100}, {}, {}
    ml_client.online_endpoints.begin_create_or_update(endpoint).result()
    with suppress(ResourceNotFoundError):
        ml_client.online_deployments.begin_delete("green", endpoint_name).result()
    return BlueGreen(ml_client, endpoint_name)


@pytest.fixture
def write(tmp_path: Path, endpoint_name: str) -> Write:
    """Return a function that writes a version's folder and returns its YAML file."""

    def written(kind: str) -> Path:
        folder = tmp_path / re.sub(r"\W", "-", kind)
        shutil.copytree(PYTORCH, folder, ignore=shutil.ignore_patterns("__pycache__"))
        before, after = CHANGES[kind]
        script = (folder / "score.py").read_text()
        assert before in script
        (folder / "score.py").write_text(script.replace(before, after))
        file = folder / "deployment.yaml"
        file.write_text(YAML.format(model=endpoint_name, image=create_endpoint.BASE_IMAGE))
        return file

    return written


@pytest.fixture
def gates(tmp_path: Path) -> Path:
    """The gate that the course brings, and those that a learner of lesson 10 has written."""
    file = tmp_path / "gates.py"
    parts = ["import numpy as np", (ROOT / "scoring" / "release" / "gates.py").read_text()]
    file.write_text("\n\n".join([*parts, lesson_10.latency.code, lesson_10.accuracy.code]))
    return file


@pytest.fixture
def endpoint_without_versions(ml_client: MLClient, unique: str) -> str:
    name = f"empty-{unique}"
    ml_client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name=name, auth_mode="key")
    ).result()
    return name
