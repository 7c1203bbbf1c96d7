"""The same load on a server and on the front door before it, in turns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import requests

from benchmarks.door import CLIENTS, PASSWORD
from benchmarks.figures import Figure
from benchmarks.processes import ROOT, free_port, process, wait_for

SECONDS = 4.0
BODY = json.dumps({"data": [[[(row * column) % 17 for column in range(8)] for row in range(8)]]})


def compare(
    figure: Figure,
    samples: int,
    folder: Path,
    server: tuple[list[str], dict[str, str]],
    port: int,
    path: str,
    through: dict[str, str],
) -> None:
    """Measure into the figure, whose name is the door's kind (door.py).

    `server` is the command and the variables of what listens on `port`; `through` is the host, and
    the key if it wants one, under which the door has it.
    """
    command, variables = server
    door, tls = free_port(), folder / "tls"
    tls.mkdir()
    behind = {"port": port, "body": BODY, "path": path}
    before = {**behind, "port": door, **through, "ca_file": str(tls / "ca.pem")}
    before["password"] = PASSWORD
    gate = [sys.executable, "-m", "benchmarks.door", figure.name, str(door), str(port), str(tls)]
    with (
        process(command, folder / "server.log", **variables),
        process(gate, folder / "door.log"),
    ):
        url = f"http://127.0.0.1:{port}{path}"
        json_type = {"Content-Type": "application/json"}
        wait_for(lambda: requests.post(url, data=BODY, headers=json_type).ok, "the server")
        wait_for(lambda: (tls / "ca.pem").exists(), "the front door")
        runs: dict[str, list[dict[str, Any]]] = {"ours": [], "peer": []}
        load(behind)  # so that the first sample finds both as warm as the last
        load(before)
        for _ in range(samples):
            runs["ours"].append(load(before))
            runs["peer"].append(load(behind))
            rates = [runs[side][-1]["requests per second"] for side in ("ours", "peer")]
            figure.add(*rates)
    for side, measured in runs.items():
        figure.details[side] = {
            name: median(run[name] for run in measured) for name in ("p50 ms", "p99 ms")
        }
        figure.details[side]["failures"] = sum(run["failures"] for run in measured)


def load(target: dict[str, Any]) -> dict[str, Any]:
    settings = {"target": target, "clients": CLIENTS, "seconds": SECONDS}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", json.dumps(settings)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    if result["failures"]:
        raise RuntimeError(f"{result['failures']} requests were not answered 200: {target}")
    return result
