"""The probes of a container app's containers, and those that one has without asking.

https://learn.microsoft.com/azure/container-apps/health-probes

Where Azure waits `initialDelaySeconds` and then asks every `periodSeconds`, a container that starts
is asked all the time here, so that it is ready as soon as it answers. How long it may take is the
same; from the first answer on the periods are the probe's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.processes.probes import HttpGet, Probe, TcpSocket

START_UP_PERIOD = 0.05  # seconds between two questions to a container that starts


# https://learn.microsoft.com/azure/container-apps/health-probes#default-configuration
def default_startup(port: int) -> Probe:
    return Probe(TcpSocket(port), initial_delay=1, period=1, timeout=3, failure_threshold=240)


def default_readiness(port: int) -> Probe:
    return Probe(TcpSocket(port), initial_delay=3, period=5, timeout=5, failure_threshold=48)


def read_probe(given: Mapping[str, Any]) -> Probe:
    """A probe as a template has it, its defaults filled in."""
    action: HttpGet | TcpSocket
    if http := given.get("httpGet"):
        headers = ((item["name"], item["value"]) for item in http.get("httpHeaders", []))
        action = HttpGet(http["port"], http["path"], headers=tuple(headers))
    else:
        action = TcpSocket(given["tcpSocket"]["port"])
    return Probe(
        action,
        given["initialDelaySeconds"],
        given["periodSeconds"],
        given["timeoutSeconds"],
        given["successThreshold"],
        given["failureThreshold"],
    )
