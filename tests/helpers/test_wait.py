from __future__ import annotations

import re
import time
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.core.exceptions import HttpResponseError
from azure.core.polling import LROPoller, PollingMethod

from helpers.wait import wait


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


def test_stopping_to_wait_says_that_azure_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way = poller(Work(0.2))

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(under_way, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        wait(under_way, "blue")
    assert shown(capsys.readouterr().out) == ["blue: you stopped waiting; Azure goes on"]


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
