"""What runs: one runner for each revision that is active, and what the ingress is told of them.

What a runner reports counts for as long as it is the one of its revision: once it is dismissed,
nothing of it is stored or published.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from emulator.arm.ids import name_of, parent_of
from emulator.arm.managed_identity import NO_IDENTITY
from emulator.containers.runtime import ContainerRuntime, ContainerSpec
from emulator.data_plane.routes.apps import AppTable
from emulator.services.container_apps.app_scale import MOST_HERE
from emulator.services.container_apps.app_spec import AppSpec
from emulator.services.container_apps.app_template import AppTemplate
from emulator.services.container_apps.events import Events
from emulator.services.container_apps.neighbours import introduce
from emulator.services.container_apps.paths import REVISION_TYPE
from emulator.services.container_apps.plan import AppFacts, ReplicaPlan, replica_plan
from emulator.services.container_apps.routes import app_routes
from emulator.services.container_apps.runner import Runner
from emulator.services.container_apps.scaling import Limits, Pace
from emulator.store import Resource, Store
from emulator.workloads.access import WorkloadAccess

_log = logging.getLogger(__name__)


class Runners:
    """`folder` holds the logs of the containers."""

    def __init__(
        self,
        store: Store,
        runtime: ContainerRuntime,
        ingress: AppTable,
        folder: Path,
        pace: Pace,
        access: WorkloadAccess,
    ) -> None:
        self.store = store
        self.runtime = runtime
        self.ingress = ingress
        self.folder = folder
        self.pace = pace
        self.access = access
        self.events = Events()
        self._running: dict[str, Runner] = {}  # by revision id, lower case
        # What is being stopped, with the revision's id in lower case.
        self._leaving: dict[asyncio.Task[None], str] = {}

    def get(self, revision_id: str) -> Runner | None:
        return self._running.get(revision_id.lower())

    def running(self) -> dict[Runner, str]:
        """Every revision that runs, and its id in lower case."""
        return {runner: revision_id for revision_id, runner in self._running.items()}

    # Coming and going

    def launch(
        self,
        app: Resource,
        revision: Resource,
        on_ready: Callable[[str], None],
        on_failure: Callable[[str, str], None],
    ) -> None:
        """Run a revision. `on_ready` gets its id, `on_failure` its id and the reason.

        Raises ArmError 400 when it refers to a secret that the app has no more.
        """
        key = revision.id.lower()

        def is_current(runner: Runner) -> bool:
            return self._running.get(key) is runner

        runner = Runner(
            self.runtime,
            self.plan(app, revision),
            self.limits(revision),
            self.pace,
            self._folder(app.id) / revision.name,
            introduce=lambda spec: self._introduce(spec, app, revision),
            on_ready=lambda one: on_ready(revision.id) if is_current(one) else None,
            on_failure=lambda one, why: on_failure(revision.id, why) if is_current(one) else None,
            tell=lambda kind, reason, message, replica: self.events.tell(
                app.id, kind, reason, message, revision.name, replica
            ),
        )
        self._running[key] = runner
        if self.runtime.kind == "process":
            what = f"Replicas are {self.runtime.description}"
            self.events.tell(app.id, "Warning", "NotAContainer", what, revision.name)
        for rule in template_of(revision).scale.rules:
            if not rule.is_evaluated:
                what = f"Scale rule '{rule.name}' ({rule.what}): nothing triggers it in local Azure"
                self.events.tell(app.id, "Warning", "KEDAScalerFailed", what, revision.name)
        runner.start()
        self.publish(app.id)

    async def _introduce(
        self, spec: ContainerSpec, app: Resource, revision: Resource
    ) -> ContainerSpec:
        present = self.store.get(app.id) or app
        found = await introduce(self.access, spec, present, self.domain(app))
        if problem := self.access.problem:
            self.events.tell(app.id, "Warning", "NoNeighbours", problem, revision.name)
        return found

    def dismiss(self, revision_id: str) -> None:
        """Out of the traffic at once; its replicas end when their requests are answered."""
        if runner := self._running.pop(revision_id.lower(), None):
            task = asyncio.create_task(runner.stop())
            self._leaving[task] = revision_id.lower()
            task.add_done_callback(self._left)
        self.publish(parent_of(revision_id))

    def dismiss_app(self, app_id: str) -> None:
        """Begin to stop every revision of an app. Nothing of it answers from now on."""
        below = f"{app_id.lower()}/"
        for revision_id in [key for key in self._running if key.startswith(below)]:
            self.dismiss(revision_id)
        self.ingress.withdraw(app_id)

    def _left(self, task: asyncio.Task[None]) -> None:
        revision_id = self._leaving.pop(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("%s did not stop as it should", revision_id, exc_info=error)

    async def until_gone(self, app_id: str) -> None:
        """Wait until what was dismissed of an app has ended."""
        below = f"{app_id.lower()}/"
        tasks = {task for task, key in self._leaving.items() if key.startswith(below)}
        if tasks:
            await asyncio.wait(tasks)

    async def forget(self, app_id: str) -> None:
        """Delete what there is of an app: its containers' logs, and its system log."""
        self.events.forget(app_id)
        self.access.forget(app_id)
        await asyncio.to_thread(shutil.rmtree, self._folder(app_id), ignore_errors=True)

    async def close(self) -> None:
        """Look after nothing any more. The containers end with their runtime."""
        for task in list(self._leaving):
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await asyncio.gather(*(runner.close() for runner in self._running.values()))

    # The ingress

    def publish(self, app_id: str) -> None:
        """Tell the ingress who answers for an app: those of its revisions that run."""
        app = self.store.get(app_id)
        running = {
            revision.name: runner.route
            for revision in self.store.of_type(REVISION_TYPE, app_id)
            if (runner := self.get(revision.id))
        }
        if app is None or not running:
            self.ingress.withdraw(app_id)
            return
        routes = app_routes(
            app.id,
            AppSpec.stored(app),
            self.domain(app),
            running,
            latest=app.properties["latestRevisionName"] or "",
            latest_ready=app.properties["latestReadyRevisionName"] or "",
        )
        self.ingress.publish(app_id, routes)

    # What is to run

    def domain(self, app: Resource) -> str:
        environment = self.store.get(app.properties["environmentId"])
        return str(environment.properties["defaultDomain"]) if environment else ""

    def plan(self, app: Resource, revision: Resource) -> ReplicaPlan:
        """What a replica of a revision runs. Raises ArmError as `launch`."""
        spec, domain = AppSpec.stored(app), self.domain(app)
        plan = replica_plan(
            template_of(revision),
            spec.configuration,
            {image: tuple(ports) for image, ports in revision.private["exposed"].items()},
            AppFacts(app.name, revision.name, spec.fqdn(domain, revision.name), domain),
        )
        return replace(plan, has_identity=spec.identity != NO_IDENTITY)

    def limits(self, revision: Resource) -> Limits:
        scale = template_of(revision).scale
        return Limits(
            max(scale.least, 1 if scale.loads else 0),
            min(scale.most, MOST_HERE),
            scale.concurrency,
            self.pace.here(scale.cooldown_period),
            self.pace.cooldown,
            scale.loads,
        )

    def _folder(self, app_id: str) -> Path:
        """Named by a hash of the id: names on Azure differ by nothing but case on some disks."""
        digest = hashlib.sha256(app_id.lower().encode()).hexdigest()[:16]
        return self.folder / f"{name_of(app_id)}-{digest}"


def template_of(revision: Resource) -> AppTemplate:
    return AppTemplate.stored(revision.properties["template"], name_of(parent_of(revision.id)))
