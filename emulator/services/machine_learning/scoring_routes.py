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
from emulator.services.machine_learning.deployment_spec import (
    DeploymentSpec,
    RequestSettings,
    deployment_of,
)
from emulator.services.machine_learning.paths import ONLINE_DEPLOYMENT_TYPE
from emulator.store import Resource, Store

SCORING_SUFFIX = ".inference.ml.azure.com"


def host_of(endpoint: Resource) -> str:
    return scoring_host(endpoint.name, endpoint.body["location"])


def scoring_host(name: str, location: str) -> str:
    return f"{name}.{location}{SCORING_SUFFIX}".lower()


def good_of(deployment: Resource) -> DeploymentSpec | None:
    """The last version that came up: it serves, whatever became of those after it."""
    good = deployment.private.get("good")
    return deployment_of(good) if good else None


class Listening(Protocol):
    """An inference server, as far as the gateway is concerned."""

    port: int


class ScoringRoutes:
    """Publishes endpoints, and their deployments once these have come up."""

    def __init__(self, store: Store, table: EndpointTable) -> None:
        self.store = store
        self.table = table
        # By deployment id in lower case.
        self.ready_backends: dict[str, tuple[Backend, ...]] = {}
        self.settings: dict[str, RequestSettings] = {}
        self.closed: set[str] = set()  # deployments that are on their way out
        self._backends: WeakKeyDictionary[Listening, Backend] = WeakKeyDictionary()

    def publish(self, endpoint: Resource) -> None:
        """The endpoint answers from now on, with the keys and the traffic that it has."""
        properties = endpoint.properties
        self.table.publish(
            EndpointRoute(
                host_of(endpoint),
                endpoint.id,
                properties["authMode"],
                keys=tuple(endpoint.private["keys"].values()),
                traffic=dict(properties["traffic"]),
                mirror_traffic=dict(properties["mirrorTraffic"]),
                deployments={
                    deployment.name: self._deployment(deployment, good)
                    for deployment in self.store.of_type(ONLINE_DEPLOYMENT_TYPE, endpoint.id)
                    if (good := good_of(deployment))
                },
            )
        )

    def withdraw(self, endpoint: Resource) -> None:
        """The endpoint answers nothing new; what is under way goes on."""
        self.table.withdraw(host_of(endpoint), endpoint.id)

    def serve(self, deployment: Resource, good: DeploymentSpec) -> None:
        """This version of a deployment has come up: its settings hold from now on."""
        route = self._deployment(deployment, good)
        if endpoint := self._endpoint(deployment.id):
            self.table.publish(endpoint.with_deployment(route))

    def ready(self, deployment_id: str, servers: Sequence[Listening]) -> None:
        """These instances of a deployment pass their readiness probe."""
        key = deployment_id.lower()
        if key in self.closed:
            return
        self.ready_backends[key] = tuple(self._backend(server) for server in servers)
        self._change(deployment_id)

    def open(self, deployment_id: str) -> None:
        """Give a deployment requests, as soon as it has instances."""
        self.closed.discard(deployment_id.lower())

    def close(self, deployment_id: str) -> None:
        """Give a deployment nothing new; what it has been given is still answered."""
        self.closed.add(deployment_id.lower())
        self._change(deployment_id)

    async def drained(self, deployment_id: str, servers: Sequence[Listening]) -> None:
        """Wait for the requests under way on instances that are no longer given any.

        A request ends within the deployment's time-out, so this does, too.
        """
        settings = self.settings.get(deployment_id.lower(), RequestSettings())
        backends = [self._backend(server) for server in servers]
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.timeout + 1):
                while any(backend.under_way for backend in backends):
                    await asyncio.sleep(0.01)

    def forget(self, deployment_id: str) -> None:
        """The deployment is gone."""
        key = deployment_id.lower()
        self.ready_backends.pop(key, None)
        self.settings.pop(key, None)
        self.closed.discard(key)
        endpoint, route = self._endpoint(deployment_id), self._published(deployment_id)
        if endpoint and route:
            others = {
                name: other for name, other in endpoint.deployments.items() if name != route.name
            }
            self.table.publish(replace(endpoint, deployments=others))

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

    def _deployment(self, deployment: Resource, good: DeploymentSpec) -> DeploymentRoute:
        key = deployment.id.lower()
        self.settings[key] = good.requests
        return DeploymentRoute(
            deployment.name,
            backends=self.ready_backends.get(key, ()),
            request_timeout_seconds=good.requests.timeout,
            max_concurrent_requests_per_instance=good.requests.most_at_once,
            instance_count=good.instance_count,
            is_open=key not in self.closed,
        )
