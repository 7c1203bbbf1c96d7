"""Requests per second through front door, TLS and gateway, against the instance behind them."""

from __future__ import annotations

from benchmarks.door import CLIENTS, HOST, KEY
from benchmarks.figures import Figure
from benchmarks.processes import free_port, inference_server, scratch, trained_model
from benchmarks.throughput import compare


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
        port = free_port()
        server = inference_server(port, trained_model(folder))
        compare(figure, samples, folder, server, port, "/score", {"host": HOST, "key": KEY})
    return figure
