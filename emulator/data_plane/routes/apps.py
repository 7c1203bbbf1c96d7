"""Container apps: which revisions answer at which host name."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.client_certificates import IGNORE
from emulator.data_plane.backend import Backend
from emulator.data_plane.routes.ingress_rules import AddressRules, CorsRules


@dataclass(eq=False)
class RevisionRoute:
    """One active revision: which replicas answer, and what goes on there.

    It lives as long as what runs the revision, which alone changes it, by `serve_from`. With no
    backend, a request waits for one if `may_come`: `wake` is called, which starts a replica of a
    revision that was scaled to zero. `under_way` counts requests that are answered or wait,
    `begun` all there ever were: what a scaler needs to know.
    """

    name: str
    wake: Callable[[], None]
    backends: tuple[Backend, ...] = ()
    may_come: bool = True
    under_way: int = 0
    begun: int = 0
    waiting: deque[Callable[[], None]] = field(default_factory=deque)

    def serve_from(self, backends: tuple[Backend, ...], *, may_come: bool) -> None:
        """Requests that wait go on when there is a backend, or learn that there will be none."""
        self.backends, self.may_come = backends, may_come
        if backends or not may_come:
            waiting, self.waiting = self.waiting, deque()
            for go_on in waiting:
                go_on()


@dataclass(frozen=True, eq=False)
class AppRoute:
    """What answers at one host name of a container app, each revision by its weight.

    `only_in` is the domain of the environment from inside of which alone it is reachable, "" when
    it is from everywhere. `is_sticky`: a client stays with the replica that it had.
    `client_certificates` is IGNORE, ACCEPT or REQUIRE, `app_id` the app's ARM id.
    """

    shares: tuple[tuple[RevisionRoute, int], ...]
    only_in: str = ""
    allow_insecure: bool = False
    addresses: AddressRules | None = None
    cors: CorsRules | None = None
    is_sticky: bool = False
    client_certificates: str = IGNORE
    app_id: str = ""


def is_plain(host: str) -> bool:
    """Whether a host is a name alone, as an app's: those of revisions and labels have a "--"."""
    return "." not in host and ":" not in host and "--" not in host and host != "localhost"


class AppTable:
    """Host names of container apps (lower case) -> what answers there."""

    def __init__(self) -> None:
        self.hosts: dict[str, AppRoute] = {}
        self.by_app: dict[str, Mapping[str, AppRoute]] = {}

    def publish(self, app_id: str, routes: Mapping[str, AppRoute]) -> None:
        """These host names of the app, and no others, are served from now on."""
        self.withdraw(app_id)
        self.hosts.update(routes)
        self.by_app[app_id.lower()] = dict(routes)

    def find(self, host: str, inside: str = "") -> AppRoute | None:
        """What a client meets at a host name. `inside` is the domain of the environment that the
        client is in, "" when it is in none: apps of one environment know each other by name."""
        if inside and is_plain(host):
            host = f"{host}.internal.{inside}"
        route = self.hosts.get(host)
        return route if route and route.only_in in ("", inside) else None

    def client_certificates(self, host: str, inside: str) -> str:
        """IGNORE, ACCEPT or REQUIRE. Azure's ingress asks no client that is in the environment:
        https://github.com/microsoft/azure-container-apps/issues/880"""
        route = None if inside else self.find(host.lower())
        return route.client_certificates if route else IGNORE

    def withdraw(self, app_id: str) -> None:
        """Serve an app no more. A host name that another app has meanwhile stays that app's."""
        for host, route in self.by_app.pop(app_id.lower(), {}).items():
            if self.hosts.get(host) is route:
                del self.hosts[host]
