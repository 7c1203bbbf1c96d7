"""Small MLflow models for the tests, written by hand: the course's Python has no MLflow."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

# The same list for all, so that one environment is built for them.
CONDA = """
dependencies:
- pip
- pip:
  - mlflow-skinny>=2.20,<4
  - pandas<3
  - azureml-inference-server-http
"""
LOADER = """
import os
import pandas as pd

class Totals:
    def predict(self, model_input, params=None):
        if isinstance(model_input, dict):
            return {name: value.sum(axis=1).tolist() for name, value in model_input.items()}
        total = model_input.sum(axis=1) * (params or {}).get("times", 1)
        return pd.DataFrame({"total": total}) if isinstance(total, pd.Series) else total

def _load_pyfunc(path):
    return Totals()
"""
MLMODEL = """
flavors:
  python_function:
    code: code
    loader_module: totals_of_rows
    env: {conda: conda.yaml}
mlflow_version: 3.1.0
"""
COLUMNS = """
signature:
  inputs: '[{"type": "double", "name": "a"}, {"type": "long", "name": "b"}]'
  outputs: '[{"type": "double", "name": "total"}]'
  params: '[{"name": "times", "type": "integer", "default": 1, "shape": null}]'
"""


@cache
def no_index() -> str:
    """Why the packages of CONDA can't be installed; "" when they can."""
    command = (sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "-qI")
    found = subprocess.run((*command, "mlflow-skinny"), capture_output=True, text=True, check=False)
    said = found.stderr.strip().splitlines() or ["no answer"]
    return f"no package index has MLflow: {said[-1]}" if found.returncode else ""


def write(folder: Path, signature: str = "", mlmodel: str = MLMODEL) -> str:
    """Write the model and return its folder."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "totals_of_rows.py").write_text(LOADER)
    (folder / "conda.yaml").write_text(CONDA)
    (folder / "MLmodel").write_text(mlmodel + signature)
    return str(folder)
