"""Starting things and waiting for their first answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from emulator import daemon
from emulator.home import Home

ROOT = Path(__file__).resolve().parent.parent
SCORING = ROOT / "scoring" / "pytorch"
PATIENCE = 120.0  # seconds


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(answered: Callable[[], bool], what: str, poll: float = 0.005) -> None:
    """Ask every `poll` seconds until there is an answer. Raises TimeoutError."""
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        with suppress(requests.ConnectionError):
            if answered():
                return
        time.sleep(poll)
    raise TimeoutError(f"{what} did not answer within {PATIENCE:.0f} seconds")


@contextmanager
def process(
    command: Sequence[str], log: Path, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process and all that it starts, ended with the block."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def inference_server(port: int, model_dir: Path) -> tuple[list[str], dict[str, str]]:
    """The command and variables with which one starts the scoring script by hand."""
    command = [sys.executable, "-m", "azureml_inference_server_http", "--entry_script"]
    command += [str(SCORING / "score.py"), "--model_dir", str(model_dir), "--port", str(port)]
    return command, {"AML_APP_ROOT": str(SCORING)}


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        yield Path(folder)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables in this process, as a kernel has them."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def local_azure(home: Home) -> Iterator[None]:
    """Local Azure, running and in this process's environment."""
    daemon.up(home)
    try:
        with environment({**daemon.environment(home), "AZURE_LOCAL_HOME": str(home.root)}):
            yield
    finally:
        daemon.down(home)


def trained_model(folder: Path) -> Path:
    """The course's PyTorch model, in a folder as it gets registered."""
    from scoring.train import load_digits_split, save, train

    target = folder / "digits-pytorch"
    save(train("pytorch", load_digits_split()), target)
    return target
