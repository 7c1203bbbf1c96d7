"""Online endpoints: who may call them, and how their traffic is shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from emulator.data_plane.backend import Backend

AuthMode = Literal["Key", "AMLToken", "AADToken"]


@dataclass(frozen=True)
class DeploymentRoute:
    """One deployment that answers requests.

    `backends` are the instances that passed their readiness probe. A request that is under way on
    one that went finishes there. A deployment that is not `is_open` takes no new requests: those
    that wait are still given its instances.
    """

    name: str
    backends: tuple[Backend, ...] = ()
    request_timeout_seconds: float = 5.0
    max_concurrent_requests_per_instance: int = 1
    instance_count: int = 1
    is_open: bool = True

    @property
    def capacity(self) -> int:
        """Requests that may be under way at once before the next one is answered 429.

        Twice the concurrency, because Azure queues as many as it serves:
        https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints
        """
        return 2 * self.max_concurrent_requests_per_instance * self.instance_count


@dataclass(frozen=True)
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
    traffic: Mapping[str, int] = field(default_factory=dict)
    mirror_traffic: Mapping[str, int] = field(default_factory=dict)
    deployments: Mapping[str, DeploymentRoute] = field(default_factory=dict)
    requests_per_second: int = 500

    def with_deployment(self, deployment: DeploymentRoute) -> EndpointRoute:
        """The same route with this deployment in the place of the one of its name."""
        return replace(self, deployments={**self.deployments, deployment.name: deployment})


class EndpointTable:
    """Scoring host name (lower case) -> endpoint. A host name is its endpoint's until withdrawn.

    `on_change` is called with the host name after each change.
    """

    def __init__(self) -> None:
        self.endpoints: dict[str, EndpointRoute] = {}
        self.on_change: Callable[[str], None] = lambda _host: None

    def publish(self, route: EndpointRoute) -> None:
        """Serve an endpoint by this route from now on. Raises ValueError for another's host."""
        before = self.endpoints.get(route.host)
        if before and before.endpoint_id.lower() != route.endpoint_id.lower():
            raise ValueError(f"{route.host} is the endpoint {before.endpoint_id}'s.")
        self.endpoints[route.host] = route
        self.on_change(route.host)

    def withdraw(self, host: str, endpoint_id: str) -> None:
        """Serve an endpoint no more. Nothing happens when the host is another endpoint's."""
        before = self.endpoints.get(host)
        if before and before.endpoint_id.lower() == endpoint_id.lower():
            del self.endpoints[host]
            self.on_change(host)

    def find(self, host: str) -> EndpointRoute | None:
        return self.endpoints.get(host.lower())
