"""A container group that is a process, against uvicorn started by hand with the same app."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import requests

from benchmarks.containers import MAIN, POLL, build, start_group
from benchmarks.figures import Figure
from benchmarks.processes import environment, free_port, local_azure, process, scratch, wait_for
from emulator.containers.engine.discovery import SWITCH
from emulator.home import Home


def measure(samples: int) -> Figure:
    figure = Figure(
        "container group, process",
        measures="a container group from its PUT to the first 200, run as a process",
        against="uvicorn started by hand with the same app",
        unit="s",
        aim=1.2,
        better="lower",
    )
    with scratch() as folder:
        (folder / "main.py").write_text(MAIN)
        with environment({SWITCH: "process"}), local_azure(Home(folder / "azure")):
            body = build()
            start_group(body)  # so that the first sample finds both as warm as the last
            start_by_hand(folder)
            for _ in range(samples):
                figure.add(start_group(body), start_by_hand(folder))
    return figure


def start_by_hand(folder: Path) -> float:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)]
    command += ["--app-dir", str(folder)]
    with requests.Session() as client:
        client.trust_env = False
        began = time.perf_counter()
        with process(command, folder / "by-hand.log"):
            wait_for(lambda: client.get(f"http://127.0.0.1:{port}/").ok, "uvicorn", POLL)
            return time.perf_counter() - began
