"""The routing table: what the services publish and the gateway serves from.

Plain data, so that the control plane and the data plane need not know each other. A service may
publish a new `EndpointRoute` or change one in place; the gateway reads it anew for each request.
"""

from __future__ import annotations

from collections import Counter
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
