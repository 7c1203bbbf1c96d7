"""Every exercise untouched, with wrong answers and with its own solution.

The code that asks and checks is taken out of the lesson; only what a learner would write is here.
The checks look at real resources, so each answer is carried out on local Azure first.
"""

from __future__ import annotations

import importlib
import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.constants._endpoint import EndpointInvokeFields
from azure.ai.ml.entities import OnlineEndpoint

from helpers.image import RegistryImage, ensure_image
from helpers.wait import answers as is_answered
from helpers.workspace import ensure_deployment, ensure_endpoint
from practice.catalogue import number_of
from practice.exercises.checks import AnswerState, Exercise, Verdict
from tests.notebooks.conftest import INSTANCE_TYPE, LESSONS, ROOT, Names, code_of
from tests.notebooks.lesson_names import NAMES, split
from tests.notebooks.table_endpoint import make_table_endpoint
from tests.notebooks.wrong_answers import ANSWERS
from tests.notebooks.wrong_answers.answers import Answers
from tests.waiting import until


@pytest.fixture(scope="module")
def suffix() -> str:
    return secrets.token_hex(3)


@pytest.fixture(scope="module")
def endpoint_name(workspace: MLClient, suffix: str) -> str:
    """An endpoint with blue, which has all the traffic, and green."""
    name = f"digits-{suffix}"
    ensure_endpoint(workspace, name)
    ensure_deployment(workspace, name, "blue", "pytorch", INSTANCE_TYPE)
    ensure_deployment(workspace, name, "green", "keras", INSTANCE_TYPE)
    return name


@pytest.fixture(scope="module")
def watched(workspace: MLClient, suffix: str) -> OnlineEndpoint:
    """Lesson 09's endpoint, which was asked twelve times and refused one of them."""
    name = f"digits-watch-{suffix}"
    ensure_endpoint(workspace, name)
    ensure_deployment(workspace, name, "blue", "pytorch", INSTANCE_TYPE)
    split(workspace, name, blue=100)
    endpoint = workspace.online_endpoints.get(name)
    key = workspace.online_endpoints.get_keys(name).primary_key
    for pixel, status in [(8, 200)] * 11 + [(255, 424)]:
        answer = requests.post(
            endpoint.scoring_uri,
            json={"data": [[pixel] * 64]},
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )
        assert answer.status_code == status
    return endpoint


@pytest.fixture(scope="module")
def server(workspace: MLClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    """The PyTorch script, loaded, and the inference server with it."""
    folder = tmp_path_factory.mktemp("lesson-03")
    model = workspace.models.get("digits-pytorch", label="latest")
    workspace.models.download(model.name, model.version, download_path=folder)
    score = importlib.import_module("scoring.pytorch.score")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUREML_MODEL_DIR", str(folder / "digits-pytorch"))
        score.init()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "azureml_inference_server_http", "--port", str(port)]
    command += ["--entry_script", str(ROOT / "scoring" / "pytorch" / "score.py")]
    command += ["--model_dir", str(folder / "digits-pytorch")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_answered(url) or process.poll() is not None, 180)
    assert process.poll() is None, (folder / "log").read_text()
    yield {"score": score, "pytorch_url": f"{url}/score", "downloads": folder}
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def image(workspace: MLClient, suffix: str) -> RegistryImage:
    """The digit API's image, in a registry of its own."""
    return ensure_image(workspace.subscription_id, workspace.resource_group_name, suffix, tag="1")


@pytest.fixture(scope="module")
def table_endpoint(
    workspace: MLClient, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """An endpoint that takes tables of pixels, as lesson 11's does."""
    name = f"digits-{suffix}-mlflow"
    make_table_endpoint(workspace, name, tmp_path_factory.mktemp("lesson-11"))
    return name


@dataclass
class Desk:
    """An exercise before a learner; `verdict` runs the cell that asks, an answer, the check."""

    exercise: Exercise
    names: Names
    asking: str
    checking: str

    def verdict(self, answer: str = "") -> Verdict:
        exec(self.asking, self.names)
        exec(answer, self.names)
        call = self.checking.splitlines()[0].replace(".check(", ".verdict(")
        verdict: Verdict = eval(call, self.names)
        return verdict


def desk(answers: Answers, request: pytest.FixtureRequest) -> Desk:
    module = importlib.import_module(f"practice.exercises.lesson_{answers.lesson}")
    sources = code_of(answers.lesson)
    number = next(i for i, s in enumerate(sources) if f".{answers.exercise}.check(" in s)
    names = NAMES[answers.lesson](request) | {"exercises": module}
    return Desk(getattr(module, answers.exercise), names, sources[number - 1], sources[number])


@pytest.fixture(params=ANSWERS, ids=lambda each: f"{each.lesson}-{each.exercise}")
def answers(request: pytest.FixtureRequest) -> Answers:
    each: Answers = request.param
    return each


def test_untouched_it_is_not_attempted(answers: Answers, request: pytest.FixtureRequest) -> None:
    assert desk(answers, request).verdict().state is AnswerState.NOT_ATTEMPTED


def test_wrong_answers_are_wrong_and_say_why(
    answers: Answers, request: pytest.FixtureRequest
) -> None:
    assert len(answers.wrong) >= 2
    for code, why in answers.wrong.items():
        verdict = desk(answers, request).verdict(code)
        assert verdict.state is AnswerState.WRONG, code
        assert why in verdict.message


def test_its_solution_is_right(answers: Answers, request: pytest.FixtureRequest) -> None:
    here = desk(answers, request)
    assert here.verdict(here.exercise.code).state is AnswerState.RIGHT


def test_every_exercise_is_tried() -> None:
    tried = {(answers.lesson, answers.exercise) for answers in ANSWERS}
    there = {
        (number_of(path), name)
        for path in LESSONS
        if path.stem != "12-capstone"  # whole solutions are handed in: test_capstone.py
        for name, value in vars(
            importlib.import_module(f"practice.exercises.lesson_{number_of(path)}")
        ).items()
        if isinstance(value, Exercise)
    }
    assert tried == there


def test_every_exercise_has_hints() -> None:
    assert ANSWERS
    for answers in ANSWERS:
        module = importlib.import_module(f"practice.exercises.lesson_{answers.lesson}")
        assert getattr(module, answers.exercise).hints


def test_invoke_keeps_sending_the_deployments_name(
    workspace: MLClient, endpoint_name: str, tmp_path: Path
) -> None:
    """Lesson 05 warns of this; when it fails, the SDK is mended and the warning can go."""
    split(workspace, endpoint_name, blue=100)
    file = tmp_path / "digit.json"
    file.write_text(json.dumps({"data": [[8] * 64]}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EndpointInvokeFields, "DEFAULT_HEADER", {"Content-Type": "application/json"})
        answers = [
            json.loads(
                workspace.online_endpoints.invoke(endpoint_name, request_file=file, **chosen)
            )["framework"]
            for chosen in ({}, {"deployment_name": "green"}, {})
        ]
    assert answers == ["pytorch", "keras", "keras"]
