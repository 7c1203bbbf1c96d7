"""Makes apps run: revisions come, take over from one another, and go.

    revision's provisioningState   when                                   followed by
    Provisioning                   it was created or activated            Provisioned, Failed
    Provisioned                    a replica has been ready               Deprovisioned
    Failed                         none became ready; it goes on trying   Provisioned, Deprovisioned
    Deprovisioned                  it was deactivated                     Provisioning

In single mode, a revision that is ready takes all traffic, and the others are deactivated. One that
does not become ready leaves the one before it where it was.

https://learn.microsoft.com/azure/container-apps/revisions
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import shutil
import string
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from emulator.arm.errors import ArmError
from emulator.arm.ids import name_of, now, parent_of
from emulator.containers.runtime import ContainerRuntime, ContainerSpec
from emulator.data_plane.routes.apps import AppTable
from emulator.services.container_apps.events import Events
from emulator.services.container_apps.images import Images
from emulator.services.container_apps.neighbours import Neighbours
from emulator.services.container_apps.paths import APP_TYPE, REVISION_TYPE
from emulator.services.container_apps.plan import AppFacts, ReplicaPlan, replica_plan
from emulator.services.container_apps.routes import app_routes, fqdn
from emulator.services.container_apps.runner import Runner
from emulator.services.container_apps.scaling import Limits, Pace
from emulator.services.container_apps.template import changed, concurrency
from emulator.store import Resource, Store

_LETTERS = string.ascii_lowercase + string.digits
_log = logging.getLogger(__name__)


class Controller:
    """Owns what runs. `folder` holds the logs of the containers."""

    def __init__(
        self,
        store: Store,
        runtime: ContainerRuntime,
        images: Images,
        ingress: AppTable,
        folder: Path,
        pace: Pace,
        neighbours: Neighbours,
    ) -> None:
        self.store = store
        self.runtime = runtime
        self.images = images
        self.ingress = ingress
        self.folder = folder
        self.pace = pace
        self.neighbours = neighbours
        self.events = Events()
        self.runners: dict[str, Runner] = {}  # by revision id, lower case
        self.tasks: set[asyncio.Task[None]] = set()

    # What there is

    def runner(self, revision_id: str) -> Runner | None:
        return self.runners.get(revision_id.lower())

    def revisions(self, app_id: str) -> list[Resource]:
        """The revisions of an app, the oldest first."""
        found = self.store.of_type(REVISION_TYPE, app_id)
        return sorted(found, key=lambda revision: str(revision.properties["createdTime"]))

    def latest(self, app: Resource) -> Resource | None:
        name = app.properties.get("latestRevisionName")
        return self.store.get(f"{app.id}/revisions/{name}") if name else None

    def domain(self, app: Resource) -> str:
        environment = self.store.get(app.properties["environmentId"])
        return str(environment.properties["defaultDomain"]) if environment else ""

    # A PUT or a PATCH of an app

    async def deploy(self, app_id: str, *, new_port: bool) -> None:
        """Bring an app to what its resource says. Raises ArmError when it does not come up."""
        app = self._app(app_id)
        latest = self.latest(app)
        if latest is None or changed(latest.properties["template"], app.properties["template"]):
            latest = await self._new_revision(app)
        elif new_port:
            await self._renew_all(app)
        self._settle(app_id)
        if app.properties["runningStatus"] == "Stopped" or not latest.properties["active"]:
            return
        await self.until_settled(latest.id)

    async def until_settled(self, revision_id: str) -> None:
        """Raises ArmError when the revision does not become ready."""
        runner = self.runner(revision_id)
        if runner is None:
            return
        await runner.settled.wait()
        if runner.failure:
            app = parent_of(revision_id)
            revision = self.store.get(revision_id)
            if revision:
                revision.properties["provisioningState"] = "Failed"
                revision.properties["provisioningError"] = runner.failure
                self.store.put(revision)
            raise ArmError(
                400,
                "ContainerAppOperationError",
                f"Failed to provision revision for container app '{name_of(app)}'. Error details: "
                f"{runner.failure}",
            )

    async def _new_revision(self, app: Resource) -> Resource:
        template, configuration = app.properties["template"], app.properties["configuration"]
        images = await self.images.fetch(template, configuration)
        suffix = template["revisionSuffix"] or "".join(secrets.choice(_LETTERS) for _ in range(7))
        name = f"{app.name}--{suffix}"
        revision = Resource(
            f"{app.id}/revisions/{name}",
            REVISION_TYPE,
            {
                "properties": {
                    "createdTime": now(),
                    "lastActiveTime": now(),
                    "template": template,
                    "active": True,
                    "provisioningError": None,
                    "provisioningState": "Provisioning",
                },
                "_exposed": {image: list(found.ports) for image, found in images.items()},
            },
        )
        app = self._app(app.id)
        app.properties["latestRevisionName"] = name
        with self.store.transaction():
            self.store.put(revision)
            self.store.put(app)
        message = f"Creating new revision: {name}"
        self.events.tell(app.id, "Normal", "RevisionCreation", message, name)
        if app.properties["runningStatus"] != "Stopped":
            self.launch(app, revision)
        return revision

    async def _renew_all(self, app: Resource) -> None:
        """New replicas for a configuration that changes what they are."""
        for revision in self.revisions(app.id):
            if runner := self.runner(revision.id):
                await runner.renew(self._plan(app, revision), self._limits(revision))

    # Revisions

    def launch(self, app: Resource, revision: Resource) -> None:
        """Run a revision. It takes its place in the traffic when it is ready."""
        runner = Runner(
            self.runtime,
            self._plan(app, revision),
            self._limits(revision),
            self.pace,
            self._folder(app.id) / revision.name,
            introduce=lambda spec: self._introduce(spec, app, revision),
            on_ready=lambda: self._became_ready(revision.id),
            tell=lambda kind, reason, message, replica: self.events.tell(
                app.id, kind, reason, message, revision.name, replica
            ),
        )
        self.runners[revision.id.lower()] = runner
        if self.runtime.kind == "process":
            self.events.tell(
                app.id,
                "Warning",
                "NotAContainer",
                f"Replicas are {self.runtime.description}",
                revision.name,
            )
        runner.start()
        self.publish(app.id)

    async def _introduce(
        self, spec: ContainerSpec, app: Resource, revision: Resource
    ) -> ContainerSpec:
        found = await self.neighbours.introduce(spec, self.domain(app))
        if problem := self.neighbours.problem:
            self.events.tell(app.id, "Warning", "NoNeighbours", problem, revision.name)
        return found

    def _became_ready(self, revision_id: str) -> None:
        revision, app = self.store.get(revision_id), self.store.get(parent_of(revision_id))
        if revision is None or app is None:
            return
        revision.properties.update(
            {"provisioningState": "Provisioned", "provisioningError": None, "lastActiveTime": now()}
        )
        ready = app.properties.get("latestReadyRevisionName")
        before = self.store.get(f"{app.id}/revisions/{ready}")
        created = str(revision.properties["createdTime"])
        if before is None or str(before.properties["createdTime"]) <= created:
            app.properties["latestReadyRevisionName"] = revision.name
        with self.store.transaction():
            self.store.put(revision)
            self.store.put(app)
        self.events.tell(
            app.id, "Normal", "RevisionReady", "Successfully provisioned revision", revision.name
        )
        self._settle(app.id)

    def _settle(self, app_id: str) -> None:
        """Give the traffic to whom it belongs, and let go of what single mode has no place for."""
        app = self._app(app_id)
        properties = app.properties
        self.publish(app_id)
        newest, ready = properties.get("latestRevisionName"), properties["latestReadyRevisionName"]
        if properties["configuration"]["activeRevisionsMode"] == "Single" and newest == ready:
            for revision in self.revisions(app_id):
                if revision.properties["active"] and revision.name != newest:
                    self.deactivate(revision)

    def deactivate(self, revision: Resource) -> None:
        """Out of the traffic at once; its replicas end when their requests are answered."""
        revision.properties.update({"active": False, "provisioningState": "Deprovisioned"})
        self.store.put(revision)
        app_id = parent_of(revision.id)
        self.events.tell(
            app_id, "Normal", "RevisionDeactivating", "Setting revision inactive", revision.name
        )
        runner = self.runners.pop(revision.id.lower(), None)
        self.publish(app_id)
        if runner:
            self.spawn(runner.stop())
        self._forget_old(app_id)

    def activate(self, revision: Resource) -> None:
        revision.properties.update({"active": True, "provisioningState": "Provisioning"})
        self.store.put(revision)
        app = self._app(parent_of(revision.id))
        if self.runner(revision.id) is None and app.properties["runningStatus"] != "Stopped":
            self.launch(app, revision)
            self.spawn(self._settle_alone(revision.id))

    async def _settle_alone(self, revision_id: str) -> None:
        try:
            await self.until_settled(revision_id)
        except ArmError as error:
            _log.info("%s: %s", revision_id, error)

    async def restart(self, revision: Resource) -> None:
        app = self._app(parent_of(revision.id))
        if runner := self.runner(revision.id):
            await runner.renew(self._plan(app, revision), self._limits(revision))

    def _forget_old(self, app_id: str) -> None:
        """Inactive revisions beyond maxInactiveRevisions go, the oldest first."""
        most = self._app(app_id).properties["configuration"]["maxInactiveRevisions"]
        inactive = [one for one in self.revisions(app_id) if not one.properties["active"]]
        for revision in inactive[: max(0, len(inactive) - most)]:
            self.store.delete(revision.id)

    # Apps

    def start(self, app: Resource) -> None:
        """Run every active revision."""
        for revision in self.revisions(app.id):
            if revision.properties["active"] and self.runner(revision.id) is None:
                self.launch(app, revision)

    async def stop(self, scope: str) -> None:
        """Stop every revision at or below an id."""
        below = scope.lower()
        gone = [key for key in self.runners if key.startswith(below + "/")]
        runners = [self.runners.pop(key) for key in gone]
        for app_id in {parent_of(key) for key in gone}:
            self.ingress.withdraw(app_id)
        await asyncio.gather(*(runner.stop() for runner in runners))

    async def delete_below(self, scope: str) -> None:
        """Stop every app at or below an id and delete its logs. The resources stay."""
        await self.stop(scope)
        for app in self.store.of_type(APP_TYPE):
            if f"{app.id}/".lower().startswith(f"{scope}/".lower()):
                self.ingress.withdraw(app.id)
                self.events.forget(app.id)
                await asyncio.to_thread(shutil.rmtree, self._folder(app.id), ignore_errors=True)

    def publish(self, app_id: str) -> None:
        app = self.store.get(app_id)
        if app is None:
            return
        running = {
            revision.name: runner.route
            for revision in self.revisions(app_id)
            if (runner := self.runner(revision.id))
        }
        if running:
            self.ingress.publish(app_id, app_routes(app, self.domain(app), running))
        else:
            self.ingress.withdraw(app_id)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        """Look after nothing any more. The containers end with their runtime."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.gather(*(runner.close() for runner in self.runners.values()))

    # How

    def _app(self, app_id: str) -> Resource:
        app = self.store.get(app_id)
        if app is None:
            raise ArmError(404, "ContainerAppNotFound", f"The app '{app_id}' is gone.")
        return app

    def _folder(self, app_id: str) -> Path:
        """Named by a hash of the id: names on Azure differ by nothing but case on some disks."""
        digest = hashlib.sha256(app_id.lower().encode()).hexdigest()[:16]
        return self.folder / f"{name_of(app_id)}-{digest}"

    def _plan(self, app: Resource, revision: Resource) -> ReplicaPlan:
        configuration = app.properties["configuration"]
        ingress, domain = configuration["ingress"], self.domain(app)
        host = fqdn(revision.name, domain, external=ingress["external"]) if ingress else ""
        return replica_plan(
            revision.properties["template"],
            configuration,
            {image: tuple(ports) for image, ports in revision.body["_exposed"].items()},
            AppFacts(app.name, revision.name, host, domain),
        )

    def _limits(self, revision: Resource) -> Limits:
        template = revision.properties["template"]
        scale = template["scale"]
        return Limits(
            scale["minReplicas"],
            scale["maxReplicas"],
            concurrency(template),
            self.pace.here(scale["cooldownPeriod"]),
            self.pace.cooldown,
        )
