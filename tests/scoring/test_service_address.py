"""A client of a service, against a small server on a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from scoring.service_address import ServiceAddress


class Service(ThreadingHTTPServer):
    """Answers with the next of `statuses`, 200 after the last; drops a connection where it is 0."""

    daemon_threads = True

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = statuses
        self.seen: list[tuple[str, Any, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, body, self.headers.get("Authorization")))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    server = Service(list(request.param))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(service: Service) -> ServiceAddress:
    url = f"http://127.0.0.1:{service.server_port}"
    return ServiceAddress(f"{url}/predict", f"{url}/exit", {"Authorization": "Bearer k"})


@pytest.mark.parametrize("service", [[429, 429]], indirect=True)
def test_too_many_requests_are_asked_again(service: Service) -> None:
    assert address(service).client({"data": [1]})()
    assert service.seen == [("/predict", {"data": [1]}, "Bearer k")] * 3


@pytest.mark.parametrize("service", [[503, 424, 0]], indirect=True)
def test_what_is_no_prediction_is_told(service: Service) -> None:
    ask = address(service).client({"data": [1]})
    assert [ask() for _ in range(4)] == [False, False, False, True]


@pytest.mark.parametrize("service", [[0]], indirect=True)
def test_nobody_is_left_to_answer_the_exit(service: Service) -> None:
    address(service).end_process()
    assert service.seen == [("/exit", {"exit": True}, "Bearer k")]


@pytest.mark.parametrize("service", [[]], indirect=True)
def test_a_key_is_not_shown(service: Service) -> None:
    assert "Bearer" not in repr(address(service))
