"""The scoring script of an MLflow model that is deployed without one.

Python 3.8 or later. It is copied to where the deployment's code would be and runs in the
deployment's own Python, with the MLflow that the model lists: nothing of ours is importable there.
It takes and answers what the script of the same name in Azure's image does:
https://github.com/Azure/azureml-assets/tree/main/assets/inference/environments/mlflow-py312-inference
https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models#input-formats

`input_data` in the body becomes, for a model with an example or a signature,

    columns            a DataFrame, from {"columns", "index", "data"}
    a tensor           an array, from a list
    named tensors      a dictionary of arrays, from a dictionary of lists

and for one without what it looks like. MLflow then checks it against the signature. `params` are
passed on to MLflow, which checks them too. Both are described in /swagger.json.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
from io import StringIO
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
from mlflow.models import Model
from mlflow.pyfunc.scoring_server import _get_jsonable_obj

FOLDER = Path(os.environ["AZUREML_MODEL_DIR"], os.environ["MLFLOW_MODEL_FOLDER"])
TRANSFORMERS = "transformers"
# Their input is text as a rule, and nothing is made of it.
LANGUAGE = {TRANSFORMERS, "langchain", "openai"}
_VALUES = {"boolean": True, "string": "sample string", "integer": 42, "long": 42}
_log = logging.getLogger(__name__)


class Anything(AbstractParameterType):  # type: ignore[misc] # inference-schema has no types
    """A parameter of which nothing is known: it is passed on as it came."""

    def __init__(self) -> None:
        super().__init__(None)

    def deserialize_input(self, input_data: Any) -> Any:
        return input_data

    def input_to_swagger(self) -> dict[str, Any]:
        return {"type": "object", "example": {}}


def example_of(model: Model) -> Any:
    """The input that the model was saved with; None when there is none that can be used."""
    said = model.saved_input_example_info
    if not said:
        return None
    try:
        content = json.loads((FOLDER / said["artifact_path"]).read_text())
        if said["type"] == "dataframe":
            return frame(content, "split" if "columns" in content else "values")
        if said["type"] == "ndarray":
            inputs = content["inputs"]
            return arrays(inputs) if isinstance(inputs, dict) else np.asarray(inputs)
        return content
    except Exception as error:
        _log.warning("The model's input example is not used: %s", error)
        return None


def sample_of(schema: Any) -> Any:
    """A value that fits a signature's inputs or outputs; None where that cannot be told."""
    if schema.is_tensor_spec():
        # Azure's script, too, takes a first dimension for that of a batch, and no other.
        zeros = {
            each.name: np.zeros(
                (1, *each.shape[1:]) if each.shape[:1] == (-1,) else each.shape, each.type
            )
            for each in schema.inputs
        }
        return zeros if schema.has_input_names() else next(iter(zeros.values()))
    try:
        names = schema.input_names()
        types = dict(zip(names, schema.pandas_types()))  # noqa: B905 - Python 3.10 and later
        return pd.DataFrame(columns=names).astype(types)
    except Exception as error:
        _log.warning("The signature is not described in swagger.json: %s", error)
        return None


def text_sample_of(schema: Any) -> Any:
    """A value that fits the inputs of a model of transformers; None where that cannot be told."""
    types = {each.name: each.type.name for each in schema.inputs if hasattr(each.type, "name")}
    if types == {None: "string"}:
        return ["sample string"]
    if types and None not in types:
        return {name: _VALUES.get(kind, 0.15) for name, kind in types.items()}
    return None


def described(sample: Any, *, orient: str, as_it_is: bool = False) -> AbstractParameterType:
    """The parameter of which a value is given."""
    if isinstance(sample, np.ndarray):
        return NumpyParameterType(sample, enforce_shape=False)
    if isinstance(sample, pd.DataFrame):
        return PandasParameterType(sample, enforce_shape=False, orient=orient)
    if isinstance(sample, (dict, list)) and as_it_is:
        return StandardPythonParameterType(sample)
    if isinstance(sample, dict) and all(isinstance(each, np.ndarray) for each in sample.values()):
        tensors = {
            name: NumpyParameterType(each, enforce_shape=False) for name, each in sample.items()
        }
        return StandardPythonParameterType(tensors)
    return Anything()


def described_params(signature: Any) -> AbstractParameterType:
    schema = getattr(signature, "params", None)  # MLflow 2.6 and later
    if not schema:
        return Anything()
    samples = {
        each.name: _VALUES.get(each.dtype.name, 0.15) if each.default is None else each.default
        for each in schema.params
    }
    return StandardPythonParameterType(samples)


def frame(content: Any, orient: str) -> pd.DataFrame:
    return pd.read_json(StringIO(json.dumps(content)), orient=orient, dtype=False)


def arrays(content: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value) for name, value in content.items()}


def is_ready(data: Any) -> bool:
    """Whether it has been made into what a model takes already."""
    if isinstance(data, dict):
        return bool(data) and isinstance(next(iter(data.values())), np.ndarray)
    return isinstance(data, (np.ndarray, pd.DataFrame))


def guessed(data: Any) -> Any:
    """What a model takes, of what has been sent to one without a signature."""
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            if not IS_LANGUAGE:
                raise
            return data
    if isinstance(data, dict) and "input_data" in data:
        data = data["input_data"]
    if "hftransformersv2" in DESCRIPTION.flavors or (IS_LANGUAGE and is_text(data)):
        return data
    if isinstance(data, list):
        return np.asarray(data)
    if isinstance(data, dict):
        split = {"columns", "index", "data"} <= data.keys()
        return frame(data, "split") if split else arrays(data)
    if IS_LANGUAGE:
        return data
    raise ValueError(f"'input_data' is a list or an object, not {data!r}.")


def is_text(data: Any) -> bool:
    """Whether it is a text, or holds nothing else."""
    if isinstance(data, dict):
        return all(map(is_text, data.values()))
    return all(map(is_text, data)) if isinstance(data, list) else isinstance(data, str)


DESCRIPTION = Model.load(str(FOLDER))
IS_LANGUAGE = bool(LANGUAGE & set(DESCRIPTION.flavors))
IS_TRANSFORMERS = TRANSFORMERS in DESCRIPTION.flavors
SIGNATURE = DESCRIPTION.signature
INPUT, OUTPUT = example_of(DESCRIPTION), None
if SIGNATURE and SIGNATURE.inputs:
    told = text_sample_of(SIGNATURE.inputs) if IS_TRANSFORMERS else None
    if told is not None:
        INPUT = told
    elif INPUT is None:
        INPUT = sample_of(SIGNATURE.inputs)
if SIGNATURE and SIGNATURE.outputs:
    OUTPUT = sample_of(SIGNATURE.outputs)
model = mlflow.pyfunc.load_model(str(FOLDER))


def init() -> None:
    """The model is loaded with this module: its signature is needed to decorate `run`."""


@input_schema("input_data", described(INPUT, orient="split", as_it_is=IS_TRANSFORMERS))
@input_schema("params", described_params(SIGNATURE), optional=True)
@output_schema(described(OUTPUT, orient="records"))
def run(input_data: Any, params: Any = None) -> Any:
    data = input_data if is_ready(input_data) else guessed(input_data)
    if "params" in inspect.signature(model.predict).parameters:
        result = model.predict(data, params=params)
    else:  # before MLflow 2.6
        result = model.predict(data)
    return _get_jsonable_obj(result, pandas_orient="records")
