"""Brings apps to what their resources say: revisions come, take over from one another, and go.

    revision's provisioningState   when                                   followed by
    Provisioning                   it was created or activated            Provisioned, Failed
    Provisioned                    a replica has been ready               Failed, Deprovisioned
    Failed                         none became ready; it goes on trying   Provisioned, Deprovisioned
    Deprovisioned                  it was deactivated                     Provisioning

In single mode, a revision that is ready takes all traffic, and the others are deactivated. One that
does not become ready leaves the one before it where it was.

https://learn.microsoft.com/azure/container-apps/revisions
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import string

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request
from emulator.arm.ids import name_of, now, parent_of
from emulator.arm.lifecycle import Lifecycle
from emulator.services.container_apps.app_images import AppImages
from emulator.services.container_apps.app_spec import AppSpec
from emulator.services.container_apps.errors import invalid
from emulator.services.container_apps.paths import APP_TYPE, REVISION_TYPE
from emulator.services.container_apps.runners import Runners, template_of
from emulator.services.container_apps.states import (
    ACTIVE,
    REVISION_MOVES,
    RUNS,
    app_moves,
    refuse_app,
    show_app,
    show_revision,
)
from emulator.store import Resource

_LETTERS = string.ascii_lowercase + string.digits
_log = logging.getLogger(__name__)


class Controller:
    def __init__(self, changes: Changes, images: AppImages, runners: Runners) -> None:
        self.changes = changes
        self.store = changes.store
        self.images = images
        self.runners = runners
        self.events = runners.events
        changes.register(
            Lifecycle(
                APP_TYPE,
                app_moves(self._deploy, self._start, self._stop),
                show=show_app,
                refuse=refuse_app,
                withdraw=lambda app: runners.dismiss_app(app.id),
                remove=self._remove,
                revive=self._revive,
            )
        )
        changes.register(Lifecycle(REVISION_TYPE, REVISION_MOVES, show=show_revision))

    def revisions(self, app_id: str) -> list[Resource]:
        """The revisions of an app, the oldest first."""
        found = self.store.of_type(REVISION_TYPE, app_id)
        return sorted(found, key=lambda revision: str(revision.properties["createdTime"]))

    def latest(self, app: Resource) -> Resource | None:
        name = app.properties["latestRevisionName"]
        return self.store.get(f"{app.id}/revisions/{name}") if name else None

    # The work of an app's changes

    async def _deploy(self, change: Change) -> None:
        """Bring an app to what its resource says. Raises ArmError when it does not come up."""
        app = change.resource()
        spec, latest = AppSpec.stored(app), self.latest(app)
        if latest is None or spec.template.makes_revision(template_of(latest)):
            self._check_suffix(app, spec.template.suffix)
            images = await self.images.fetch(
                spec.template.images, spec.configuration.registry_users
            )
            ports = {name: list(image.ports) for name, image in images.items()}
            latest = self._new_revision(change.resource(), spec, ports)
        elif app.state in RUNS:
            self._launch_active(app)
            await self._renew(app)
        change.resource()  # whatever was awaited, the app is still to be so
        self._settle(app.id)
        await self._until_settled(latest.id)

    def _check_suffix(self, app: Resource, suffix: str) -> None:
        """Raises ArmError 400 for one that a revision has already.

        https://github.com/Azure/terraform-azurerm-avm-res-app-containerapp/issues/115
        """
        if suffix and self.store.get(f"{app.id}/revisions/{app.name}--{suffix}"):
            used = invalid(
                "properties.template.revisionsuffix",
                f'Invalid value: "{suffix}": revision with suffix {suffix} already exists.',
            )
            raise _not_provisioned(app.name, used.message)

    async def _start(self, change: Change) -> None:
        """Run every active revision. Raises ArmError when the latest does not come up."""
        app = change.resource()
        self._launch_active(app)
        if latest := self.latest(app):
            await self._until_settled(latest.id)

    async def _stop(self, change: Change) -> None:
        """End every replica; requests that are under way are answered first."""
        self.runners.dismiss_app(change.resource_id)
        await self.runners.until_gone(change.resource_id)

    async def _revive(self, app: Resource) -> None:
        """Run again what ran before a restart."""
        if app.state in RUNS:
            self._launch_active(app)

    async def _remove(self, app: Resource) -> None:
        """End all that there is of an app outside the database."""
        self.runners.dismiss_app(app.id)
        await self.runners.until_gone(app.id)
        await self.runners.forget(app.id)

    async def _until_settled(self, revision_id: str) -> None:
        """Wait until a revision is ready, or is not to run any more. Raises ArmError when it does
        not become ready."""
        runner = self.runners.get(revision_id)
        if runner is None:
            return
        await runner.settled.wait()
        if runner.failure and not runner.is_stopping:
            raise _not_provisioned(name_of(parent_of(revision_id)), runner.failure)

    def _new_revision(
        self, app: Resource, spec: AppSpec, exposed: dict[str, list[int]]
    ) -> Resource:
        """`exposed` has, for each image, the ports that it says it listens on."""
        suffix = spec.template.suffix or "".join(secrets.choice(_LETTERS) for _ in range(7))
        name = f"{app.name}--{suffix}"
        properties = {
            "createdTime": now(),
            "lastActiveTime": now(),
            "template": spec.template.to_body(),
            "provisioningError": None,
        }
        revision = Resource(
            f"{app.id}/revisions/{name}",
            REVISION_TYPE,
            {"properties": properties},
            {"exposed": exposed},
        )
        app.properties["latestRevisionName"] = name
        with self.store.transaction():
            self.changes.apply("create", revision, None)
            self.store.put(app)
        message = f"Creating new revision: {name}"
        self.events.tell(app.id, "Normal", "RevisionCreation", message, name)
        if app.state in RUNS:
            self._launch(app, revision)
        return revision

    async def _renew(self, app: Resource) -> None:
        """New replicas where the ingress now sends requests to another port, or to one at all, and
        where the app has a managed identity now, or none any more."""
        renewals = []
        for revision in self.revisions(app.id):
            if runner := self.runners.get(revision.id):
                plan = self.runners.plan(app, revision)
                before = runner.plan
                if (plan.target_port, plan.has_identity) != (
                    before.target_port,
                    before.has_identity,
                ):
                    renewals.append(runner.renew(plan, self.runners.limits(revision)))
        await asyncio.gather(*renewals)

    # Revisions

    def _launch_active(self, app: Resource) -> None:
        """Run every active revision that does not run. One that cannot is told of in the log."""
        for revision in self.revisions(app.id):
            if revision.state in ACTIVE and self.runners.get(revision.id) is None:
                try:
                    self._launch(app, revision)
                except ArmError as error:
                    _log.warning("%s does not run: %s", revision.id, error)
                    self._failed(revision.id, error.message)

    def _launch(self, app: Resource, revision: Resource) -> None:
        self.runners.launch(app, revision, self._became_ready, self._failed)

    def _became_ready(self, revision_id: str) -> None:
        """It takes its place in the traffic."""
        edit = {"provisioningError": None, "lastActiveTime": now()}
        revision = self._move("ready", revision_id, edit)
        app = self.store.get(parent_of(revision_id))
        if revision is None or app is None:
            return
        ready = app.properties["latestReadyRevisionName"]
        before = self.store.get(f"{app.id}/revisions/{ready}") if ready else None
        if before is None or (
            before.properties["createdTime"] <= revision.properties["createdTime"]
        ):
            app.properties["latestReadyRevisionName"] = revision.name
            self.store.put(app)
        message = "Successfully provisioned revision"
        self.events.tell(app.id, "Normal", "RevisionReady", message, revision.name)
        self._settle(app.id)

    def _failed(self, revision_id: str, reason: str) -> None:
        self._move("fail", revision_id, {"provisioningError": reason})

    def _move(
        self, name: str, revision_id: str, edit: dict[str, str | None] | None = None
    ) -> Resource | None:
        """Move a revision. None when it has gone, or is going."""
        revision = self.store.get(revision_id)
        if revision is None:
            return None
        revision.properties.update(edit or {})
        try:
            return self.changes.apply(name, revision, revision)
        except ArmError as error:
            _log.info("%s: no %s: %s", revision_id, name, error)
            return None

    def _settle(self, app_id: str) -> None:
        """Give the traffic to whom it belongs, and let go of what single mode has no place for."""
        self.runners.publish(app_id)
        app = self.store.get(app_id)
        if app is None:
            return
        newest = app.properties["latestRevisionName"]
        single = app.properties["configuration"]["activeRevisionsMode"] == "Single"
        if single and newest == app.properties["latestReadyRevisionName"]:
            for revision in self.revisions(app_id):
                if revision.state in ACTIVE and revision.name != newest:
                    self._deactivate(revision)
        self._forget_old(app)

    def deactivate(self, app: Resource, revision: Resource) -> None:
        """Out of the traffic at once; its replicas end when their requests are answered."""
        self._deactivate(revision)
        self._forget_old(app)

    def _deactivate(self, revision: Resource) -> None:
        if self._move("deactivate", revision.id):
            app_id, message = parent_of(revision.id), "Setting revision inactive"
            self.events.tell(app_id, "Normal", "RevisionDeactivating", message, revision.name)
            self.runners.dismiss(revision.id)

    def activate(self, app: Resource, revision: Resource) -> None:
        """Raises ArmError 400 when it refers to a secret that the app has no more."""
        self.runners.plan(app, revision)
        if self._move("activate", revision.id) and app.state in RUNS:
            self._launch(app, revision)

    def restart(self, app: Resource, revision: Resource) -> None:
        """Begin to put new replicas in the place of a revision's. Raises ArmError as `activate`."""
        if runner := self.runners.get(revision.id):
            runner.restart(self.runners.plan(app, revision), self.runners.limits(revision))

    def _forget_old(self, app: Resource) -> None:
        """Inactive revisions beyond maxInactiveRevisions go, the oldest first."""
        most = app.properties["configuration"]["maxInactiveRevisions"]
        inactive = [one for one in self.revisions(app.id) if one.state not in ACTIVE]
        for revision in inactive[: max(0, len(inactive) - most)]:
            self.store.delete(revision.id)


def _not_provisioned(app: str, details: str) -> ArmError:
    return bad_request(
        f"Failed to provision revision for container app '{app}'. Error details: {details}",
        code="ContainerAppOperationError",
    )
