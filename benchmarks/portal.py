"""From opening the portal's link to its first page, and what it costs while nobody looks."""

from __future__ import annotations

import time

import psutil
import requests

from benchmarks.emulator_start import start_peer
from benchmarks.figures import Figure
from benchmarks.processes import scratch
from emulator import daemon
from emulator.home import Home
from emulator.portal_port import new_link

LATER = 20  # pages
IDLE = 10.0  # seconds


def measure(samples: int) -> Figure:
    figure = Figure(
        "portal",
        measures="from opening the portal's link to Home, its process started by it",
        against="a process that imports starlette and uvicorn and serves one route",
        unit="s",
        aim=4.0,
        better="lower",
    )
    with scratch() as folder:
        for number in range(samples):
            home = Home(folder / f"azure-{number}")
            daemon.up(home)
            try:
                ours = open_first_page(home, figure)
            finally:
                daemon.down(home)
            figure.add(ours, start_peer(folder))
    return figure


def open_first_page(home: Home, figure: Figure) -> float:
    """Return the seconds to the first page; note those of later ones, and what idling costs."""
    with requests.Session() as session:
        session.trust_env = False
        link = new_link(home)
        assert link is not None
        began = time.perf_counter()
        answer = session.get(link)
        taken = time.perf_counter() - began
        answer.raise_for_status()
        began = time.perf_counter()
        for _ in range(LATER):
            session.get(answer.url).raise_for_status()
        later = (time.perf_counter() - began) / LATER
    (process,) = (
        each
        for each in psutil.process_iter(["cmdline"])
        if str(home.portal) in (each.info["cmdline"] or []) and "-I" not in each.info["cmdline"]
    )
    before = process.cpu_times()
    time.sleep(IDLE)
    after = process.cpu_times()
    idle = after.user + after.system - before.user - before.system
    figure.details["seconds of a later page"] = round(later, 4)
    figure.details["CPU of an idle portal, per cent"] = round(100 * idle / IDLE, 2)
    figure.details["memory of an idle portal, MB"] = round(process.memory_full_info().pss / 1e6)
    return taken
