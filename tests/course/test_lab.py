"""`course lab`: a server that opens the start page, and lessons with the chosen kernel."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
import requests
import websocket
from jupyter_client.session import Session
from tornado.web import HTTPError

from course import copies
from course.contents import PlaceContentsManager
from course.lab import can_open_browser
from course.lessons import ROOT, SOURCES
from course.notebooks import WIDGET
from emulator import daemon
from emulator.home import Home
from tests.waiting import until

from .conftest import course


@pytest.mark.parametrize(
    ("environment", "platform", "opens"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "1 2 3 4"}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "1 2 3 4"}, "darwin", False),
        ({}, "win32", True),
    ],
)
def test_a_browser_is_opened_only_where_there_is_a_screen(
    environment: dict[str, str], platform: str, opens: bool
) -> None:
    assert can_open_browser(environment, platform) is opens


# Under nohup, and on Windows, a closed terminal ends nothing: then what a person sends does.
CLOSED_TERMINAL = getattr(signal, "SIGHUP", signal.SIGTERM)
if signal.getsignal(CLOSED_TERMINAL) is signal.SIG_IGN:
    CLOSED_TERMINAL = signal.SIGTERM


def lesson(folder: Path, kernel: str) -> Path:
    file = folder / "lesson.ipynb"
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    cells = [nbformat.v4.new_code_cell("1", id="one")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), file)
    return file


def first_lesson() -> str:
    """The learner's copy of the first lesson, as JupyterLab names it."""
    return copies.copies()[0].file.relative_to(ROOT).as_posix()


def test_a_lesson_is_served_with_the_chosen_kernel_and_saved_as_it_was(tmp_path: Path) -> None:
    file = lesson(tmp_path, "azure-local")
    before = file.read_text()
    contents = PlaceContentsManager(root_dir=str(tmp_path), place="azure-live")
    model = asyncio.run(contents.get("lesson.ipynb"))
    assert model["content"]["metadata"]["kernelspec"] == {
        "name": "azure-live",
        "display_name": "Azure (live)",
        "language": "python",
    }
    asyncio.run(contents.save(json.loads(json.dumps(model, default=str)), "lesson.ipynb"))
    after = nbformat.reads(file.read_text(), as_version=4)
    assert after.metadata.kernelspec.name == "azure-local"
    assert after.cells == nbformat.reads(before, as_version=4).cells


def test_a_notebook_of_another_kernel_is_left_alone(tmp_path: Path) -> None:
    lesson(tmp_path, "ir")
    contents = PlaceContentsManager(root_dir=str(tmp_path), place="azure-live")
    model = asyncio.run(contents.get("lesson.ipynb"))
    assert model["content"]["metadata"]["kernelspec"]["name"] == "ir"


def test_a_widget_without_its_kernel_is_served_as_text(tmp_path: Path) -> None:
    file = lesson(tmp_path, "azure-local")
    notebook = nbformat.read(file, as_version=4)
    notebook.cells[0].outputs = [
        nbformat.v4.new_output("display_data", {WIDGET: {"model_id": "1"}, **texts})
        for texts in ({"text/html": "<p>a</p>"}, {"text/plain": "a"})
    ]
    nbformat.write(notebook, file)
    contents = PlaceContentsManager(root_dir=str(tmp_path), place="azure-local")
    outputs = asyncio.run(contents.get("lesson.ipynb"))["content"]["cells"][0]["outputs"]
    assert [set(output["data"]) for output in outputs] == [{"text/html"}, {WIDGET, "text/plain"}]


def test_a_stored_lesson_can_be_read_and_not_saved() -> None:
    contents = PlaceContentsManager(root_dir=str(ROOT), place="azure-local")
    path = "notebooks/01-connect.ipynb"
    model = asyncio.run(contents.get(path))
    assert any(cell.get("outputs") for cell in model["content"]["cells"])
    assert model["writable"] is False
    with pytest.raises(HTTPError, match="Your own are in my-lessons/") as refused:
        asyncio.run(contents.save(model, path))
    assert refused.value.status_code == 403


def test_the_lessons_texts_are_not_listed_and_open_all_the_same() -> None:
    contents = PlaceContentsManager(root_dir=str(ROOT), place="azure-local")
    listed = [each["name"] for each in asyncio.run(contents.get("notebooks"))["content"]]
    assert "01-connect.ipynb" in listed
    assert "src" not in listed
    text = asyncio.run(contents.get("notebooks/src/01-connect.py"))
    assert text["content"] == (SOURCES / "01-connect.py").read_text()
    assert text["writable"] is True


class Lab:
    """A running `course lab`, spoken to as a browser does.

    https://jupyter-server.readthedocs.io/en/stable/developers/rest-api.html
    """

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address
        page, _, self.token = address.partition("?token=")
        self.host = urlsplit(page).netloc
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy between a browser and its own machine
        self.session.headers["Authorization"] = f"token {self.token}"

    def call(self, method: str, path: str, body: object = None) -> Any:
        answer = self.session.request(
            method, f"http://{self.host}/api/{path}", json=body, timeout=60
        )
        answer.raise_for_status()
        return answer.json()

    def run_cell(self, kernel: str, source: str) -> str:
        """What a cell prints in the kernel with this id."""
        channels = f"ws://{self.host}/api/kernels/{kernel}/channels?token={self.token}"
        socket = websocket.create_connection(channels, timeout=120, http_no_proxy=["*"])
        message = Session().msg("execute_request", {"code": source, "silent": False})
        socket.send(json.dumps({**message, "channel": "shell"}, default=str))
        printed = ""
        while True:
            answer = json.loads(socket.recv())
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            if answer["msg_type"] == "stream":
                printed += answer["content"]["text"]
            elif answer["content"].get("execution_state") == "idle":
                socket.close()
                return printed


def start_kernel(lab: Lab) -> str:
    """Open the first lesson, as JupyterLab does; return its kernel's id."""
    first = first_lesson()
    wanted = {"path": first, "type": "notebook", "name": "", "kernel": {"name": "azure-local"}}
    return str(lab.call("POST", "sessions", wanted)["kernel"]["id"])


@pytest.fixture
def lab(home: Home, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """`course lab` with its first port taken, until its address is printed."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = subprocess.Popen(
            course("lab", "--kernel", request.param, "--port", str(port)),
            env={**os.environ, "SSH_CONNECTION": "1 2 3 4"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        address = next(line.strip() for line in process.stdout if "token=" in line)
        assert f":{port}/" not in address
    yield Lab(process, address)
    process.terminate()
    process.wait(timeout=60)


@pytest.mark.parametrize(
    ("lab", "kernel"),
    [("azure-local", "azure-local"), ("azure-live", "azure-live")],
    indirect=["lab"],
)
def test_it_serves_the_lessons_with_the_chosen_kernel(lab: Lab, kernel: str, home: Home) -> None:
    first = first_lesson()
    assert "/lab?token=" in lab.address
    specs = lab.call("GET", "kernelspecs")
    assert specs["default"] == kernel
    assert set(specs["kernelspecs"]) == {"azure-local", "azure-live"}
    content = lab.call("GET", f"contents/{first}")["content"]
    assert content["metadata"]["kernelspec"]["name"] == kernel
    assert (daemon.running(home) is not None) is (kernel == "azure-local")
    lab.process.send_signal(CLOSED_TERMINAL)
    until(lambda: lab.process.poll() is not None)
    assert daemon.running(home) is None


@pytest.mark.parametrize("lab", ["azure-local"], indirect=True)
def test_a_cell_run_through_the_servers_api_reaches_local_azure(lab: Lab) -> None:
    kernel = start_kernel(lab)
    source = "import os; print(os.environ['AZUREML_WORKSPACE'], os.getcwd())"
    folder = str(copies.folder())
    assert lab.run_cell(kernel, source).split() == ["mlw-deploying-models", folder]


STUCK = """
import asyncio
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from course import cli, lab
lab.STOP_TIMEOUT = 1
AsyncMappingKernelManager.shutdown_all = shutdown_all
cli.main()
"""
NEVER = "async def shutdown_all(self, now=False): await asyncio.Event().wait()"
FAILS = "async def shutdown_all(self, now=False): raise KeyError('gone')"


@pytest.mark.parametrize("shutdown_all", [NEVER, FAILS], ids=["never", "fails"])
def test_it_stops_even_where_its_kernels_do_not(shutdown_all: str, home: Home) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", shutdown_all + STUCK, "lab", "--no-browser"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = next(line.strip() for line in process.stdout if "token=" in line)
        start_kernel(Lab(process, address))
        process.terminate()
        process.wait(timeout=30)
    finally:
        process.kill()
    assert daemon.running(home) is None
