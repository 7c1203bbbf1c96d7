"""`course lab`: a server that opens the first lesson with the chosen kernel."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from course.contents import PlaceContentsManager
from course.lab import can_open_browser
from course.lessons import NOTEBOOKS, ROOT
from emulator import daemon
from emulator.home import Home

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


def lesson(folder: Path, kernel: str) -> Path:
    file = folder / "lesson.ipynb"
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    cells = [nbformat.v4.new_code_cell("1", id="one")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), file)
    return file


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


class Lab:
    """A running `course lab`."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address

    def get(self, path: str) -> dict[str, object]:
        base, _, token = self.address.partition("?token=")
        root = re.match(r"https?://[^/]+", base)
        assert root is not None
        request = urllib.request.Request(f"{root[0]}/api/{path}")
        request.add_header("Authorization", f"token {token}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as response:
            answer: dict[str, object] = json.load(response)
            return answer


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
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("lab", "kernel"),
    [("azure-local", "azure-local"), ("azure-live", "azure-live")],
    indirect=["lab"],
)
def test_it_serves_the_first_lesson_with_the_chosen_kernel(
    lab: Lab, kernel: str, home: Home
) -> None:
    first = sorted(NOTEBOOKS.glob("*.ipynb"))[0].relative_to(ROOT).as_posix()
    assert f"/lab/tree/{first}?token=" in lab.address
    specs = lab.get("kernelspecs")
    assert specs["default"] == kernel
    assert set(specs["kernelspecs"]) == {"azure-local", "azure-live"}  # type: ignore[call-overload]  # JSON
    content = lab.get(f"contents/{first}")["content"]
    assert content["metadata"]["kernelspec"]["name"] == kernel  # type: ignore[index]  # JSON
    assert (daemon.running(home) is not None) is (kernel == "azure-local")
    stop_by = signal.SIGHUP if hasattr(signal, "SIGHUP") else signal.SIGTERM
    lab.process.send_signal(stop_by)  # the terminal is closed
    deadline = time.monotonic() + 30
    while lab.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert lab.process.poll() is not None
    assert daemon.running(home) is None
