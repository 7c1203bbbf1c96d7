from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from helpers import containers
from helpers.containers import RegistryImage, answers, picture, settled, until


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
    monkeypatch.setattr(containers, "SHORT", 0.5)
    assert not answers("http://127.0.0.1:1")
    assert not answers(url.replace("http:", "https:"))


def test_the_password_is_not_shown() -> None:
    image = RegistryImage("r.azurecr.io", "r.azurecr.io/digits:1", "r", "not-to-be-seen")
    assert "not-to-be-seen" not in repr(image)


def test_what_stays_to_be_read_is_the_same_with_and_without_a_build(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = RegistryImage("r.azurecr.io", "r.azurecr.io/digits:1", "r", "p")
    found = iter([None, image, image])
    monkeypatch.setattr(containers, "_image", lambda *_: next(found))
    monkeypatch.setattr(containers, "_is_there", lambda *_: True)
    built = SimpleNamespace(returncode=0)
    monkeypatch.setattr(containers.subprocess, "run", lambda *_, **__: built)
    shown = []
    for _ in ("a build", "none"):
        assert containers.ensure_image("", "group", "abc", "1") is image
        shown.append(capsys.readouterr().out)
    assert shown[0].startswith("Building the image digits:1 in the registry digitsabc.\r")
    assert shown[0].rpartition("\r")[2] == shown[1] == "digits:1 is in the registry digitsabc.\n"


def test_a_build_that_fails_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(containers, "_image", lambda *_: None)
    for variable in ("AZUREML_WORKSPACE", "AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP"):
        monkeypatch.setenv(variable, "")
    with pytest.raises(RuntimeError, match=r"(?s)could not be built.*give --"):
        containers.ensure_image("", "group", "abc", "1")
    assert "Building the image digits:1 in the registry digitsabc." in capsys.readouterr().out


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


def test_a_picture_is_dark_ink_on_white() -> None:
    digit = np.zeros((8, 8))
    digit[2:6, 3:5] = 16
    drawn = Image.open(io.BytesIO(picture(digit, side=80)))
    assert drawn.format == "PNG"
    assert drawn.size == (80, 80)
    assert drawn.getpixel((2, 2)) == 255
    assert drawn.getpixel((40, 40)) < 10
