"""Requests per second through front door, TLS and gateway, against the instance behind them."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from typing import Any

import requests

from benchmarks.door import CLIENTS, HOST, KEY
from benchmarks.figures import Figure
from benchmarks.processes import (
    ROOT,
    free_port,
    inference_server,
    process,
    scratch,
    trained_model,
    wait_for,
)

SECONDS = 4.0
BODY = json.dumps({"data": [[(row * column) % 17 for column in range(8)] for row in range(8)]})


def measure(samples: int) -> Figure:
    figure = Figure(
        "gateway",
        measures=f"requests through the gateway over TLS with a key, {CLIENTS} keep-alive clients",
        against="the inference server directly, the same process and the PyTorch digit model",
        unit="requests/s",
        aim=0.80,
        better="higher",
    )
    with scratch() as folder:
        model = trained_model(folder)
        instance, door = free_port(), free_port()
        tls = folder / "tls"
        tls.mkdir()
        command, variables = inference_server(instance, model)
        behind = {"port": instance, "body": BODY}
        before = {"port": door, "body": BODY, "host": HOST, "key": KEY}
        before["ca_file"] = str(tls / "ca.pem")
        through = [sys.executable, "-m", "benchmarks.door", str(door), str(instance), str(tls)]
        with (
            process(command, folder / "instance.log", **variables),
            process(through, folder / "door.log"),
        ):
            url = f"http://127.0.0.1:{instance}/score"
            wait_for(lambda: requests.post(url, data=BODY).ok, "the inference server")
            wait_for(lambda: (tls / "ca.pem").exists(), "the gateway")
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
    return figure


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
