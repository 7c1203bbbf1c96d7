"""Both scoring scripts under Azure's own inference server, over a socket."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import scoring
from scoring.train import DigitsSplit, Framework
from tests.scoring.pictures import enlarged, image_request
from tests.waiting import until


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    port: int
    log: Path

    def ask(self, method: str, path: str, body: str | bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def score(self, body: str | bytes) -> Answer:
        return self.ask("POST", "/score", body)


@pytest.fixture(scope="module")
def server(
    framework: Framework, model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The server with one framework's script, started from a folder that is not the script's."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    script = Path(scoring.__file__).parent / framework / "score.py"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(free.getsockname()[1], elsewhere / "server.log")
    command = [sys.executable, "-m", "azureml_inference_server_http", "--entry_script", script]
    with server.log.open("w") as log:
        process = subprocess.Popen(
            [*command, "--model_dir", model_folder, "--port", str(server.port)],
            cwd=elsewhere,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_healthy(process, server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_healthy(process: subprocess.Popen[bytes], server: Server) -> None:
    def healthy() -> bool:
        assert process.poll() is None, server.log.read_text()
        with suppress(ConnectionError):
            return server.ask("GET", "/").body == "Healthy"
        return False

    until(healthy, 180)


def test_numbers(server: Server, split: DigitsSplit) -> None:
    answer = server.score(json.dumps({"data": split.test_images[:20].tolist()}))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    digits = [prediction["digit"] for prediction in answer.json["predictions"]]
    assert sum(digits == split.test_labels[:20]) >= 18


def test_answer_is_encoded_once(server: Server, split: DigitsSplit) -> None:
    answer = server.score(json.dumps({"data": split.test_images[0].tolist()}))
    assert isinstance(answer.json, dict)
    assert len(answer.json["predictions"]) == 1


def test_picture(server: Server, split: DigitsSplit) -> None:
    answer = server.score(image_request(enlarged(split.test_images[0], 300)))
    assert answer.status == 200
    assert answer.json["predictions"][0]["digit"] == split.test_labels[0]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "seven",
        "[]",
        "{}",
        '{"data": []}',
        '{"data": [[1, 2], [3]]}',
        '{"data": [NaN]}',
        '{"image": "aGVsbG8="}',
        '{"data": [], "image": ""}',
    ],
)
def test_wrong_request_gets_400_and_one_sentence(server: Server, body: str) -> None:
    answer = server.score(body)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/json"
    error = answer.json["error"]
    assert error["code"] == "BadInput"
    assert error["message"].startswith("Expected ")
    assert error["message"].endswith(".")


def test_bytes_that_are_no_text_get_400(server: Server) -> None:
    answer = server.score(b"\xff\xfe\x00")
    assert answer.status == 400
    assert "Traceback" not in answer.body


def test_it_still_answers_after_wrong_requests(server: Server, split: DigitsSplit) -> None:
    for _ in range(3):
        assert server.score("seven").status == 400
    assert server.score(json.dumps({"data": split.test_images[0].tolist()})).status == 200


def test_no_traceback_is_logged_for_wrong_requests(server: Server) -> None:
    before = server.log.read_text().count("Traceback")  # the server's own, from its start
    assert server.score('{"data": [[1, 2], [3]]}').status == 400
    assert server.log.read_text().count("Traceback") == before


def test_swagger(server: Server) -> None:
    answer = server.ask("GET", "/swagger.json")
    assert answer.status == 200
    assert "/score" in answer.json["paths"]
