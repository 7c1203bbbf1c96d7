"""MLflow models whose batch deployments have no scoring script: what becomes of tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.ai.ml.entities import Model

from tests.emulator.services.batch_bench import BatchBench
from tests.emulator.services.machine_learning.mlflow_models import COLUMNS, no_index, write

pytestmark = pytest.mark.slow  # MLflow is installed once
SECONDS = 300  # that a job may take with that


def test_tables_are_scored_row_by_row(batch: BatchBench, tmp_path: Path):
    if why := no_index():
        pytest.skip(why)
    path = write(tmp_path / "columns" / "totals", COLUMNS)
    model = Model(path=path, type="mlflow_model", name=f"batch-{batch.suffix}")
    endpoint = batch.endpoint().name
    without = {"code_configuration": None, "environment": None}
    batch.deploy(endpoint, model=model, settings={"mini_batch_size": 1}, **without)

    files = tmp_path / "tables"
    files.mkdir()
    (files / "one.csv").write_text("a,b\n1.5,2\n3,4\n")
    (files / "two.csv").write_text("b,a\n1,1\n")
    job = batch.invoke(endpoint, files)
    assert batch.ended(job, SECONDS) == "Completed"
    assert batch.scores(job) == "0,3.5,one.csv\n1,7.0,one.csv\n0,2.0,two.csv\n"

    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "three.csv").write_text("a,b\n1,word\n")
    (wrong / "four.avro").write_text("")
    job = batch.invoke(endpoint, wrong, params_override=[{"retry_settings": {"max_retries": 0}}])
    assert batch.ended(job, SECONDS) == "Failed"
    (log,) = batch.logs(job).rglob("error.txt")
    said = log.read_text()
    assert "File type 'avro' is not supported." in said
    assert "three.csv'. Exception:" in said
    assert "'word'" in said
