"""MLflow models that are deployed without code, and with: what they take, answer and refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Environment, Model
from azure.core.exceptions import HttpResponseError

from tests.emulator.services.deployments import Workbench
from tests.emulator.services.machine_learning.mlflow_models import (
    COLUMNS,
    CONDA,
    MLMODEL,
    no_index,
    write,
)

SPLIT = {"columns": ["a", "b"], "index": [0, 1], "data": [[1.5, 2], [3, 4]]}
SCRIPT = """
import json, os
import mlflow.pyfunc

def init():
    global model
    model = mlflow.pyfunc.load_model(os.path.join(os.environ["AZUREML_MODEL_DIR"], "totals"))

def run(body):
    frame = {name: [value] for name, value in json.loads(body).items()}
    import pandas
    return {"totals": model.predict(pandas.DataFrame(frame))["total"].tolist()}
"""

Ask = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def mlflow_bench(
    ml_client: MLClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workbench]:
    """An endpoint with a model that has a signature, and one that has none, each without code."""
    if why := no_index():
        pytest.skip(why)
    bench = Workbench(ml_client, tmp_path_factory.mktemp("mlflow"), "mlflow")
    endpoint = bench.endpoint()
    for name, signature in (("columns", COLUMNS), ("unsigned", "")):
        path = write(bench.folder / name / "totals", signature)
        model = Model(path=path, type=AssetTypes.MLFLOW_MODEL, name=f"mlflow-{name}")
        without = {"environment": None, "code_configuration": None, "environment_variables": None}
        bench.deploy(endpoint.name, name, model=model, **without)
    yield bench
    bench.clean()


@pytest.fixture
def ask(mlflow_bench: Workbench) -> Ask:
    call = mlflow_bench.caller(mlflow_bench.endpoints[0])

    def to(deployment: str, body: Any) -> requests.Response:
        return call(body, headers={"azureml-model-deployment": deployment})

    return to


pytestmark = pytest.mark.slow  # MLflow is installed once


def test_rows_of_columns_are_answered_as_records(ask: Ask):
    answer = ask("columns", {"input_data": SPLIT})
    assert (answer.status_code, answer.json()) == (200, [{"total": 3.5}, {"total": 7.0}])
    without_index = {"columns": ["b", "a"], "data": [[1, 2]]}
    assert ask("columns", {"input_data": without_index}).json() == [{"total": 3.0}]


def test_params_go_to_the_model(ask: Ask):
    answer = ask("columns", {"input_data": SPLIT, "params": {"times": 10}})
    assert answer.json() == [{"total": 35.0}, {"total": 70.0}]
    assert ask("columns", {"input_data": SPLIT, "params": {"times": "x"}}).status_code == 424


@pytest.mark.parametrize(
    ("data", "log"),
    [
        # What Azure's script makes of records is in its documentation's table: nothing.
        ([{"a": 1.5, "b": 2}], "object has no attribute"),
        ({"columns": ["a"], "index": [0], "data": [[1]]}, "Failed to enforce schema"),
        ({"columns": ["a", "b"], "index": [0], "data": [["x", 1]]}, "could not convert string"),
    ],
)
def test_what_does_not_fit_the_signature_fails(
    ml_client: MLClient, mlflow_bench: Workbench, ask: Ask, data: Any, log: str
):
    answer = ask("columns", {"input_data": data})
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "500"
    found = ml_client.online_deployments.get_logs("columns", mlflow_bench.endpoints[0], lines=200)
    assert log in found


def test_a_body_without_input_data_is_refused_by_the_server(ask: Ask):
    answer = ask("columns", {"inputs": [[1, 2]]})
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "400"
    assert "'input_data'" in answer.json()["message"]


def test_without_a_signature_lists_are_arrays_and_objects_named_tensors(ask: Ask):
    assert ask("unsigned", {"input_data": [[1, 2], [3, 4]]}).json() == [3, 7]
    assert ask("unsigned", {"input_data": {"x": [[1, 2]], "y": [[3]]}}).json() == {
        "x": [3],
        "y": [3],
    }
    assert ask("unsigned", {"input_data": SPLIT}).json() == [{"total": 3.5}, {"total": 7.0}]


def test_the_signature_is_described(ml_client: MLClient, mlflow_bench: Workbench):
    endpoint = ml_client.online_endpoints.get(mlflow_bench.endpoints[0])
    key = ml_client.online_endpoints.get_keys(endpoint.name).primary_key
    headers = {"Authorization": f"Bearer {key}", "azureml-model-deployment": "columns"}
    definitions = requests.get(endpoint.openapi_uri, headers=headers, timeout=30).json()[
        "definitions"
    ]
    asked = definitions["ServiceInput"]
    assert asked["example"]["input_data"]["columns"] == ["a", "b"]
    assert asked["example"]["params"] == {"times": 1}
    assert definitions["ServiceOutput"]["format"] == "pandas.DataFrame:records"


def test_the_environment_is_made_of_the_models_list(ml_client: MLClient, mlflow_bench: Workbench):
    endpoint = mlflow_bench.endpoints[0]
    columns, unsigned = (
        ml_client.online_deployments.get(name, endpoint) for name in ("columns", "unsigned")
    )
    assert columns.code_configuration is None
    name, version = columns.environment.split("/")[-3::2]
    made = ml_client.environments.get(name, version)
    assert "mlflow" in made.image
    listed = [entry for entry in made.conda_file["dependencies"] if isinstance(entry, dict)]
    assert listed == [{"pip": [line[4:] for line in CONDA.splitlines() if line.startswith("  - ")]}]
    # The same list of another model is another environment by name, and the same by content.
    assert unsigned.environment != columns.environment
    assert unsigned.environment.endswith(f"/versions/{version}")


def test_a_scoring_script_of_ones_own_goes_before(mlflow_bench: Workbench, ask: Ask):
    endpoint = mlflow_bench.endpoints[0]
    mlflow_bench.deploy(
        endpoint,
        "custom",
        model="azureml:mlflow-columns:1",
        environment=mlflow_bench.environment(CONDA),
        code_configuration=mlflow_bench.code(SCRIPT),
    )
    assert ask("custom", {"a": 1.5, "b": 2}).json() == {"totals": [3.5]}


def test_an_environment_of_ones_own_is_taken(mlflow_bench: Workbench, ask: Ask):
    endpoint = mlflow_bench.endpoints[0]
    made = mlflow_bench.deploy(
        endpoint,
        "own",
        model="azureml:mlflow-columns:1",
        environment=mlflow_bench.environment(CONDA),
        code_configuration=None,
    )
    assert "CliV2AnonymousEnvironment" in made.environment
    assert ask("own", {"input_data": SPLIT}).json() == [{"total": 3.5}, {"total": 7.0}]


class TestRefusals:
    """What is refused at once: MLflow is not needed to say so."""

    @pytest.fixture
    def refused(self, bench: Workbench) -> Callable[..., Any]:
        """Deploys without code and returns the error."""

        def deploy(**settings: Any) -> Any:
            without = {"environment": None, "code_configuration": None, **settings}
            with pytest.raises(HttpResponseError) as refusal:
                bench.deploy(bench.endpoint().name, **without)
            assert refusal.value.status_code == 400
            return refusal.value.error

        return deploy

    def model(self, folder: Path, mlmodel: str, unique: str) -> Model:
        path = write(folder / "model", mlmodel=mlmodel)
        if not mlmodel:
            (folder / "model" / "MLmodel").unlink()
        return Model(path=path, type=AssetTypes.MLFLOW_MODEL, name=f"refused-{unique}")

    @pytest.mark.parametrize(
        ("mlmodel", "says"),
        [
            ("", "There is no file MLmodel"),
            ("flavors: [", "MLmodel is not YAML"),
            (MLMODEL.replace("python_function", "sklearn"), "has the flavors sklearn"),
        ],
    )
    def test_what_mlflow_cannot_run(self, refused, tmp_path, unique, mlmodel: str, says: str):
        assert says in refused(model=self.model(tmp_path, mlmodel, unique)).message

    @pytest.mark.parametrize("with_environment", [False, True])
    def test_a_custom_model_needs_code(self, bench, refused, with_environment: bool):
        environment = bench.environment() if with_environment else None
        error = refused(model=bench.model(), environment=environment)
        assert error.code == "BadRequest"
        assert [detail.code for detail in error.details] == ["MissingDriverProgram"]
        assert "Could not find driver program in the request." in str(error)

    def test_a_custom_container_is_not_emulated(self, bench):
        routes = {
            f"{name}_route": {"path": "/", "port": 80}
            for name in ("liveness", "readiness", "scoring")
        }
        own = Environment(image="docker.io/library/nginx:1", inference_config=routes)
        with pytest.raises(HttpResponseError, match="a custom container") as refusal:
            bench.deploy(bench.endpoint().name, environment=own, code_configuration=None)
        assert refusal.value.status_code == 501

    def test_code_needs_an_environment(self, bench, refused, tmp_path, unique):
        model = self.model(tmp_path, MLMODEL, unique)
        assert "no environment" in refused(model=model, code_configuration=bench.code()).message
