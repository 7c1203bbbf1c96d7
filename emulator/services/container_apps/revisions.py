"""Revisions of a container app, and their replicas.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps-revisions
https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps-revision-replicas

    runningState        when
    Processing          its first replica starts
    Running             replicas answer
    RunningAtMaxScale   as many as it may have
    ScaledToZero        none is needed at present
    Degraded            replicas are there, none is ready, one was
    Failed              none became ready
    Stopped             it is not active, or the app is stopped
"""

from __future__ import annotations

from typing import Any

from emulator.arm.errors import not_found
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.ids import parent_of
from emulator.arm.resources import page, require, shown
from emulator.services.container_apps.app_spec import AppSpec
from emulator.services.container_apps.controller import Controller
from emulator.services.container_apps.paths import (
    APP,
    REPLICA,
    REPLICA_TYPE,
    REPLICAS,
    REVISION,
    REVISIONS,
    stream_url,
)
from emulator.services.container_apps.replica import Replica, ReplicaContainer
from emulator.services.container_apps.runner import Runner
from emulator.services.container_apps.states import ACTIVE
from emulator.store import Resource, Store


class Revisions:
    ROUTES = (
        ("POST", REVISION + "/activate", "activate"),
        ("POST", REVISION + "/deactivate", "deactivate"),
        ("GET", REVISION, "get"),
        ("GET", REVISIONS, "list"),
        ("POST", REVISION + "/restart", "restart"),
        ("GET", REPLICA, "get_replica"),
        ("GET", REPLICAS, "list_replicas"),
    )

    def __init__(self, store: Store, controller: Controller) -> None:
        self.store = store
        self.controller = controller

    async def activate(self, request: ArmRequest) -> ArmResponse:
        revision = self._revision(request)
        if revision.state not in ACTIVE:
            self.controller.activate(self._app(request), revision)
        return ArmResponse("Activate succeeded")

    async def deactivate(self, request: ArmRequest) -> ArmResponse:
        revision = self._revision(request)
        if revision.state in ACTIVE:
            self.controller.deactivate(self._app(request), revision)
        return ArmResponse("Deactivate succeeded")

    async def get(self, request: ArmRequest) -> ArmResponse:
        revision = self._revision(request)
        return ArmResponse(self._shown(self._app(request), revision))

    async def list(self, request: ArmRequest) -> ArmResponse:
        app = self._app(request)
        found = self.controller.revisions(app.id)
        return page(request, [self._shown(app, revision) for revision in found])

    async def restart(self, request: ArmRequest) -> ArmResponse:
        revision = self._revision(request)
        self.controller.restart(self._app(request), revision)
        return ArmResponse("Restart succeeded")

    # Replicas

    async def get_replica(self, request: ArmRequest) -> ArmResponse:
        revision = self._revision(request)
        runner = self.controller.runners.get(revision.id)
        for replica in runner.replicas if runner else []:
            if replica.name == request.params["replicaName"]:
                return ArmResponse(self._shown_replica(revision, replica))
        raise not_found(request.id)

    async def list_replicas(self, request: ArmRequest) -> ArmResponse:
        revision = self._revision(request)
        runner = self.controller.runners.get(revision.id)
        replicas = runner.replicas if runner else []
        return page(request, [self._shown_replica(revision, replica) for replica in replicas])

    # What they look like

    def _app(self, request: ArmRequest) -> Resource:
        return require(self.store, expand(APP, request.params))

    def _revision(self, request: ArmRequest) -> Resource:
        self._app(request)
        return require(self.store, expand(REVISION, request.params))

    def _shown(self, app: Resource, revision: Resource) -> dict[str, Any]:
        spec, runner = AppSpec.stored(app), self.controller.runners.get(revision.id)
        domain = self.controller.runners.domain(app)
        running, health, details = _state(runner)
        ingress, ready = spec.configuration.ingress, app.properties["latestReadyRevisionName"]
        labels = ingress.labels(ready or "") if ingress else {}
        weights = ingress.weights(ready or "") if ingress else {}
        return {
            **shown(revision),
            "properties": {
                **revision.properties,
                "template": _with_probes(revision.properties["template"]),
                "fqdn": spec.fqdn(domain, revision.name) or None,
                "replicas": len(runner.replicas) if runner else 0,
                "trafficWeight": weights.get(revision.name, 0),
                "labels": [label for label, name in labels.items() if name == revision.name],
                "healthState": health,
                "runningState": running,
                "runningStateDetails": details,
            },
        }

    def _shown_replica(self, revision: Resource, replica: Replica) -> dict[str, Any]:
        url = f"{self._stream_url(revision)}/replicas/{replica.name}/containers"
        started = [one for one in replica.containers if one.container]
        running = all(one.state == "Running" for one in started) and bool(started)
        return {
            "id": f"{revision.id}/replicas/{replica.name}",
            "name": replica.name,
            "type": REPLICA_TYPE,
            "properties": {
                "createdTime": replica.created.isoformat().replace("+00:00", "Z"),
                "runningState": "Running" if running else "NotRunning",
                "runningStateDetails": "",
                "containers": [_shown_container(one, url) for one in replica.containers],
                "initContainers": [_shown_container(one, url) for one in replica.inits],
            },
        }

    def _stream_url(self, revision: Resource) -> str:
        app = require(self.store, parent_of(revision.id))
        return f"{stream_url(app.id, app.body['location'])}/revisions/{revision.name}"


def _with_probes(template: dict[str, Any]) -> dict[str, Any]:
    """As Azure shows it of a revision, but not of an app: `probes` are there, be it none."""
    containers = [{"probes": [], **container} for container in template["containers"]]
    return {**template, "containers": containers}


def _state(runner: Runner | None) -> tuple[str, str, str]:
    """runningState, healthState and details."""
    if runner is None:
        return "Stopped", "None", ""
    if runner.failure:
        return "Failed", "Unhealthy", runner.failure
    if not runner.was_ready:
        return "Processing", "None", "Waiting for the first replica to be ready."
    if not runner.replicas:
        return "ScaledToZero", "Healthy", ""
    if not runner.ready_replicas:
        if any(not replica.was_ready and not replica.crashes for replica in runner.replicas):
            return "Processing", "Healthy", "A replica is starting."
        return "Degraded", "Unhealthy", "No replica is ready."
    if len(runner.replicas) >= runner.limits.most:
        return "RunningAtMaxScale", "Healthy", ""
    return "Running", "Healthy", ""


def _shown_container(one: ReplicaContainer, url: str) -> dict[str, Any]:
    return {
        "name": one.plan.name,
        "containerId": one.container.id if one.container else None,
        "ready": one.is_ready,
        "started": one.is_started,
        "restartCount": one.restarts,
        "runningState": str(one.state),
        "runningStateDetails": one.details,
        "logStreamEndpoint": f"{url}/{one.plan.name}/logstream",
        "execEndpoint": f"{url}/{one.plan.name}/exec".replace("https://", "wss://"),
    }
