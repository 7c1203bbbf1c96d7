from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.core.polling import LROPoller, PollingMethod

from helpers import wait as module
from helpers.wait import WaitingStopped, answers, settled, until, wait
from tests import waiting


class Work(PollingMethod[str]):
    """An operation that takes `seconds`, prints a dot as the SDK does, and ends as told."""

    def __init__(self, seconds: float, error: Exception | None = None) -> None:
        self.seconds = seconds
        self.error = error
        self.state = "InProgress"

    def initialize(self, client: Any, initial_response: Any, deserialization_callback: Any) -> None:
        pass

    def run(self) -> None:
        time.sleep(self.seconds / 2)
        print(".", end="", flush=True)
        time.sleep(self.seconds / 2)
        if self.error:
            raise self.error
        self.state = "Succeeded"

    def status(self) -> str:
        return self.state

    def finished(self) -> bool:
        return self.state == "Succeeded"

    def resource(self) -> str:
        return "made"


def poller(work: Work) -> LROPoller[str]:
    return LROPoller(None, None, lambda _: None, work)


def shown(text: str) -> list[str]:
    """What stood on the line, one state after the other."""
    assert text.endswith("\n")
    return [state.rstrip() for state in text.split("\r") if state]


def test_the_line_moves_and_ends_with_the_state(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    assert wait(poller(Work(1.2)), "blue") == "made"
    took = time.monotonic() - began
    states = shown(capsys.readouterr().out)
    assert len(states) > 2
    assert all(state.startswith("blue: InProgress, ") for state in states[:-1])
    assert len(set(states)) > 1, "the mark has to move"
    last = re.fullmatch(r"blue: Succeeded after (\d+\.\d) s", states[-1])
    assert last
    assert 1 <= float(last[1]) <= took + 0.05  # shown to a tenth


def test_the_last_state_covers_what_stood_there(capsys: pytest.CaptureFixture[str]) -> None:
    wait(poller(Work(0.8)), "blue")
    out = capsys.readouterr().out.rstrip("\n").split("\r")
    assert len(out[-1]) >= max(len(state) for state in out[:-1])


def test_no_dots_of_the_sdk(capsys: pytest.CaptureFixture[str]) -> None:
    wait(poller(Work(0.1)), "blue")
    assert capsys.readouterr().out.count(".") == 1  # the one in the number of seconds


def test_a_failure_is_shown_and_raised(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no such image"):
        wait(poller(Work(0.5, ValueError("no such image"))), "blue")
    assert shown(capsys.readouterr().out)[-1].startswith("blue: Failed after ")


class Interrupted(Work):
    """Interrupts, as Jupyter does, whoever first asks for its state; ends when `end` is set."""

    def __init__(self) -> None:
        super().__init__(0)
        self.end = threading.Event()
        self.was_asked = False

    def run(self) -> None:
        self.end.wait()
        super().run()

    def status(self) -> str:
        if not self.was_asked:
            self.was_asked = True
            signal.raise_signal(signal.SIGINT)
        return super().status()


def test_stopping_to_wait_says_that_azure_goes_on_and_how_to_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    work = Interrupted()
    with pytest.raises(WaitingStopped) as stopped:
        wait(poller(work), "blue")
    assert shown(capsys.readouterr().out)[-1].startswith("blue: you stopped waiting after ")
    message = "Azure carries on with blue. Run the cell again to keep waiting."
    assert stopped.value._render_traceback_() == [message], "and no traceback"
    (left,) = module.unfinished
    left.cell = "cell-1"
    module.go_on("another cell")
    assert module.unfinished == [left]
    threading.Timer(0.5, work.end.set).start()
    module.go_on("cell-1")
    assert "blue, under way already: Succeeded after " in capsys.readouterr().out
    assert module.unfinished == []


def test_what_has_ended_meanwhile_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    work = Interrupted()
    with pytest.raises(WaitingStopped):
        wait(poller(work), "blue")
    work.end.set()
    waiting.until(work.finished)
    module.unfinished[0].cell = "cell-1"
    capsys.readouterr()
    module.go_on("cell-1")
    assert (capsys.readouterr().out, module.unfinished) == ("", [])


def test_an_interrupted_until_ends_in_one_line() -> None:
    with pytest.raises(WaitingStopped, match="You stopped waiting for the thing"):
        until(lambda: signal.raise_signal(signal.SIGINT), "the thing")


def test_an_operation_whose_connection_was_lost_is_asked_for_anew(
    ml_client: MLClient, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = ManagedOnlineEndpoint(name=f"digits-{unique}")
    under_way = ml_client.online_endpoints.begin_create_or_update(endpoint)
    under_way.result()
    method = under_way.polling_method()

    class Lost(type(method)):  # type: ignore[misc]  # whatever the SDK polls with
        tries = 0

        def run(self) -> None:
            Lost.tries += 1
            if Lost.tries == 1:
                raise ServiceRequestError("nobody there")
            super().run()

    again = Lost(timeout=0)
    began, parse = method._initial_response, method._deserialization_callback
    with pytest.raises(ServiceRequestError):
        wait(LROPoller(method._client, began, parse, again), "it")
    assert "it: no more answers after " in capsys.readouterr().out
    module.unfinished[0].cell = "cell-1"
    module.go_on("cell-1")
    assert "it, under way already: Succeeded after " in capsys.readouterr().out


def test_a_real_operation(
    ml_client: MLClient, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"digits-{unique}"
    endpoint = ManagedOnlineEndpoint(name=name)
    made = wait(ml_client.online_endpoints.begin_create_or_update(endpoint), name)
    assert made.name == name
    assert f"{name}: Succeeded after " in capsys.readouterr().out
    wait(ml_client.online_endpoints.begin_delete(name), f"deleting {name}")
    assert f"deleting {name}: Succeeded after " in capsys.readouterr().out


def test_an_error_of_azure_comes_through(ml_client: MLClient, unique: str) -> None:
    endpoint = ManagedOnlineEndpoint(name=f"digits-{unique}", traffic={"blue": 100})
    with pytest.raises(HttpResponseError, match="blue"):
        wait(ml_client.online_endpoints.begin_create_or_update(endpoint), "never")


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 502)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_until_returns_what_it_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = iter([None, "", "this"])
    assert until(lambda: next(found), "the thing") == "this"
    shown = capsys.readouterr().out
    assert "the thing: waiting, 0 s" in shown
    assert shown.endswith("\n")
    assert "the thing: after 0." in shown.rpartition("\r")[2]


def test_until_has_an_end() -> None:
    with pytest.raises(TimeoutError, match="the thing: not within 0 seconds"):
        until(lambda: False, "the thing", seconds=0)


def test_until_does_not_hide_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        until(lambda: 1 / 0, "the thing")


def test_only_200_is_an_answer(url: str) -> None:
    assert answers(url)
    assert not answers(f"{url}/elsewhere")


def test_nobody_there_is_no_answer(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHORT", 0.5)
    assert not answers("http://127.0.0.1:1")
    assert not answers(url.replace("http:", "https:"))


@pytest.mark.parametrize(
    ("state", "restarts", "ended", "expected"),
    [
        ("Running", 5, None, False),
        ("Waiting", 1, None, False),
        ("Waiting", 2, None, True),
        ("Terminated", 0, 3, False),
        ("Terminated", 0, 20, True),
    ],
)
def test_settled_means_that_it_is_plain_what_follows(
    state: str, restarts: int, ended: float | None, expected: bool
) -> None:
    finish_time = None if ended is None else datetime.now(UTC) - timedelta(seconds=ended)
    current = SimpleNamespace(state=state, finish_time=finish_time)
    view = SimpleNamespace(restart_count=restarts, current_state=current)
    assert settled(view) is (view if expected else None)


def test_what_has_not_started_is_not_settled() -> None:
    assert settled(None) is None
    assert settled(SimpleNamespace(restart_count=0, current_state=None)) is None
