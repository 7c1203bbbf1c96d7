"""The start page as Jupyter's server answers it, below a base URL as on JupyterHub and Binder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from course import copies
from course.lessons import ROOT
from course.start.install import install
from emulator import daemon
from emulator.home import Home
from tests.waiting import until

TOKEN = "secret"
BASE = "/user/ada/"


class Server:
    """Jupyter's server without `course lab`; what a browser that has signed in would send."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}{BASE}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"token {TOKEN}"

    def answers(self) -> bool:
        """The address is in the log before the server listens there."""
        try:
            return self.session.get(f"{self.address}api", timeout=60).ok
        except requests.ConnectionError:
            return False

    def post(self, path: str, body: object = None) -> requests.Response:
        return self.session.post(f"{self.address}course/{path}", json=body, timeout=60)

    def page(self) -> str:
        answer = self.session.get(f"{self.address}course/start", timeout=60)
        answer.raise_for_status()
        return answer.text


@pytest.fixture
def server(
    request: pytest.FixtureRequest, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """`jupyter lab` with the start page, for the kernel that the test names or the usual one."""
    install(tmp_path / "environment")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "environment" / "etc" / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    # Below the course's folder, as JupyterLab opens nothing outside of it.
    own = ROOT / f"my-lessons-{tmp_path.parent.name}-{os.getpid()}"
    monkeypatch.setenv(copies.VARIABLE, str(own))
    kernel = getattr(request, "param", "python3")
    options = [
        f"--ServerApp.root_dir={ROOT}",
        f"--ServerApp.base_url={BASE}",
        f"--IdentityProvider.token={TOKEN}",
        f"--MultiKernelManager.default_kernel_name={kernel}",
        "--ServerApp.port=0",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
    ]
    log = tmp_path / "jupyter.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *options],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )
    port = until(lambda: re.search(rf"127\.0\.0\.1:(\d+){BASE}", log.read_text()))
    server = Server(int(port[1]))
    until(server.answers)
    yield server
    process.terminate()
    process.wait(timeout=60)
    shutil.rmtree(own, ignore_errors=True)


def test_the_page_links_to_the_learners_copies_below_the_base_url(server: Server) -> None:
    page = server.page()
    own = copies.folder().name
    assert f'href="{BASE}lab/tree/{own}/00-train-and-register.ipynb"' in page
    assert f'href="{BASE}portal/"' in page
    assert "25 min" in page
    # Binder has started nothing but Jupyter's own server.
    assert len(list(copies.folder().glob("*.ipynb"))) == len(copies.copies())


def test_nobody_without_the_token_and_no_other_site_is_answered(server: Server, home: Home) -> None:
    stranger = requests.Session()
    stranger.trust_env = False
    for method, path in [("GET", "start"), ("POST", "azure"), ("POST", "lessons/04/restore")]:
        answer = stranger.request(method, f"{server.address}course/{path}", timeout=60)
        assert answer.status_code == 403
    # A page of another site, open in a browser that has signed in: the cookie alone goes along.
    stranger.get(f"{server.address}lab?token={TOKEN}", timeout=60)
    assert stranger.get(f"{server.address}course/start", timeout=60).ok
    refused = stranger.post(f"{server.address}course/azure", json={"do": "start"}, timeout=60)
    assert refused.status_code == 403
    assert daemon.running(home) is None


def test_local_azure_is_started_stopped_and_reset(server: Server, home: Home) -> None:
    assert 'data-running="false"' in server.page()
    assert server.post("azure", {"do": "start"}).ok
    assert daemon.running(home) is not None
    assert 'data-running="true"' in server.page()
    made = home.root / "kept"
    made.touch()
    assert server.post("azure", {"do": "stop"}).ok
    assert daemon.running(home) is None
    assert made.exists()
    assert server.post("azure", {"do": "reset"}).ok
    until(lambda: daemon.running(home) is not None)
    assert not made.exists()
    refused = server.post("azure", {"do": "burn"})
    assert (refused.status_code, "start, stop, reset" in refused.json()["message"]) == (400, True)


@pytest.mark.parametrize("server", ["azure-live"], indirect=True)
def test_for_live_azure_it_warns_and_has_no_buttons(server: Server, home: Home) -> None:
    page = server.page()
    assert "Azure (live)" in page
    assert "costs money" in page
    assert "data-azure" not in page
    assert server.post("azure", {"do": "start"}).status_code == 409
    assert daemon.running(home) is None


def test_a_newer_lesson_is_told_of_and_restoring_keeps_the_learners(server: Server) -> None:
    [copy] = copies.copies(["04"])
    text = copy.file.read_text()
    assert "data-restore" not in server.page()
    copy.file.write_text(text.replace("# 04 Deployment", "# mine"))
    assert "Start over" in server.page()
    copy.file.write_text(re.sub('"fingerprint": "', '"fingerprint": "older', copy.file.read_text()))
    assert "A newer version of this lesson is there" in server.page()
    kept = server.post("lessons/04/restore").json()["kept"]
    assert "# mine" in copy.file.with_name(kept).read_text()
    assert copy.file.read_text() == text
    unknown = server.post("lessons/44/restore")
    assert "There is no lesson '44'" in unknown.json()["message"]


def test_damaged_progress_is_told_and_the_page_is_there(server: Server) -> None:
    Path(os.environ["COURSE_PROGRESS"]).write_text("{")
    page = server.page()
    assert "progress.json is damaged" in page
    assert re.search(r"0 of \d+ exercises passed", page)
