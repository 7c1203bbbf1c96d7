"""The scoring script of an MLflow model whose batch deployment has none.

Python 3.8 or later. It is copied to where the deployment's code would be and runs in the
deployment's own Python, with the MLflow that the model lists: nothing of ours is importable there.

Each file is given to the model by itself, and each prediction becomes a row: the number of the row
in the file where that is a table, the prediction, the file's name.
https://learn.microsoft.com/azure/machine-learning/how-to-mlflow-batch

    .csv .parquet .pqt                         a DataFrame, of the signature's types
    .png .jpg .jpeg .tiff .bmp .gif            an array, of the signature's shape and type
"""

from __future__ import annotations

import csv
import io
import logging
import os
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd

FOLDER = Path(os.environ["AZUREML_MODEL_DIR"], os.environ["MLFLOW_MODEL_FOLDER"])
PARQUET = (".parquet", ".pqt")
IMAGES = (".png", ".jpg", ".jpeg", ".tiff", ".bmp", ".gif")
# Types of the signature that a column of a CSV file is read as; others are left as they are found.
READ_AS = ("boolean", "integer", "long", "float", "double", "string")
_log = logging.getLogger("azureml")

model: Any = None


def init() -> None:
    global model
    logging.basicConfig(level=logging.INFO)
    model = mlflow.pyfunc.load_model(str(FOLDER))


def table(path: str) -> pd.DataFrame:
    """The rows of a file, its columns with the types of the signature."""
    if path.lower().endswith(PARQUET):
        return pd.read_parquet(path)
    schema = model.metadata.get_input_schema()
    types = {}
    if schema is not None and not schema.is_tensor_spec() and schema.has_input_names():
        types = {
            each.name: each.type.to_pandas()
            for each in schema.inputs
            if getattr(each.type, "name", "") in READ_AS
        }
    return pd.read_csv(path, dtype=types)


def image(path: str) -> Any:
    """The pixels of a file as a batch of one."""
    from PIL import Image  # here: the models of tables do without it

    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    schema = model.metadata.get_input_schema()
    if schema is None or not schema.is_tensor_spec():
        return np.expand_dims(pixels.astype(np.uint8), 0)
    spec = schema.inputs[0]
    return pixels.astype(spec.type).reshape([1, *spec.shape[1:]])


def values(predictions: Any) -> list[Any]:
    """The predictions, a list of columns each."""
    if isinstance(predictions, pd.DataFrame):
        return [list(row) for row in predictions.itertuples(index=False)]
    if isinstance(predictions, dict):
        return values(pd.DataFrame(predictions))
    return [[each.tolist() if isinstance(each, np.ndarray) else each] for each in predictions]


def line(columns: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(columns)
    return text.getvalue()


def score(path: str) -> list[str]:
    name, kind = os.path.basename(path), os.path.splitext(path)[1].lower()
    if kind in IMAGES:
        return [line([*found, name]) for found in values(model.predict(image(path)))]
    if kind != ".csv" and kind not in PARQUET:
        raise ValueError(f"File type '{kind.lstrip('.')}' is not supported.")
    found = values(model.predict(table(path)))
    return [line([row, *each, name]) for row, each in enumerate(found)]


def run(mini_batch: list[str]) -> list[str]:
    rows: list[str] = []
    wrong = ""
    for path in mini_batch:
        try:
            rows += score(path)
        except Exception as error:
            said = str(error) if "is not supported" in str(error) else f"Exception: {error}"
            wrong = f"Error processing input file: '{path}'. {said}"
            _log.exception(wrong)
    if wrong:
        # A file that cannot be read makes its mini-batch fail.
        raise ValueError(wrong)
    return rows
