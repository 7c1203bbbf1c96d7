"""The digit API as the image runs it: uvicorn in its own process, asked over a socket."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image
from sklearn.datasets import load_digits

from helpers.wait import answers
from scoring import train
from tests.waiting import until

SCORING = Path(__file__).resolve().parents[2] / "scoring"
IMAGES = load_digits().images


def serve(model: Path, **variables: str) -> tuple[subprocess.Popen[bytes], str]:
    """The Dockerfile's own command, with the files where the image has them on sys.path."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(SCORING / "api"), str(SCORING / "pytorch")]),
            "MODEL_FILE": str(model),
            **variables,
        },
        stderr=subprocess.PIPE,
    )
    return process, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("model")
    train.save(train.train("pytorch", train.load_digits_split()), folder)
    process, url = serve(folder / "digits.pt", APP_VERSION="blue-7")
    until(lambda: answers(url) or process.poll() is not None, 180)
    assert process.poll() is None
    yield url
    process.terminate()
    process.communicate(timeout=20)


def png(pixels, size: int = 160) -> bytes:
    file = io.BytesIO()
    ink = Image.fromarray((pixels * 15.9).astype("uint8")).resize((size, size), Image.LANCZOS)
    ink.save(file, "PNG")
    return file.getvalue()


def test_health_names_the_version_in_body_and_header(api):
    answer = requests.get(api, timeout=10)
    assert answer.json() == {"status": "ok", "version": "blue-7"}
    assert answer.headers["X-App-Version"] == "blue-7"


@pytest.mark.parametrize("form", ["8x8", "64"])
def test_predict(api, form):
    digits = IMAGES[:200]
    data = digits.tolist() if form == "8x8" else digits.reshape(-1, 64).tolist()
    answer = requests.post(f"{api}/predict", json={"data": data}, timeout=30).json()
    named = [prediction["digit"] for prediction in answer["predictions"]]
    assert sum(a == b for a, b in zip(named, load_digits().target, strict=False)) >= 194
    assert all(abs(sum(p["probabilities"]) - 1) < 0.01 for p in answer["predictions"])


def test_predict_file(api):
    right = 0
    for pixels, digit in zip(IMAGES[:20], load_digits().target, strict=False):
        answer = requests.post(f"{api}/predict_file", files={"file": png(pixels)}, timeout=30)
        right += answer.json()["predictions"][0]["digit"] == digit
    assert right >= 18


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "data"),
        ({"data": [[1, 2]]}, 400, "8 rows of 8"),
        ({"data": []}, 400, "data"),
        ({"data": "seven"}, 422, "data"),
        ({"data": [[17] * 64]}, 400, "0 to 16"),
        ({"data": [[0] * 64], "extra": 1}, 422, "extra"),
        ([], 422, "dictionary"),
    ],
)
def test_wrong_json_gets_one_sentence(api, body, status, said):
    answer = requests.post(f"{api}/predict", json=body, timeout=10)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert answer.headers["X-App-Version"] == "blue-7"


def test_what_is_no_picture_gets_one_sentence(api):
    answer = requests.post(f"{api}/predict_file", files={"file": b"hello"}, timeout=10)
    assert answer.status_code == 400
    assert "PNG" in answer.json()["detail"]


def test_what_is_too_large_is_refused_before_it_is_read(api):
    answer = requests.post(f"{api}/predict", data=b" " * 1_000_001, timeout=10)
    assert answer.status_code == 413
    answer = requests.post(f"{api}/predict", data=iter([b"{}"]), timeout=10)
    assert answer.status_code == 411


def test_the_documentation_describes_every_path(api):
    assert "swagger" in requests.get(f"{api}/docs", timeout=10).text.lower()
    paths = requests.get(f"{api}/openapi.json", timeout=10).json()["paths"]
    assert set(paths) == {"/", "/predict", "/predict_file"}


def test_without_a_model_it_ends_and_says_why(tmp_path):
    process, _ = serve(tmp_path / "none.pt")
    _, log = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"There is no model at" in log


def test_the_image_pins_what_the_course_pins():
    """requirements.txt and requirements.lock name the same versions."""
    lock = (SCORING.parent / "requirements.lock").read_text().splitlines()
    pinned = {line.split("#")[0].split(";")[0].strip() for line in lock}
    wanted = (SCORING / "api" / "requirements.txt").read_text().splitlines()
    named = {line for line in wanted if line and not line.startswith(("#", "--"))}
    assert named
    assert named <= pinned
