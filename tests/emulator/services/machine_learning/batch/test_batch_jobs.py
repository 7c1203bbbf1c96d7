"""Batch jobs through MLClient: invoked, followed, ended, downloaded."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
import psutil
import pytest
import requests
from azure.ai.ml import Input, Output
from azure.ai.ml.entities import (
    AmlCompute,
    BatchJob,
    Data,
    Environment,
    IdentityConfiguration,
)
from azure.ai.ml.exceptions import JobException, ValidationException
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential

from tests.azure import LocalAzure, course_client
from tests.emulator.services.batch_bench import IMAGE, BatchBench
from tests.emulator.services.machine_learning.mlflow_models import CONDA, no_index
from tests.waiting import until


def test_a_folder_is_scored(ml_client, batch, capsys):
    endpoint = batch.endpoint().name
    batch.deploy(endpoint, settings={"mini_batch_size": 2})
    files = batch.files(a="1", b="2", c="3")
    (files / "below").mkdir()
    (files / "below" / "d.txt").write_text("4")
    job = batch.invoke(endpoint, files)
    assert job.name.startswith("batchjob-")
    assert job.status in ("NotStarted", "Preparing")
    ml_client.jobs.stream(job.name)
    said = capsys.readouterr().out
    assert f"RunId: {job.name}" in said
    assert "Streaming logs/azureml/executionlogs.txt" in said
    assert "does not list azureml-core" in said
    assert ml_client.jobs.get(job.name).status == "Completed"
    assert batch.scores(job) == "hello a.txt 1\nhello b.txt 2\nhello c.txt 3\n"

    found = ml_client.jobs.get(job.name)
    assert (found.type, found.tags["azureml.batchrun"]) == ("pipeline", "true")
    assert "ml.azure.com/runs/" in found.studio_url
    assert job.name in [each.name for each in ml_client.jobs.list()]
    assert ml_client.jobs.show_services(job.name) is None
    assert [each.name for each in ml_client.batch_endpoints.list_jobs(endpoint)] == [job.name]
    (listed,) = ml_client.batch_deployments.list_jobs(endpoint, name="blue")
    assert (listed.name, listed.status) == (job.name, "Completed")

    logs = batch.logs(job)
    assert "3 items have succeeded, 0 have failed" in _read(logs, "job_progress_overview.txt")
    assert "init has read the model" in _read(logs, "process000.stdout.txt")
    assert "run was given 2" in _read(logs, "process000.stdout.txt")

    ml_client.jobs.archive(job.name)
    assert job.name not in [each.name for each in ml_client.jobs.list()]
    ml_client.jobs.begin_delete(job.name).result()
    with pytest.raises(ResourceNotFoundError):
        ml_client.jobs.get(job.name)


@pytest.fixture(scope="module")
def scored(ml_client, tmp_path_factory) -> Iterator[tuple[BatchBench, str]]:
    """An endpoint whose deployment greets, shared by the tests that only invoke it."""
    bench = BatchBench(ml_client, tmp_path_factory.mktemp("scored"), secrets.token_hex(3))
    endpoint = bench.endpoint().name
    bench.deploy(endpoint, environment=Environment(image=IMAGE))
    yield bench, endpoint
    bench.clean()


def test_the_step_of_a_job(ml_client, scored, tmp_path):
    """As Microsoft's notebooks look at it, and download its scores."""
    bench, endpoint = scored
    job = bench.invoke(endpoint, bench.files(one="1"))
    assert bench.ended(job) == "Completed"
    (step,) = ml_client.jobs.list(parent_job_name=job.name)
    assert (step.display_name, step.status) == ("batchscoring", "Completed")
    context = step.creation_context
    assert context.last_modified_at > context.created_at
    assert ml_client.jobs.get(step.name).name == step.name
    ml_client.jobs.download(step.name, download_path=tmp_path, output_name="score")
    scores = tmp_path / "named-outputs" / "score" / "predictions.csv"
    assert scores.read_text() == "hello one.txt 1\n"
    assert list(ml_client.jobs.list(parent_job_name=step.name)) == []


def test_every_kind_of_input(ml_client, scored, unique):
    bench, endpoint = scored
    files = bench.files(one="1")
    folder = Data(name=f"d-{unique}", path=str(files), type="uri_folder")
    asset = ml_client.data.create_or_update(folder)
    store = ml_client.datastores.get_default()
    _, _, path = asset.path.partition("/paths/")
    blob = f"https://{store.account_name}.blob.core.windows.net/{store.container_name}/{path}"
    inputs = [
        Input(type="uri_folder", path=f"azureml:d-{unique}:1"),
        Input(type="uri_folder", path=asset.id),
        Input(type="uri_folder", path=f"azureml://datastores/{store.name}/paths/{path}"),
        Input(type="uri_folder", path=asset.path),
        Input(type="uri_folder", path=blob),
        Input(type="uri_file", path=str(files / "one.txt")),
        Input(type="uri_file", path=f"{blob.rstrip('/')}/one.txt"),
    ]
    invoke = ml_client.batch_endpoints.invoke
    jobs = [invoke(endpoint, inputs={"images": one}) for one in inputs]
    jobs.append(invoke(endpoint, deployment_name="blue", input=inputs[1]))
    assert [bench.ended(job) for job in jobs] == ["Completed"] * len(jobs)
    assert {bench.scores(job) for job in jobs} == {"hello one.txt 1\n"}


def test_an_invocation_by_rest(ml_client, scored, unique):
    """As Microsoft's page on REST writes it: names with capitals, a data asset by its label."""
    bench, endpoint = scored
    files = Data(name=f"r-{unique}", path=str(bench.files(one="1")), type="uri_folder")
    ml_client.data.create_or_update(files)
    url = ml_client.batch_endpoints.get(endpoint).scoring_uri
    workspace = "azureml://locations/westeurope/workspaces/00000000-0000-0000-0000-000000000000"
    uri = f"{workspace}/data/r-{unique}/versions/labels/latest"
    body = {
        "properties": {
            "InputData": {"mnist": {"JobInputType": "UriFolder", "Uri": uri}},
            "name": f"by-rest-{unique}",
            "properties": {"experimentName": "tries"},
        }
    }
    token = DefaultAzureCredential().get_token("https://ml.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}", "azureml-model-deployment": "blue"}
    answer = requests.post(url, json=body, headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text
    assert answer.json()["properties"]["name"] == f"by-rest-{unique}"
    job = BatchJob(name=answer.json()["name"])
    assert bench.ended(job) == "Completed"
    assert bench.scores(job) == "hello one.txt 1\n"
    found = ml_client.jobs.get(job.name)
    assert (found.display_name, found.experiment_name) == (f"by-rest-{unique}", "tries")


def test_what_an_invocation_says_goes_before_the_deployment(ml_client, scored, unique):
    bench, endpoint = scored
    place = f"azureml://datastores/workspaceblobstore/paths/scores-{unique}"
    outputs = {"score": Output(type="uri_file", path=f"{place}/mine.csv")}
    settings = [{"mini_batch_size": 1}, {"compute": {"instance_count": 2}}]
    files = bench.files(a="1", b="2")
    job = bench.invoke(endpoint, files, outputs=outputs, params_override=settings)
    assert bench.ended(job) == "Completed"
    assert bench.scores(job, "mine.csv") == "hello a.txt 1\nhello b.txt 2\n"
    nodes = {path.parent.name for path in bench.logs(job).rglob("process000.stdout.txt")}
    assert nodes == {"10.0.0.4", "10.0.0.5"}
    # Scores that are there are not replaced.
    other = bench.invoke(endpoint, bench.files(z="9"), outputs=outputs)
    assert bench.ended(other) == "Completed"
    assert bench.scores(other, "mine.csv") == "hello a.txt 1\nhello b.txt 2\n"


def test_invocations_that_cannot_be(ml_client, scored, batch):
    bench, endpoint = scored
    files = bench.files(a="1")

    def refused(**extra: object) -> str:
        asked = {"endpoint_name": endpoint, **extra}
        if "inputs" not in asked:
            asked["input"] = Input(type="uri_folder", path=str(files))
        with pytest.raises((HttpResponseError, ValidationException)) as refusal:
            ml_client.batch_endpoints.invoke(**asked)
        return str(refusal.value)

    assert "Deployment name green not found" in refused(deployment_name="green")
    two = {name: Input(type="uri_folder", path=str(files)) for name in ("one", "two")}
    assert "takes one input" in refused(inputs=two)
    assert "not supported" in refused(inputs={"x": Input(type="mltable", path=str(files))})
    folder = {"score": Output(type="uri_folder", path="azureml://datastores/x/paths/y/")}
    assert "must be 'uri_file'" in refused(outputs=folder)
    elsewhere = "https://azuremlexampledata.blob.core.windows.net/data/mnist/sample"
    assert "azuremlexampledata" in refused(inputs={"x": Input(type="uri_folder", path=elsewhere)})

    def posted(url: str, audience: str) -> requests.Response:
        token = DefaultAzureCredential().get_token(f"{audience}/.default").token
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(url, json={}, headers=headers, timeout=30)

    answer = posted(batch.endpoint().scoring_uri, "https://ml.azure.com")
    assert (answer.status_code, "No valid deployments to route" in answer.text) == (404, True)
    url = ml_client.batch_endpoints.get(endpoint).scoring_uri
    assert requests.post(url, json={}, timeout=30).status_code == 401
    answer = posted(url, "https://management.azure.com")
    assert (answer.status_code, "Audiences" in answer.text) == (401, True)


TABLE = """
import os
import pandas as pd

def run(mini_batch):
    return pd.DataFrame([(os.path.basename(path), 0.5, "a b") for path in mini_batch],
                        columns=["file", "score", "label"])
"""


@pytest.mark.slow  # pandas is installed once
def test_a_table_is_appended_without_its_names(batch):
    if why := no_index():
        pytest.skip(why)
    endpoint = batch.endpoint().name
    # The list of the MLflow models of other tests, so that one environment is built for all.
    settings = {"output_file_name": "table.csv"}
    batch.deploy(endpoint, script=TABLE, settings=settings, environment=batch.environment(CONDA))
    job = batch.invoke(endpoint, batch.files(a="1", b="2"))
    assert batch.ended(job, 300) == "Completed", _failure(batch, job)
    assert batch.scores(job, "table.csv") == 'a.txt 0.5 "a b"\nb.txt 0.5 "a b"\n'


SUMMARY = """
import argparse, json, os, sys

def init():
    parser = argparse.ArgumentParser()
    parser.add_argument("--logging_level")
    known, _ = parser.parse_known_args()
    print("level", known.logging_level, "for", os.environ["FOR"])

def run(mini_batch):
    for path in mini_batch:
        name = os.path.basename(path)
        with open(os.path.join(os.environ["AZUREML_BI_OUTPUT_PATH"], name), "w") as file:
            file.write("scored")
    return mini_batch
"""


def test_a_script_writes_its_own_files(batch):
    endpoint = batch.endpoint().name
    settings = {
        "output_action": "summary_only",
        "logging_level": "debug",
        "environment_variables": {"FOR": "tests"},
    }
    batch.deploy(endpoint, script=SUMMARY, settings=settings)
    job = batch.invoke(endpoint, batch.files(a="1", b="2"))
    assert batch.ended(job) == "Completed"
    assert batch.scores(job, "a.txt") == batch.scores(job, "b.txt") == "scored"
    assert "level DEBUG for tests" in _read(batch.logs(job), "process000.stdout.txt")


# Does what each file's content says; how often a file was tried is known by its job.
OBEDIENT = """
import os, time

def run(mini_batch):
    rows = []
    for path in mini_batch:
        word, _, rest = open(path).read().partition(" ")
        name = os.path.basename(path)
        tried = os.path.join(os.environ["TRIED"], os.environ["AZUREML_RUN_ID"] + name)
        tries = len(open(tried).read()) if os.path.exists(tried) else 0
        with open(tried, "a") as file:
            file.write("x")
        if word == "raise" and tries < int(rest):
            raise ValueError(f"asked to raise by {name}")
        if word == "die" and tries < int(rest):
            os._exit(3)
        if word == "sleep" and tries < int(rest):
            time.sleep(600)
        if word == "nothing":
            return None
        if word != "skip":
            rows.append(name)
    return rows
"""


def _obedient(bench: BatchBench, tried: Path, **extra: Any) -> str:
    """Make an endpoint whose deployment does what files say; returns its name."""
    tried.mkdir()
    endpoint = bench.endpoint().name
    settings = {"mini_batch_size": 1, "environment_variables": {"TRIED": str(tried)}}
    bench.deploy(endpoint, script=OBEDIENT, settings=settings, **extra)
    return endpoint


def _orders(retries: int = 0, timeout: int = 600, **others: Any) -> list[dict[str, Any]]:
    """What an invocation says of tries, and of other things."""
    settings = {"max_retries": retries, "timeout": timeout}
    return [{"retry_settings": settings}, *({name: value} for name, value in others.items())]


@pytest.fixture(scope="module")
def obedient(ml_client, tmp_path_factory) -> Iterator[tuple[BatchBench, Callable[..., BatchJob]]]:
    """Invokes a deployment that does what its files say; returns the job."""
    folder = tmp_path_factory.mktemp("obedient")
    bench = BatchBench(ml_client, folder, secrets.token_hex(3))
    endpoint = _obedient(bench, folder / "tried")

    def run(files: dict[str, str], **orders: Any) -> BatchJob:
        return bench.invoke(endpoint, bench.files(**files), params_override=_orders(**orders))

    yield bench, run
    bench.clean()


def test_a_mini_batch_that_fails_is_tried_again(obedient):
    batch, invoke = obedient
    job = invoke({"a": "raise 2", "b": "die 1", "c": "sleep 1", "d": ""}, retries=2, timeout=3)
    assert batch.ended(job) == "Completed"
    assert batch.scores(job) == "a.txt\nb.txt\nc.txt\nd.txt\n"
    errors = _read(batch.logs(job), "error.txt")
    assert errors.count("asked to raise by a.txt") == 2
    assert "exit code 3" in errors
    assert "did not return within 3 seconds" in errors


def test_as_many_files_may_fail_as_the_threshold_says(obedient):
    batch, invoke = obedient
    files = {"a": "raise 9", "b": "skip", "c": ""}
    job = invoke(files, retries=1, error_threshold=2)
    assert (batch.ended(job), batch.scores(job)) == ("Completed", "c.txt\n")
    assert "1 items have succeeded, 2 have failed" in _read(
        batch.logs(job), "job_progress_overview.txt"
    )
    job = invoke(files, retries=1, error_threshold=1)
    assert batch.ended(job) == "Failed"
    assert "error threshold '1' is exceeded: 2 items" in _failure(batch, job)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a": "raise 9"}, "There is no succeeded mini batch item returned from run()"),
        ({"a": "nothing"}, "There is no succeeded mini batch item returned from run()"),
        ({"a": "sleep 9", "b": ""}, "had timeout for 2 times"),
    ],
)
def test_jobs_that_fail(obedient, files, reason):
    batch, invoke = obedient
    job = invoke(files, retries=1, timeout=2)
    assert batch.ended(job) == "Failed"
    assert reason in _failure(batch, job)
    if "nothing" in files.values():
        assert "The actual type of output is NoneType" in _read(batch.logs(job), "error.txt")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import nobody_has_this\ndef run(mini_batch): return mini_batch\n", "No module named"),
        ("def init(): raise RuntimeError('no model')\ndef run(b): return b\n", "no model"),
        ("def score(mini_batch): return mini_batch\n", "has no function run()"),
    ],
)
def test_scripts_that_cannot_begin(batch, script, reason):
    endpoint = batch.endpoint().name
    batch.deploy(endpoint, script=script)
    job = batch.invoke(endpoint, batch.files(a="1"))
    assert batch.ended(job) == "Failed"
    assert reason in _failure(batch, job)
    assert reason in _read(batch.logs(job), "error.txt")


def test_data_and_nodes_that_are_not_there(ml_client, scored):
    bench, endpoint = scored
    nowhere = Input(
        type="uri_folder", path="azureml://datastores/workspaceblobstore/paths/nobody/is/here/"
    )
    job = ml_client.batch_endpoints.invoke(endpoint, input=nowhere)
    assert bench.ended(job) == "Failed"
    assert "Found no resources for the input" in _failure(bench, job)
    wanted = [{"compute": {"instance_count": 9}}]
    job = bench.invoke(endpoint, bench.files(a="1"), params_override=wanted)
    assert bench.ended(job) == "Failed"
    assert "Requested 9 nodes but AzureMLCompute cluster only has 2 maximum nodes." in _failure(
        bench, job
    )


def test_a_job_that_is_canceled_leaves_nothing_running(ml_client, local_azure, obedient):
    batch, invoke = obedient
    job = invoke({"a": "sleep 9"})
    until(lambda: ml_client.jobs.get(job.name).status == "Running")
    until(lambda: _workers(local_azure))
    waiting = batch.invoke(batch.endpoints[0], batch.files(b=""))
    assert ml_client.compute.get("batch-tests").provisioning_state == "Succeeded"
    ml_client.jobs.begin_cancel(job.name).result()
    assert ml_client.jobs.get(job.name).status == "Canceled"
    assert batch.ended(waiting) == "Completed"
    assert not _workers(local_azure)
    with pytest.raises(HttpResponseError, match="is Canceled and can't be canceled"):
        ml_client.jobs.begin_cancel(job.name).result()


def test_jobs_wait_for_nodes_and_outlive_their_endpoint(ml_client, batch, tmp_path):
    endpoint = _obedient(batch, tmp_path / "tried")
    both = _orders(compute={"instance_count": 2})
    first = batch.invoke(endpoint, batch.files(a="sleep 9"), params_override=both)
    until(lambda: ml_client.jobs.get(first.name).status == "Running")
    second = batch.invoke(endpoint, batch.files(b=""))
    until(lambda: ml_client.jobs.get(second.name).status == "Queued")
    ml_client.batch_endpoints.begin_delete(endpoint).result()
    ml_client.jobs.begin_cancel(first.name).result()
    assert batch.ended(second) == "Completed"


TOKEN = """
import json, os, urllib.request

def run(mini_batch):
    url = os.environ["MSI_ENDPOINT"] + "?resource=https://storage.azure.com/"
    request = urllib.request.Request(url, headers={"secret": os.environ["MSI_SECRET"]})
    with urllib.request.urlopen(request) as answer:
        return [json.load(answer)["access_token"]]
"""


def test_a_script_calls_azure_as_its_cluster_which_goes(ml_client, batch, unique, tmp_path):
    identity = IdentityConfiguration(type="system_assigned")
    wanted = AmlCompute(name=f"own-{unique}", size="Standard_D4as_v4", identity=identity)
    made = ml_client.compute.begin_create_or_update(wanted).result()
    endpoint = batch.endpoint().name
    batch.deploy(endpoint, script=TOKEN, compute=made.name)
    job = batch.invoke(endpoint, batch.files(a="1"))
    assert batch.ended(job) == "Completed", _failure(batch, job)
    told = jwt.decode(batch.scores(job).strip(), options={"verify_signature": False})
    assert (told["oid"], told["xms_mirid"]) == (made.identity.principal_id, made.id)

    endpoint = _obedient(batch, tmp_path / "tried", compute=made.name)
    job = batch.invoke(endpoint, batch.files(a="sleep 9"), params_override=_orders())
    until(lambda: ml_client.jobs.get(job.name).status == "Running")
    ml_client.compute.begin_delete(made.name).result()
    assert batch.ended(job) == "Failed"
    assert "does not exist any more" in _failure(batch, job)


def test_a_kill_begins_jobs_anew(another_azure, monkeypatch, tmp_path, unique):
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    bench = BatchBench(course_client(), tmp_path, unique)
    tried = tmp_path / "tried"
    endpoint = _obedient(bench, tried)
    job = bench.invoke(endpoint, bench.files(a="sleep 1"), params_override=_orders())
    until(lambda: any(tried.iterdir()))
    another_azure.kill()
    another_azure.start()
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    bench.client = course_client()
    assert bench.ended(job) == "Completed"
    assert bench.scores(job) == "a.txt\n"
    (times,) = tried.iterdir()
    assert times.read_text() == "xx"


def _workers(azure: LocalAzure) -> list[int]:
    """The processes of the emulator that score mini-batches."""
    found = []
    for process in psutil.Process(azure.process.pid).children(recursive=True):
        with suppress(psutil.Error):
            if any(word.endswith("driver.py") for word in process.cmdline()):
                found.append(process.pid)
    return found


def _failure(bench: BatchBench, job: BatchJob) -> str:
    """Why the job failed, as MLClient says it."""
    with pytest.raises(JobException) as failure:
        bench.client.jobs.stream(job.name)
    return str(failure.value)


def _read(folder: Path, name: str) -> str:
    (found,) = folder.rglob(name)
    return found.read_text()
