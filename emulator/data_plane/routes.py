"""The routing table: what the services publish and the gateway serves from.

Plain data, so that the control plane and the data plane need not know each other. A service may
publish a new `EndpointRoute` or change one in place; the gateway reads it anew for each request.
"""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

AuthMode = Literal["Key", "AMLToken", "AADToken"]


@dataclass
class DeploymentRoute:
    """One deployment that answers requests.

    `ports` are the loopback ports of the instances that passed their readiness probe; the tuple is
    replaced, never changed, when an instance comes or goes. A request that is under way on a port
    that went finishes there: see `RoutingTable.busy`.
    """

    name: str
    ports: tuple[int, ...] = ()
    request_timeout_seconds: float = 5.0
    max_concurrent_requests_per_instance: int = 1
    instance_count: int = 1

    @property
    def capacity(self) -> int:
        """Requests that may be under way at once before the next one is answered 429.

        Twice the concurrency, because Azure queues as many as it serves:
        https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints
        """
        return 2 * self.max_concurrent_requests_per_instance * self.instance_count


@dataclass
class EndpointRoute:
    """One online endpoint: who may call it and how its traffic is shared (per cent).

    `endpoint_id` is its ARM id, and the audience of the tokens that an AMLToken endpoint accepts.
    `requests_per_second` is Azure's limit for an endpoint, which support can raise:
    https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas
    """

    host: str
    endpoint_id: str
    auth_mode: AuthMode
    keys: tuple[str, ...] = ()
    traffic: dict[str, int] = field(default_factory=dict)
    mirror_traffic: dict[str, int] = field(default_factory=dict)
    deployments: dict[str, DeploymentRoute] = field(default_factory=dict)
    requests_per_second: int = 500


class RoutingTable:
    """Scoring host name -> endpoint. Host names are lower case.

    `busy` counts the requests under way on each port. An instance whose port was taken out of
    `ports` may be stopped once its count is 0.
    """

    def __init__(self) -> None:
        self.endpoints: dict[str, EndpointRoute] = {}
        self.busy: Counter[int] = Counter()

    def publish(self, route: EndpointRoute) -> None:
        self.endpoints[route.host] = route

    def withdraw(self, host: str) -> None:
        self.endpoints.pop(host, None)

    def find(self, host: str) -> EndpointRoute | None:
        return self.endpoints.get(host.lower())


class PublicAddresses:
    """Public IPs and DNS names of container groups -> (port -> port on 127.0.0.1).

    A name that is here without a port has nothing listening on it; one that is not here does not
    resolve. Names are lower case.
    """

    def __init__(self) -> None:
        self.ports: dict[str, dict[int, int]] = {}

    def publish(self, name: str, ports: Mapping[int, int]) -> None:
        self.ports[name.lower()] = dict(ports)

    def withdraw(self, name: str) -> None:
        self.ports.pop(name.lower(), None)

    def find(self, name: str, port: int) -> int:
        """The port on 127.0.0.1. Raises LookupError, whose message says what is not there."""
        known = self.ports.get(name.lower())
        if known is None:
            raise LookupError(f"{name} does not resolve: no container group runs under that name.")
        if port not in known:
            listening = ", ".join(map(str, sorted(known))) or "none"
            raise LookupError(
                f"Nothing listens on port {port} of {name} (its open ports: {listening}). "
                "A container group answers on the ports that its containers listen on, and it "
                "has no certificate: use http://."
            )
        return known[port]


@dataclass(eq=False)
class RevisionRoute:
    """One active revision of a container app: where its replicas answer, and what goes on there.

    `ports` are the loopback ports of the replicas that are ready; the tuple is replaced, never
    changed (`serve_from`). With no port, a request waits for one if `may_come`: `wake` is called,
    which starts a replica of a revision that was scaled to zero. `under_way` counts requests that
    are answered or wait, `begun` all there ever were: what a scaler needs to know. `busy` counts
    those under way on each port: a replica whose port was taken out may stop once its count is 0.
    """

    name: str
    wake: Callable[[], None]
    ports: tuple[int, ...] = ()
    may_come: bool = True
    under_way: int = 0
    begun: int = 0
    busy: Counter[int] = field(default_factory=Counter)
    waiting: deque[Callable[[], None]] = field(default_factory=deque)

    def serve_from(self, ports: tuple[int, ...], *, may_come: bool) -> None:
        """Requests that wait go on when there is a port, or learn that there will be none."""
        self.ports, self.may_come = ports, may_come
        if ports or not may_come:
            waiting, self.waiting = self.waiting, deque()
            for go_on in waiting:
                go_on()


@dataclass(eq=False)
class AppRoute:
    """What answers at one host name of a container app, each revision by its weight.

    `only_in` is the domain of the environment from inside of which alone it is reachable, "" when
    it is from everywhere.
    """

    shares: tuple[tuple[RevisionRoute, int], ...]
    only_in: str = ""
    allow_insecure: bool = False


def is_plain(host: str) -> bool:
    """Whether a host is a name alone, as an app's: those of revisions and labels have a "--"."""
    return "." not in host and ":" not in host and "--" not in host and host != "localhost"


class IngressTable:
    """Host names of container apps -> what answers there. Host names are lower case."""

    def __init__(self) -> None:
        self.hosts: dict[str, AppRoute] = {}
        self.by_app: dict[str, tuple[str, ...]] = {}

    def publish(self, app_id: str, routes: Mapping[str, AppRoute]) -> None:
        """These host names of the app, and no others, are served from now on."""
        self.withdraw(app_id)
        self.hosts.update(routes)
        self.by_app[app_id.lower()] = tuple(routes)

    def find(self, host: str, inside: str = "") -> AppRoute | None:
        """What a client meets at a host name. `inside` is the domain of the environment that the
        client is in, "" when it is in none: apps of one environment know each other by name."""
        if inside and is_plain(host):
            host = f"{host}.internal.{inside}"
        route = self.hosts.get(host)
        return route if route and route.only_in in ("", inside) else None

    def withdraw(self, app_id: str) -> None:
        for host in self.by_app.pop(app_id.lower(), ()):
            self.hosts.pop(host, None)


class Insiders:
    """Environments of container apps, each with the password that its containers have.

    A container gives it to the front door as a proxy's password, and by it the front door knows
    from inside of which environment a request comes. Made anew in each run, as containers are.
    """

    def __init__(self) -> None:
        self.domains: dict[str, str] = {}  # password -> domain
        self.passwords: dict[str, str] = {}  # domain -> password

    def password(self, domain: str) -> str:
        if domain not in self.passwords:
            self.passwords[domain] = secrets.token_urlsafe(24)
            self.domains[self.passwords[domain]] = domain
        return self.passwords[domain]

    def find(self, password: str) -> str | None:
        """The domain of the environment whose password it is."""
        return self.domains.get(password)
