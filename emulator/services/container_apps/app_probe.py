"""The probes of a container app's containers, and those that one has without asking.

https://learn.microsoft.com/azure/container-apps/health-probes

Where Azure waits `initialDelaySeconds` and then asks every `periodSeconds`, a container that starts
is asked all the time here, so that it is ready as soon as it answers. How long it may take is the
same; from the first answer on the periods are the probe's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.processes.probes import HttpGet, Probe, TcpSocket
from emulator.services.container_apps.errors import invalid, whole

START_UP_PERIOD = 0.05  # seconds between two questions to a container that starts
TYPES = ("Liveness", "Readiness", "Startup")
LONGEST_GRACE = 3600  # seconds
_PATH = re.compile(r"[!-~]+")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[ -~\t]*")
_HERE = ("", "localhost", "127.0.0.1")


@dataclass(frozen=True)
class AppProbe:
    """One probe of a template. `grace` is how long (seconds) a container that fails it has to end,
    None for as long as the template says."""

    type: str
    probe: Probe
    grace: int | None

    @classmethod
    def read(cls, fields: Fields, container: str) -> AppProbe:
        """Read one of the container at this path. Raises ArmError 400 or 501."""
        fields.only(
            (
                "type",
                "httpGet",
                "tcpSocket",
                "failureThreshold",
                "initialDelaySeconds",
                "periodSeconds",
                "successThreshold",
                "terminationGracePeriodSeconds",
                "timeoutSeconds",
            ),
            "a probe",
        )
        kinds = {kind.lower(): kind for kind in TYPES}
        given = fields.text("type", "")
        kind = kinds.get(given.lower())
        if kind is None:
            raise invalid(
                f"{container}.probes.type", f'Invalid value: "{given}": one of {", ".join(TYPES)}'
            )
        where = f"{container}.probes.{kind}"
        fields = Fields(fields.value, where, fields.refuse)
        if fields.has("httpGet") == fields.has("tcpSocket"):
            raise invalid(where, "Required value: either httpGet or tcpSocket")
        action = _http(fields) if fields.has("httpGet") else _tcp(fields)
        successes = whole(fields, "successThreshold", 1, 10, 1)
        if successes != 1 and kind != "Readiness":
            # https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
            raise invalid(
                f"{where}.successThreshold",
                f"Invalid value: {successes}: must be 1 for liveness and startup probes",
            )
        grace = whole(fields, "terminationGracePeriodSeconds", 0, LONGEST_GRACE, 0)
        return cls(
            kind,
            Probe(
                action,
                whole(fields, "initialDelaySeconds", 0, 60, 0),
                whole(fields, "periodSeconds", 1, 240, 10),
                whole(fields, "timeoutSeconds", 1, 240, 1),
                successes,
                whole(fields, "failureThreshold", 1, 240 if kind == "Startup" else 48, 3),
            ),
            grace if fields.has("terminationGracePeriodSeconds") else None,
        )

    def to_body(self) -> dict[str, Any]:
        probe, action = self.probe, self.probe.action
        target: dict[str, Any] = {"tcpSocket": {"port": probe.port}}
        if isinstance(action, HttpGet):
            headers = [{"name": name, "value": value} for name, value in action.headers]
            target = {
                "httpGet": {
                    **({"httpHeaders": headers} if headers else {}),
                    "path": action.path,
                    "port": action.port,
                    "scheme": "HTTP",
                }
            }
        grace = self.grace
        return {
            "type": self.type,
            **target,
            "failureThreshold": probe.failure_threshold,
            "initialDelaySeconds": int(probe.initial_delay),
            "periodSeconds": int(probe.period),
            "successThreshold": probe.success_threshold,
            **({} if grace is None else {"terminationGracePeriodSeconds": grace}),
            "timeoutSeconds": int(probe.timeout),
        }


def _http(fields: Fields) -> HttpGet:
    http = fields.object("httpGet")
    http.only(("host", "httpHeaders", "path", "port", "scheme"), "httpGet")
    if http.text("scheme", "HTTP").upper() != "HTTP":
        if http.text("scheme", "").upper() == "HTTPS":
            raise not_emulated("https probes of a container")
        raise http.wrong("scheme", "HTTP or HTTPS")
    path = http.text("path") or "/"
    if not _PATH.fullmatch(path):
        raise invalid(http.at("path"), "Invalid value: must be a path of printable characters")
    headers = []
    for item in http.objects("httpHeaders"):
        item.only(("name", "value"), "an HTTP header")
        name, value = item.text("name", ""), item.text("value", "")
        if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise invalid(item.at("name"), f'Invalid value: "{name}": not an HTTP header')
        headers.append((name, value))
    path = path if path.startswith("/") else f"/{path}"
    return HttpGet(_port(http, fields), path, headers=tuple(headers))


def _tcp(fields: Fields) -> TcpSocket:
    tcp = fields.object("tcpSocket")
    tcp.only(("host", "port"), "tcpSocket")
    return TcpSocket(_port(tcp, fields))


def _port(target: Fields, probe: Fields) -> int:
    if target.text("host", "") not in _HERE:
        raise not_emulated(f"'{target.at('host')}', a probe of another host than the container")
    if not target.has("port"):
        raise invalid(probe.at("port"), "Required value")
    return whole(target, "port", 1, 65535, 0)


# https://learn.microsoft.com/azure/container-apps/health-probes#default-configuration
def default_startup(port: int) -> Probe:
    return Probe(TcpSocket(port), initial_delay=1, period=1, timeout=3, failure_threshold=240)


def default_readiness(port: int) -> Probe:
    return Probe(TcpSocket(port), initial_delay=3, period=5, timeout=5, failure_threshold=48)
