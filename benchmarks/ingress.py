"""Requests per second through front door, TLS and ingress, against the container behind them."""

from __future__ import annotations

import os
import sys

from benchmarks.door import APP_HOST, CLIENTS
from benchmarks.figures import Figure
from benchmarks.processes import ROOT, SCORING, free_port, scratch, trained_model
from benchmarks.throughput import compare


def measure(samples: int) -> Figure:
    figure = Figure(
        "ingress",
        measures=f"requests through a container app's ingress over TLS, {CLIENTS} clients",
        against="the digit API directly, the same process",
        unit="requests/s",
        aim=0.80,
        better="higher",
    )
    with scratch() as folder:
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)]
        path = [ROOT / "scoring" / "api", SCORING]
        variables = {
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "MODEL_FILE": str(trained_model(folder) / "digits.pt"),
        }
        compare(figure, samples, folder, (command, variables), port, "/predict", {"host": APP_HOST})
    return figure
