"""Jobs in Resource Manager: those of batch endpoints.

https://learn.microsoft.com/rest/api/azureml/jobs
"""

from __future__ import annotations

from emulator.arm.changes import Changes
from emulator.arm.errors import not_emulated, not_found
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import system_data
from emulator.arm.operations import Operations
from emulator.arm.resources import page, require, shown
from emulator.services.machine_learning.batch.job_lifecycle import JobLifecycle
from emulator.services.machine_learning.batch.jobs_of import find_run, jobs_of
from emulator.services.machine_learning.errors import bad_argument, user_error
from emulator.services.machine_learning.paths import JOB, JOB_TYPE, JOBS, require_workspace
from emulator.store import Resource, Store

VIEWS = {"activeonly": (False,), "archivedonly": (True,), "all": (False, True)}
# Ways to narrow a list down that are left out. To answer the whole list instead would be wrong.
FILTERS = frozenset({"assetName", "properties", "scheduleId", "tag"})


class Jobs:
    ROUTES = (
        ("GET", JOBS, "list"),
        ("DELETE", JOB, "delete"),
        ("GET", JOB, "get"),
        ("PUT", JOB, "create_or_update"),
        ("POST", JOB + "/cancel", "cancel"),
    )

    def __init__(
        self, store: Store, operations: Operations, changes: Changes, lifecycle: JobLifecycle
    ) -> None:
        self.store = store
        self.operations = operations
        self.changes = changes
        self.lifecycle = lifecycle

    async def list(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        name = request.query.get("listViewType", "ActiveOnly")
        view = VIEWS.get(name.lower())
        if view is None:
            raise user_error(400, f"listViewType is ActiveOnly, ArchivedOnly or All, not '{name}'.")
        if unknown := FILTERS & set(request.query):
            raise not_emulated(f"lists of jobs filtered by {', '.join(sorted(unknown))}")
        kind = request.query.get("jobType", "Pipeline").lower()
        found = [
            job
            for job in jobs_of(self.store, workspace)
            if job.properties["isArchived"] in view and kind == "pipeline"
        ]
        return page(request, [shown(job) for job in found])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        job = self.store.get(request.id)
        if job is None:
            return ArmResponse(None, 204)
        operation = self.changes.begin("delete", job, job)
        return self.operations.accepted(operation, request, workspace.body["location"], status=202)

    async def get(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        name = request.params["id"]
        job = find_run(self.store, workspace, name)
        if job is None:
            raise not_found(request.id)
        if job.name.lower() != name.lower():
            # A step is shown without its properties: MLClient asks the run history for it then.
            return ArmResponse(
                {"id": request.id, "name": name, "type": JOB_TYPE, "properties": None}
            )
        return ArmResponse(shown(job))

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        """PUT: what is said of a job that there is."""
        require_workspace(self.store, request)
        properties = Fields(request.body, refuse=bad_argument).object("properties", required=True)
        job = self.store.get(request.id)
        if job is None:
            kind = properties.text("jobType") or "Command"
            raise not_emulated(f"jobs of the type {kind[:40]}, only those of batch endpoints")
        job.properties["isArchived"] = properties.flag("isArchived", job.properties["isArchived"])
        for name in ("displayName", "description"):
            if properties.is_named(name):
                job.properties[name] = properties.text(name)
        if properties.is_named("tags"):
            job.properties["tags"] = properties.mapping("tags")
        job.body["systemData"] = system_data(request.claims, job.body["systemData"])
        return ArmResponse(shown(self.store.put(job)))

    async def cancel(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        job = self._job(request)
        operation = self.lifecycle.cancel(job)
        return self.operations.accepted(operation, request, workspace.body["location"], status=202)

    def _job(self, request: ArmRequest) -> Resource:
        return require(self.store, request.parent)
