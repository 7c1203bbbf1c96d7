"""Tells the gateway what the control plane decided: endpoints, their keys, traffic, instances."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from emulator.data_plane.routes import DeploymentRoute, EndpointRoute, RoutingTable
from emulator.services.machine_learning.durations import seconds
from emulator.services.machine_learning.paths import ONLINE_DEPLOYMENT_TYPE
from emulator.store import Resource, Store

# https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-managed-online
DEFAULT_REQUEST_TIMEOUT = "PT5S"

SCORING_SUFFIX = ".inference.ml.azure.com"


def host_of(endpoint: Resource) -> str:
    return scoring_host(endpoint.name, endpoint.body["location"])


def scoring_host(name: str, location: str) -> str:
    return f"{name}.{location}{SCORING_SUFFIX}".lower()


class ScoringRoutes:
    """Publishes an endpoint whenever it, or one of its deployments, changed."""

    def __init__(self, store: Store, routing: RoutingTable) -> None:
        self.store = store
        self.routing = routing
        # By deployment id, kept from one publication to the next: they count what is in flight.
        self._deployments: dict[str, DeploymentRoute] = {}

    def publish(self, endpoint_id: str) -> None:
        endpoint = self.store.get(endpoint_id)
        if endpoint is None:
            return
        host = host_of(endpoint)
        route = self.routing.find(host) or EndpointRoute(host, endpoint.id, "Key")
        properties = endpoint.properties
        route.auth_mode = properties["authMode"]
        route.keys = tuple(endpoint.body["_keys"].values())
        route.traffic = dict(properties["traffic"])
        route.mirror_traffic = dict(properties["mirrorTraffic"])
        route.deployments = {
            deployment.name: self._deployment(deployment)
            for deployment in self.store.of_type(ONLINE_DEPLOYMENT_TYPE, endpoint.id)
            if "_good" in deployment.body
        }
        self.routing.publish(route)

    def withdraw(self, endpoint: Resource) -> None:
        self.routing.withdraw(host_of(endpoint))

    def ready(self, deployment_id: str, ports: tuple[int, ...]) -> None:
        """These instances of a deployment pass their readiness probe."""
        self._route(deployment_id).ports = ports

    async def drained(self, deployment_id: str, ports: tuple[int, ...]) -> None:
        """Wait for the requests under way on instances that are no longer given any.

        A request ends within the deployment's time-out, so this does, too.
        """
        limit = self._route(deployment_id).request_timeout_seconds + 1
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while any(self.routing.busy[port] for port in ports):
                    await asyncio.sleep(0.01)

    def forget(self, deployment_id: str) -> None:
        self._deployments.pop(deployment_id.lower(), None)

    def _deployment(self, deployment: Resource) -> DeploymentRoute:
        """What serves is the last version that came up, which a failed update left as it was."""
        good = deployment.body["_good"]
        settings = good["properties"].get("requestSettings") or {}
        route = self._route(deployment.id)
        route.request_timeout_seconds = seconds(
            settings.get("requestTimeout") or DEFAULT_REQUEST_TIMEOUT, "requestTimeout"
        )
        route.max_concurrent_requests_per_instance = int(
            settings.get("maxConcurrentRequestsPerInstance") or 1
        )
        route.instance_count = good["sku"]["capacity"]
        return route

    def _route(self, deployment_id: str) -> DeploymentRoute:
        return self._deployments.setdefault(
            deployment_id.lower(), DeploymentRoute(deployment_id.rsplit("/", 1)[-1])
        )
