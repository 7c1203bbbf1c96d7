"""An endpoint that takes what lesson 11's MLflow model takes, without waiting for MLflow.

Its script does what MLflow does with a signature: columns are found by their names, and a table
that lacks one is refused. The lesson itself, run whole, has the real one.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml.entities import CodeConfiguration, Environment, ManagedOnlineDeployment

from helpers.workspace import BASE_IMAGE, ensure_endpoint
from tests.notebooks.conftest import INSTANCE_TYPE

PACKAGES = ("azureml-inference-server-http", "numpy", "scikit-learn")
SCRIPT = """
import json

import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

digits = load_digits()


def init():
    global model
    model = SVC(gamma=0.001).fit(digits.data, digits.target)


def run(body):
    table = json.loads(body)["input_data"]
    order = [table["columns"].index(name) for name in digits.feature_names]
    rows = np.array(table["data"], dtype=float)[:, order]
    assert len(table["index"]) == len(rows)
    return model.predict(rows).tolist()
"""


def make_table_endpoint(client: MLClient, name: str, folder: Path) -> None:
    """Make the endpoint `name`, with a deployment that has all its traffic."""
    code = folder / "code"
    code.mkdir()
    (code / "score.py").write_text(SCRIPT)
    conda = folder / "conda.yaml"
    pip = [f"    - {package}=={version(package)}" for package in PACKAGES]
    conda.write_text("\n".join(["dependencies:", "- python=3.11", "- pip:", *pip]) + "\n")
    ensure_endpoint(client, name)
    deployment = ManagedOnlineDeployment(
        name="blue",
        endpoint_name=name,
        model=client.models.get("digits-pytorch", label="latest"),
        environment=Environment(image=BASE_IMAGE, conda_file=conda),
        code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
        instance_type=INSTANCE_TYPE,
        instance_count=1,
    )
    client.online_deployments.begin_create_or_update(deployment).result()
    endpoint = client.online_endpoints.get(name)
    endpoint.traffic = {"blue": 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
