"""The routing table: what the services publish and the gateway serves from.

Plain data, so that the control plane and the data plane need not know each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

AuthMode = Literal["Key", "AMLToken", "AADToken"]


@dataclass
class DeploymentRoute:
    """One deployment that answers requests.

    `ports` are the loopback ports of the instances that passed their readiness probe; the list is
    replaced, never changed, when an instance comes or goes.
    """

    name: str
    ports: tuple[int, ...] = ()
    request_timeout_seconds: float = 5.0
    max_concurrent_requests_per_instance: int = 1
    instance_count: int = 1
    in_flight: int = 0
    turn: int = 0

    @property
    def capacity(self) -> int:
        """Requests that may be under way at once before the next one is answered 429.

        Twice the concurrency, because Azure queues as many as it serves:
        https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints
        """
        return 2 * self.max_concurrent_requests_per_instance * self.instance_count

    def next_port(self) -> int:
        """The instance whose turn it is. Raises LookupError when none is ready."""
        if not self.ports:
            raise LookupError(self.name)
        self.turn += 1
        return self.ports[self.turn % len(self.ports)]


@dataclass
class EndpointRoute:
    """One online endpoint: who may call it and how its traffic is shared (per cent)."""

    host: str
    endpoint_id: str
    auth_mode: AuthMode
    keys: tuple[str, ...] = ()
    traffic: dict[str, int] = field(default_factory=dict)
    mirror_traffic: dict[str, int] = field(default_factory=dict)
    deployments: dict[str, DeploymentRoute] = field(default_factory=dict)


class RoutingTable:
    """Scoring host name -> endpoint. Host names are lower case."""

    def __init__(self) -> None:
        self.endpoints: dict[str, EndpointRoute] = {}

    def publish(self, route: EndpointRoute) -> None:
        self.endpoints[route.host] = route

    def withdraw(self, host: str) -> None:
        self.endpoints.pop(host, None)

    def find(self, host: str) -> EndpointRoute | None:
        return self.endpoints.get(host.lower())
