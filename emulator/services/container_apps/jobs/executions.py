"""Executions of a job, and their replicas.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/jobs-executions
https://learn.microsoft.com/rest/api/resource-manager/containerapps/jobs/stop-execution

The replicas are not in the reference; `az containerapp job replica list` and `job logs show` ask
for them:
https://github.com/Azure/azure-cli-extensions/blob/main/src/containerapp/azext_containerapp/_clients.py
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request, not_found
from emulator.arm.fields import Fields, is_empty
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.ids import parent_of
from emulator.arm.odata import FilterError, FilterParser
from emulator.arm.resources import page, require, shown
from emulator.services.container_apps.jobs.execution_replica import ContainerRecord, ReplicaRecord
from emulator.services.container_apps.jobs.job_controller import JobController
from emulator.services.container_apps.operations import accepted
from emulator.services.container_apps.paths import (
    EXECUTION,
    EXECUTIONS,
    JOB,
    REPLICA_TYPE,
    stream_url,
)
from emulator.store import Resource

FIELDS = {"name": "name", "status": "status"}  # of $filter
_REPLICAS = EXECUTION + "/replicas"


class JobExecutions:
    ROUTES = (
        ("GET", EXECUTION, "get"),
        ("GET", EXECUTIONS, "list"),
        ("POST", EXECUTION + "/stop", "stop"),
        ("POST", JOB + "/stop", "stop_all"),
        # Where the API had it in 2023-04-01-preview, and where the az CLI asks for it still.
        ("POST", JOB + "/stop/{jobExecutionName}", "stop_at_once"),
        ("GET", _REPLICAS + "/{replicaName}", "get_replica"),
        ("GET", _REPLICAS, "list_replicas"),
    )

    def __init__(self, changes: Changes, controller: JobController) -> None:
        self.changes = changes
        self.store = changes.store
        self.controller = controller

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(self.shown(self._execution(request)))

    async def list(self, request: ArmRequest) -> ArmResponse:
        """The newest first. `$filter` compares status and name; `pageSize` is the az CLI's."""
        job = self._job(request)
        found = [self.shown(one) for one in self.controller.executions(job.id)]
        if text := request.query.get("$filter", ""):
            try:
                test = FilterParser(text, FIELDS, case_sensitive=False).parse()
            except FilterError as error:
                raise bad_request(
                    f"Invalid $filter '{text}': {error}", code="InvalidFilterInQueryString"
                ) from None
            found = [
                one
                for one in found
                if test({"name": one["name"], "status": one["properties"]["status"]})
            ]
        return page(request, found, size=_page_size(request))

    async def stop(self, request: ArmRequest) -> ArmResponse:
        execution = self._execution(request)
        operation = self.changes.begin("stop", execution, execution)
        location = self._job(request).body["location"]
        return accepted(operation, request, execution, status=202, location=location)

    async def stop_at_once(self, request: ArmRequest) -> ArmResponse:
        execution = self._execution(request)
        await self.changes.run("stop", execution, execution)
        return ArmResponse(f"Job Execution: {execution.name}, stopped successfully.")

    async def stop_all(self, request: ArmRequest) -> ArmResponse:
        """Stop what runs of a job, or of it what the body names, and answer when it has ended."""
        job = self._job(request)
        names = None
        if not is_empty(request.body):
            items = Fields(request.body).objects("value")
            names = {item.required_text("name").lower() for item in items}
        running = [
            one
            for one in self.controller.executions(job.id)
            if one.state == "Running" and (names is None or one.name.lower() in names)
        ]
        begun = [self.changes.begin("stop", one, one) for one in running]
        for outcome in await asyncio.gather(*map(self.changes.wait, begun), return_exceptions=True):
            if isinstance(outcome, ArmError):
                raise outcome
        stopped = [self.store.get(one.id) for one in running]
        return ArmResponse({"value": [self.shown(one) for one in stopped if one]})

    # Replicas

    async def get_replica(self, request: ArmRequest) -> ArmResponse:
        execution = self._execution(request)
        for replica in self.controller.replicas(execution):
            if replica.name == request.params["replicaName"]:
                return ArmResponse(self._shown_replica(execution, replica))
        raise not_found(request.id)

    async def list_replicas(self, request: ArmRequest) -> ArmResponse:
        """The newest first, of which the az CLI shows the logs unless it is told another."""
        execution = self._execution(request)
        replicas = reversed(self.controller.replicas(execution))
        return page(request, [self._shown_replica(execution, replica) for replica in replicas])

    # What they look like

    def _job(self, request: ArmRequest) -> Resource:
        return require(self.store, expand(JOB, request.params))

    def _execution(self, request: ArmRequest) -> Resource:
        self._job(request)
        return require(self.store, expand(EXECUTION, request.params))

    def shown(self, execution: Resource) -> dict[str, Any]:
        replicas = [
            {
                "name": replica.name,
                "containers": [
                    {
                        "name": one.name,
                        "code": one.code,
                        "additionalInformation": one.details,
                        "status": one.state,
                    }
                    for one in replica.containers
                    if not one.is_init
                ],
            }
            for replica in self.controller.replicas(execution)
        ]
        properties = {**execution.properties, "detailedStatus": {"replicas": replicas}}
        return {**shown(execution), "properties": properties}

    def _shown_replica(self, execution: Resource, replica: ReplicaRecord) -> dict[str, Any]:
        job = require(self.store, parent_of(execution.id))
        location = job.body["location"]
        of_job = f"{stream_url(job.id, location, 'jobs')}/executions/{execution.name}"
        url = f"{of_job}/replicas/{replica.name}/containers"

        def containers(*, init: bool) -> list[dict[str, Any]]:
            return [_container(one, url) for one in replica.containers if one.is_init is init]

        running = any(one.state == "Running" for one in replica.containers)
        return {
            "id": f"{execution.id}/replicas/{replica.name}",
            "name": replica.name,
            "type": REPLICA_TYPE,
            "properties": {
                "createdTime": replica.created,
                "runningState": "Running" if running else "NotRunning",
                "runningStateDetails": "",
                "containers": containers(init=False),
                "initContainers": containers(init=True),
            },
        }


def _container(one: ContainerRecord, url: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "containerId": one.id,
        "ready": one.state == "Running",
        "started": one.state == "Running",
        "restartCount": 0,
        "runningState": one.state,
        "runningStateDetails": one.details,
        "logStreamEndpoint": f"{url}/{one.name}/logstream",
        "execEndpoint": f"{url}/{one.name}/exec".replace("https://", "wss://"),
    }


def _page_size(request: ArmRequest) -> int:
    text = request.query.get("pageSize", "")
    if text and not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise ArmError(400, "InvalidQueryParameter", f"pageSize must be a number, not '{text}'.")
    return int(text or 0) or 100
