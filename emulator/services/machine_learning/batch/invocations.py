"""The host of a batch endpoint: a POST to it is a job.

https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-batch-endpoint
https://learn.microsoft.com/azure/machine-learning/how-to-access-data-batch-endpoints-jobs

Host: {endpoint}.{region}.inference.ml.azure.com
"""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request

from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmResponse, Host, read_body
from emulator.arm.ids import new_guid, parent_of, system_data
from emulator.arm.resources import require
from emulator.services.machine_learning.batch.deployment_spec import batch_deployment_of
from emulator.services.machine_learning.batch.endpoint_spec import batch_endpoint_of
from emulator.services.machine_learning.batch.endpoints import BatchEndpoints
from emulator.services.machine_learning.batch.host import host_name
from emulator.services.machine_learning.batch.invocation_request import (
    InvocationReader,
    default_output,
)
from emulator.services.machine_learning.batch.job_lifecycle import new_job
from emulator.services.machine_learning.batch.job_spec import JobSpec
from emulator.services.machine_learning.batch.job_views import endpoint_job, pipeline_properties
from emulator.services.machine_learning.batch.tokens import Authenticate
from emulator.services.machine_learning.errors import bad_argument
from emulator.store import Resource, Store

# https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-batch-endpoints#no-valid-deployments-to-route
NO_DEPLOYMENT = (
    "No valid deployments to route to. Please check that the endpoint has at least one deployment "
    "with positive weight values or use a deployment specific header to route."
)
DEPLOYMENT_HEADER = "azureml-model-deployment"


class Invocations(Host):
    """The ASGI application of the hosts of batch endpoints."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        endpoints: BatchEndpoints,
        reader: InvocationReader,
        authenticate: Authenticate,
    ) -> None:
        self.store = store
        self.changes = changes
        self.endpoints = endpoints
        self.reader = reader
        self.authenticate = authenticate

    async def answer(self, request: Request) -> ArmResponse:
        host = host_name(request)
        endpoint = self.endpoints.at(host)
        if endpoint is None:
            raise ArmError(404, "NotFound", f"There is no batch endpoint at {host}.")
        claims = self.authenticate(request.headers.get("authorization"))
        if request.url.path.rstrip("/") != "/jobs":
            raise ArmError(404, "NotFound", "A batch endpoint is invoked at /jobs.")
        if request.method != "POST":
            raise not_emulated(f"{request.method} on a batch endpoint, only POST /jobs")
        deployment = self._deployment(endpoint, request.headers.get(DEPLOYMENT_HEADER))
        body = Fields(await read_body(request), refuse=bad_argument)
        job = self._submit(deployment, body.object("properties", required=True), claims)
        return ArmResponse(endpoint_job(job), 201, {DEPLOYMENT_HEADER: deployment.name})

    def _deployment(self, endpoint: Resource, asked: str | None) -> Resource:
        name = asked or batch_endpoint_of(endpoint.body).default
        if not name:
            raise ArmError(404, "NotFound", NO_DEPLOYMENT)
        found = self.store.get(f"{endpoint.id}/deployments/{name}")
        if found is None:
            raise ArmError(
                404, "NotFound", f"Specified deployment could not be found: '{name[:80]}'."
            )
        return found

    def _submit(self, deployment: Resource, properties: Fields, claims: dict[str, Any]) -> Resource:
        endpoint = require(self.store, parent_of(deployment.id))
        workspace = require(self.store, parent_of(endpoint.id))
        asked = self.reader.read(workspace, batch_deployment_of(deployment.body), properties)
        step = new_guid()
        spec = JobSpec(
            endpoint=endpoint.name,
            deployment_name=deployment.name,
            deployment=asked.deployment,
            step=step,
            display_name=asked.display_name or f"{deployment.name}_{secrets.token_hex(5)}",
            experiment=asked.experiment or endpoint.name,
            data=asked.data,
            output=asked.output
            or default_output(self.store, workspace, step, asked.deployment.output_file),
        )
        job_id = f"{workspace.id}/jobs/batchjob-{new_guid()}"
        body = {
            "properties": pipeline_properties(job_id, spec, workspace.body["location"]),
            "systemData": system_data(claims),
        }
        job = new_job(job_id, spec, body)
        self.changes.begin("run", job, None)
        return job
