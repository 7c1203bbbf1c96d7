"""Container Apps jobs. Their states are in states.py, what makes them run in job_controller.py.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/jobs
"""

from __future__ import annotations

import re

from emulator.arm.changes import Changes
from emulator.arm.errors import bad_request, conflict
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import system_data
from emulator.arm.locations import check_location
from emulator.arm.managed_identity import shown_identity
from emulator.arm.merge_patch import merge
from emulator.arm.resources import page, require, shown
from emulator.services.container_apps.app_spec import read_its_identity
from emulator.services.container_apps.environments import ManagedEnvironments, profile_of
from emulator.services.container_apps.jobs.errors import invalid_job
from emulator.services.container_apps.jobs.job_controller import JobController
from emulator.services.container_apps.jobs.job_spec import JobSpec
from emulator.services.container_apps.jobs.job_trigger import CONFIGURATIONS
from emulator.services.container_apps.jobs.states import IDLE_JOB, SUSPENDED, refuse_job
from emulator.services.container_apps.operations import accepted
from emulator.services.container_apps.paths import (
    JOB,
    JOB_TYPE,
    JOBS,
    SUBSCRIPTION_JOBS,
    stream_url,
)
from emulator.services.container_apps.stream_token import IssueToken, stream_token
from emulator.store import Resource

_NAME = re.compile(r"(?=.{2,32}$)[a-z](?!.*--)[a-z0-9-]*[a-z0-9]")


class ContainerAppsJobs:
    """`issue_token` signs a token for an audience that is good for some seconds."""

    ROUTES = (
        ("PUT", JOB, "create_or_update"),
        ("DELETE", JOB, "delete"),
        ("GET", JOB, "get"),
        ("POST", JOB + "/getAuthToken", "get_auth_token"),
        ("GET", JOBS, "list"),
        ("GET", SUBSCRIPTION_JOBS, "list"),
        ("POST", JOB + "/listSecrets", "list_secrets"),
        ("POST", JOB + "/resume", "resume"),
        ("POST", JOB + "/start", "start"),
        ("POST", JOB + "/suspend", "suspend"),
        ("PATCH", JOB, "update"),
    )

    def __init__(
        self,
        changes: Changes,
        environments: ManagedEnvironments,
        controller: JobController,
        issue_token: IssueToken,
    ) -> None:
        self.changes = changes
        self.store = changes.store
        self.environments = environments
        self.controller = controller
        self.issue_token = issue_token

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        name = request.params["jobName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"Invalid ContainerAppsJob name '{name}'. A name must consist of lower case "
                "alphanumeric characters or '-', start with a letter, end with an alphanumeric "
                "character, cannot have '--', and must be 2 to 32 characters.",
                code="ContainerAppsJobInvalidName",
                target="jobName",
            )
        return self._put(request, self.store.get(request.id), request.body)

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: what is given takes the place of what was; null takes it away."""
        job = require(self.store, request.id)
        spec = JobSpec.stored(job)
        before = spec.to_request(job.body["location"])
        patch = Fields(request.body, refuse=invalid_job)
        configuration = patch.object("properties").object("configuration")
        kept = before["properties"]["configuration"]
        if configuration.text("triggerType", kept["triggerType"]) != kept["triggerType"]:
            for name in CONFIGURATIONS.values():
                kept.pop(name)
        identity = read_its_identity(patch, spec.identity, merge=True).to_request()
        return self._put(request, job, {**merge(before, patch.value), "identity": identity})

    def _put(self, request: ArmRequest, before: Resource | None, body: object) -> ArmResponse:
        if before and before.state not in IDLE_JOB:
            raise refuse_job(before, "put")
        fields = Fields(body, refuse=invalid_job)
        location = check_location(fields.raw("location"), JOB_TYPE)
        spec = JobSpec.read(body, before.name if before else request.params["jobName"])
        wanted = spec.environment_id or (before.properties["environmentId"] if before else "")
        environment = self.environments.require(wanted, location)
        if before and before.properties["environmentId"].lower() != environment.id.lower():
            raise bad_request(
                "A container apps job cannot move to another environment.",
                code="ContainerAppsJobEnvironmentCannotChange",
                target="properties.environmentId",
            )
        job = self._build(request, spec, environment, before)
        move = "put-suspended" if before and before.state in SUSPENDED else "put"
        operation = self.changes.begin(move, job, before)
        status = 202 if request.method == "PATCH" else 201
        return accepted(operation, request, job, shown(job), status=status)

    def _build(
        self, request: ArmRequest, spec: JobSpec, environment: Resource, before: Resource | None
    ) -> Resource:
        job_id, location = before.id if before else request.id, environment.body["location"]
        job = Resource(
            job_id,
            JOB_TYPE,
            {
                "location": location,
                "systemData": system_data(
                    request.claims, before.body.get("systemData") if before else None
                ),
                "properties": {
                    "environmentId": environment.id,
                    "workloadProfileName": profile_of(spec.profile, environment),
                    "outboundIpAddresses": [environment.properties["staticIp"]],
                    "eventStreamEndpoint": f"{stream_url(job_id, location)}/eventstream",
                },
            },
        )
        spec.put_into(job)
        job.body["identity"] = shown_identity(
            spec.identity, self.store, job_id, before.body if before else None
        )
        return job

    async def delete(self, request: ArmRequest) -> ArmResponse:
        job = self.store.get(request.id)
        if job is None:
            return ArmResponse(None, 204)
        operation = self.changes.begin("delete", job, job)
        return accepted(operation, request, job, status=202)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(require(self.store, request.id)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.partition("/providers/")[0]
        return page(request, [shown(job) for job in self.store.of_type(JOB_TYPE, scope)])

    async def get_auth_token(self, request: ArmRequest) -> ArmResponse:
        """A token for the log streams of this job."""
        return stream_token(require(self.store, request.parent), self.issue_token)

    async def list_secrets(self, request: ArmRequest) -> ArmResponse:
        job = require(self.store, request.parent)
        values: dict[str, str] = job.private["secrets"]
        return ArmResponse({"value": [{"name": key, "value": values[key]} for key in values]})

    async def start(self, request: ArmRequest) -> ArmResponse:
        """Begin an execution. The answer has its name at once, as Azure's has."""
        job = require(self.store, request.parent)
        if job.state not in IDLE_JOB:
            raise refuse_job(job, "start")
        if job.state in SUSPENDED:
            raise conflict(
                f"The job '{job.name}' is suspended. Resume it to start it.",
                code="ContainerAppsJobSuspended",
            )
        template = None
        if request.body not in (None, {}):
            spec = JobSpec.stored(job)
            template = spec.template.overridden(request.body, spec.configuration.secret_values)
        execution = self.controller.start(job, template=template)
        return ArmResponse({"id": execution.id, "name": execution.name})

    async def suspend(self, request: ArmRequest) -> ArmResponse:
        """No schedule starts it any more. What runs already runs on."""
        return self._switch(request, "suspend")

    async def resume(self, request: ArmRequest) -> ArmResponse:
        return self._switch(request, "resume")

    def _switch(self, request: ArmRequest, move: str) -> ArmResponse:
        job = require(self.store, request.parent)
        has_failed = job.state in ("Failed", "SuspendedFailed")
        return ArmResponse(
            shown(self.changes.apply(f"{move}-failed" if has_failed else move, job, job))
        )
