"""Tells the gateway what the control plane decided: endpoints, their keys, traffic, instances."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol
from weakref import WeakKeyDictionary

from emulator.arm.ids import name_of, parent_of
from emulator.data_plane.backend import Backend
from emulator.data_plane.routes.endpoints import DeploymentRoute, EndpointRoute, EndpointTable
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


class Listening(Protocol):
    """An inference server, as far as the gateway is concerned."""

    port: int


class ScoringRoutes:
    """Publishes an endpoint whenever it, or one of its deployments, changed."""

    def __init__(self, store: Store, table: EndpointTable) -> None:
        self.store = store
        self.table = table
        self.ready_backends: dict[str, tuple[Backend, ...]] = {}  # by deployment id, lower case
        self.closed: set[str] = set()  # deployments that are on their way out
        self._backends: WeakKeyDictionary[Listening, Backend] = WeakKeyDictionary()

    def publish(self, endpoint_id: str) -> None:
        """Serve an endpoint as the store has it at this moment, unless it is being deleted."""
        endpoint = self.store.get(endpoint_id)
        if endpoint is None or endpoint.properties["provisioningState"] == "Deleting":
            return
        properties = endpoint.properties
        self.table.publish(
            EndpointRoute(
                host_of(endpoint),
                endpoint.id,
                properties["authMode"],
                keys=tuple(endpoint.body["_keys"].values()),
                traffic=dict(properties["traffic"]),
                mirror_traffic=dict(properties["mirrorTraffic"]),
                deployments={
                    deployment.name: self._deployment(deployment)
                    for deployment in self.store.of_type(ONLINE_DEPLOYMENT_TYPE, endpoint.id)
                    if "_good" in deployment.body
                },
            )
        )

    def withdraw(self, endpoint: Resource) -> None:
        self.table.withdraw(host_of(endpoint), endpoint.id)

    def ready(self, deployment_id: str, servers: Sequence[Listening]) -> None:
        """These instances of a deployment pass their readiness probe."""
        key = deployment_id.lower()
        if key in self.closed:
            return
        self.ready_backends[key] = tuple(self._backend(server) for server in servers)
        self._change(deployment_id)

    def close(self, deployment_id: str) -> None:
        """Give a deployment nothing new; what it has been given is still answered."""
        self.closed.add(deployment_id.lower())
        self._change(deployment_id)

    async def drained(self, deployment_id: str, servers: Sequence[Listening]) -> None:
        """Wait for the requests under way on instances that are no longer given any.

        A request ends within the deployment's time-out, so this does, too.
        """
        route = self._published(deployment_id)
        backends = [self._backend(server) for server in servers]
        limit = (route.request_timeout_seconds if route else 0) + 1
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while any(backend.under_way for backend in backends):
                    await asyncio.sleep(0.01)

    def forget(self, deployment_id: str) -> None:
        self.ready_backends.pop(deployment_id.lower(), None)
        self.closed.discard(deployment_id.lower())

    def _backend(self, server: Listening) -> Backend:
        """The same one for as long as the server listens there, whether it is ready or not."""
        backend = self._backends.get(server)
        if backend is None or backend.port != server.port:
            backend = self._backends[server] = Backend(server.port)
        return backend

    def _endpoint(self, deployment_id: str) -> EndpointRoute | None:
        """The published route of a deployment's endpoint."""
        endpoint = self.store.get(parent_of(deployment_id))
        route = self.table.find(host_of(endpoint)) if endpoint else None
        return route if endpoint and route and route.endpoint_id == endpoint.id else None

    def _published(self, deployment_id: str) -> DeploymentRoute | None:
        endpoint, name = self._endpoint(deployment_id), name_of(deployment_id).lower()
        deployments = endpoint.deployments.values() if endpoint else ()
        return next((route for route in deployments if route.name.lower() == name), None)

    def _change(self, deployment_id: str) -> None:
        """Publish which instances answer, and nothing else: the rest waits for its operation."""
        endpoint, route = self._endpoint(deployment_id), self._published(deployment_id)
        if endpoint and route:
            key = deployment_id.lower()
            changed = replace(
                route, backends=self.ready_backends.get(key, ()), is_open=key not in self.closed
            )
            self.table.publish(endpoint.with_deployment(changed))

    def _deployment(self, deployment: Resource) -> DeploymentRoute:
        """What serves is the last version that came up, which a failed update left as it was."""
        good = deployment.body["_good"]
        settings = good["properties"].get("requestSettings") or {}
        key = deployment.id.lower()
        return DeploymentRoute(
            deployment.name,
            backends=self.ready_backends.get(key, ()),
            request_timeout_seconds=seconds(
                settings.get("requestTimeout") or DEFAULT_REQUEST_TIMEOUT, "requestTimeout"
            ),
            max_concurrent_requests_per_instance=int(
                settings.get("maxConcurrentRequestsPerInstance") or 1
            ),
            instance_count=good["sku"]["capacity"],
            is_open=key not in self.closed,
        )
