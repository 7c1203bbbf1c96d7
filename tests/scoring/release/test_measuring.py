"""What becomes of an endpoint's answers, good and bad ones, over a real connection."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from scoring.release.measuring import NO_ANSWER, Example, ScoringClient

TENTHS = [0.1] * 10
ONE = Example([[0.0] * 8] * 8, 3)
TWO = Example([[1.0] * 8] * 8, 5)


class ScriptedEndpoint(HTTPServer):
    """Answers each request with what `say` holds, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.say: tuple[int, str] = 200, ""
        self.asked: list[tuple[str, str, object]] = []


class Handler(BaseHTTPRequestHandler):
    server: ScriptedEndpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, key = self.headers["azureml-model-deployment"], self.headers["Authorization"]
        self.server.asked.append((name, key, body))
        status, text = self.server.say
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[ScriptedEndpoint]:
    with ScriptedEndpoint() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def client(endpoint: ScriptedEndpoint) -> ScoringClient:
    return ScoringClient(f"http://127.0.0.1:{endpoint.server_port}/score", "the-key")


def test_each_deployment_is_asked_in_turns_by_its_name(endpoint: ScriptedEndpoint) -> None:
    endpoint.say = 200, json.dumps({"predictions": [{"digit": 3, "probabilities": TENTHS}]})
    answers = client(endpoint).compare(["blue", "green"], [ONE, TWO], 3)
    assert [name for name, _, _ in endpoint.asked] == ["blue", "green"] * 3
    assert {key for _, key, _ in endpoint.asked} == {"Bearer the-key"}
    assert endpoint.asked[2][2] == {"data": [TWO.image]}
    for each in answers.values():
        assert [(a.status, a.digit, a.truth) for a in each] == [
            (200, 3, 3),
            (200, 3, 5),
            (200, 3, 3),
        ]
        assert all(answer.seconds > 0 for answer in each)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (424, "no"),
        (200, "no JSON"),
        (200, "[]"),
        (200, '{"predictions": []}'),
        (200, '{"predictions": [{"digit": 3}]}'),
        (200, json.dumps({"predictions": [{"digit": "3", "probabilities": TENTHS}]})),
        (200, json.dumps({"predictions": [{"digit": 10, "probabilities": TENTHS}]})),
        (200, json.dumps({"predictions": [{"digit": 3, "probabilities": TENTHS[1:]}]})),
        (200, json.dumps({"predictions": [{"digit": 3, "probabilities": [1.0] * 10}]})),
        (200, json.dumps({"predictions": [{"digit": 3, "probabilities": ["0.1"] * 10}]})),
    ],
)
def test_an_answer_of_another_form_names_no_digit(
    status: int, text: str, endpoint: ScriptedEndpoint
) -> None:
    endpoint.say = status, text
    answer = client(endpoint).ask("green", ONE)
    assert (answer.status, answer.digit, answer.truth) == (status, None, 3)


def test_no_answer_is_one_that_failed() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    answer = ScoringClient(f"http://127.0.0.1:{port}/score", "key").ask("green", ONE)
    assert (answer.status, answer.digit) == (NO_ANSWER, None)
