"""Health probes of a container.

https://learn.microsoft.com/azure/container-apps/health-probes

Where Azure waits `initialDelaySeconds` and then asks every `periodSeconds`, a container that starts
is asked all the time here, so that it is ready as soon as it answers. How long it may take is the
same; from the first answer on the periods are the probe's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

START_UP_PERIOD = 0.05  # seconds between two questions to a container that starts
# An engine's own proxy takes a connection for a port on which nothing listens, and closes it
# again at once: a connection counts when it is still open after this time (seconds).
OPEN_FOR = 0.03
LARGEST_HEAD = 64 * 1024


@dataclass(frozen=True)
class Probe:
    """One probe; times in seconds. `path` is None for a TCP probe."""

    port: int
    path: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    initial_delay: float = 0
    period: float = 10
    timeout: float = 1
    failure_threshold: int = 3
    success_threshold: int = 1

    @property
    def patience(self) -> float:
        """How long a container may fail the probe from its start on."""
        return self.initial_delay + self.period * self.failure_threshold

    async def ask(self, port: int) -> bool:
        """Whether what listens on this port of 127.0.0.1 passes."""
        try:
            async with asyncio.timeout(self.timeout):
                return await (_answers(port, self) if self.path is not None else _listens(port))
        except (OSError, TimeoutError, ValueError):
            return False


# https://learn.microsoft.com/azure/container-apps/health-probes#default-configuration
def default_startup(port: int) -> Probe:
    return Probe(port, initial_delay=1, period=1, timeout=3, failure_threshold=240)


def default_readiness(port: int) -> Probe:
    return Probe(port, initial_delay=3, period=5, timeout=5, failure_threshold=48)


def read_probe(given: Mapping[str, Any]) -> Probe:
    """A probe as a template has it, its defaults filled in."""
    http = given.get("httpGet")
    return Probe(
        (http or given["tcpSocket"])["port"],
        http["path"] if http else None,
        {item["name"]: item["value"] for item in (http or {}).get("httpHeaders", [])},
        given["initialDelaySeconds"],
        given["periodSeconds"],
        given["timeoutSeconds"],
        given["failureThreshold"],
        given["successThreshold"],
    )


async def _listens(port: int) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(OPEN_FOR):
            return await reader.read(1) != b""
    except TimeoutError:
        return True
    finally:
        writer.close()


async def _answers(port: int, probe: Probe) -> bool:
    headers = {"host": f"127.0.0.1:{probe.port}", "user-agent": "kube-probe", **probe.headers}
    lines = [f"GET {probe.path} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LARGEST_HEAD)
    try:
        writer.write(("\r\n".join(lines) + "\r\nconnection: close\r\n\r\n").encode())
        line = await reader.readline()
        return line.startswith(b"HTTP/") and 200 <= int(line.split()[1]) < 400
    except IndexError:
        return False
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
