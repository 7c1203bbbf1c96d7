"""The hosts at which MLClient finds what is not in Resource Manager: discovery, run history, data.

Host: {region}.api.azureml.ms

What is here is what MLClient asks for to list, follow and download batch jobs; it was read out of
the clients in azure.ai.ml._restclient. All else is answered 501 with its name.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from emulator.arm.errors import not_emulated, not_found
from emulator.arm.fields import Fields
from emulator.arm.http import ArmResponse, Host, read_body, route
from emulator.arm.resources import require
from emulator.services.machine_learning.batch.host import host_name
from emulator.services.machine_learning.batch.job_views import (
    endpoint_job,
    output_asset,
    run_of,
    spec_of,
)
from emulator.services.machine_learning.batch.jobs_of import find_run, jobs_of
from emulator.services.machine_learning.batch.run_artifacts import RunArtifacts
from emulator.services.machine_learning.batch.tokens import Authenticate
from emulator.services.machine_learning.errors import bad_argument
from emulator.services.machine_learning.paths import BATCH_DEPLOYMENT, BATCH_ENDPOINT, WORKSPACE
from emulator.store import Resource, Store

API_SUFFIX = ".api.azureml.ms"
DISCOVERY = "/discovery"
_HISTORY = f"/history/v1.0{WORKSPACE}"
_RUN = _HISTORY + "/runs/{runId}"
_MANAGEMENT = "/mferp/managementfrontend"

Handler = Callable[[Request, dict[str, str], Any], Awaitable[ArmResponse]]


class WorkspaceApi(Host):
    """The ASGI application of these hosts."""

    # Not ROUTES, which are Resource Manager's.
    PATHS = (
        ("GET", _RUN, "get_run"),
        ("GET", _RUN + "/details", "get_details"),
        ("GET", _RUN + "/children", "list_children"),
        ("GET", _RUN + "/serviceinstances/{nodeId}", "get_service_instances"),
        ("POST", _HISTORY + "/rundata", "get_run_data"),
        ("POST", f"/data/v1.0{WORKSPACE}/dataversion/batchGetResolvedUris", "resolve_uris"),
        ("GET", f"{_MANAGEMENT}{BATCH_ENDPOINT}/jobs", "list_endpoint_jobs"),
        ("GET", f"{_MANAGEMENT}{BATCH_DEPLOYMENT}/jobs", "list_deployment_jobs"),
    )

    def __init__(self, store: Store, artifacts: RunArtifacts, authenticate: Authenticate) -> None:
        self.store = store
        self.artifacts = artifacts
        self.authenticate = authenticate
        self.routes = [
            route(method, template, getattr(self, name)) for method, template, name in self.PATHS
        ]

    async def answer(self, request: Request) -> ArmResponse:
        path = re.sub("/{2,}", "/", request.scope["path"]).rstrip("/") or "/"
        if path.lower() == DISCOVERY:
            host = host_name(request)
            return ArmResponse({"api": f"https://{host}", "studio": "https://ml.azure.com"})
        self.authenticate(request.headers.get("authorization"))
        segments = path.split("/")
        for each in self.routes:
            params = each.match(segments)
            if params is not None and each.method == request.method:
                handler: Any = each.handler
                answer: ArmResponse = await handler(request, params)
                return answer
        raise not_emulated(f"{request.method} {path} of the hosts of a workspace")

    # Run history

    async def get_run(self, request: Request, params: dict[str, str]) -> ArmResponse:
        return ArmResponse(run_of(self._job(params), params["runId"]))

    async def get_details(self, request: Request, params: dict[str, str]) -> ArmResponse:
        job, run = self._job(params), params["runId"]
        details = run_of(job, run)
        details["createdTimeUtc"] = details.pop("createdUtc")
        details["logFiles"] = self.artifacts.links(self._workspace(params), run)
        return ArmResponse(details)

    async def list_children(self, request: Request, params: dict[str, str]) -> ArmResponse:
        job = self._job(params)
        children = [run_of(job, spec_of(job).step)] if params["runId"] == job.name else []
        return ArmResponse({"value": children, "continuationToken": None, "nextLink": None})

    async def get_service_instances(self, request: Request, params: dict[str, str]) -> ArmResponse:
        """A batch job has no service that one could open."""
        self._job(params)
        return ArmResponse({"instances": {}})

    async def get_run_data(self, request: Request, params: dict[str, str]) -> ArmResponse:
        run = Fields(await read_body(request), refuse=bad_argument).required_text("runId")
        job = self._job({**params, "runId": run})
        return ArmResponse(
            {"runMetadata": run_of(job, run), "runDefinition": None, "jobSpecification": None}
        )

    # Data

    async def resolve_uris(self, request: Request, params: dict[str, str]) -> ArmResponse:
        wanted = Fields(await read_body(request), refuse=bad_argument).texts("values")
        outputs = {
            output_asset(spec): spec.output.uri
            for spec in map(spec_of, jobs_of(self.store, self._workspace(params)))
        }
        return ArmResponse(
            {
                "values": {
                    asset: {"uri": outputs[asset], "type": "uri_folder"}
                    for asset in wanted
                    if asset in outputs
                }
            }
        )

    # Jobs of endpoints

    async def list_endpoint_jobs(self, request: Request, params: dict[str, str]) -> ArmResponse:
        require(self.store, BATCH_ENDPOINT.format_map(params))
        jobs = jobs_of(self.store, self._workspace(params), params["endpointName"])
        return ArmResponse({"value": [endpoint_job(job, deployment=True) for job in jobs]})

    async def list_deployment_jobs(self, request: Request, params: dict[str, str]) -> ArmResponse:
        require(self.store, BATCH_DEPLOYMENT.format_map(params))
        names = (params["endpointName"], params["deploymentName"])
        jobs = jobs_of(self.store, self._workspace(params), *names)
        return ArmResponse({"value": [endpoint_job(job, deployment=True) for job in jobs]})

    # Parts

    def _workspace(self, params: dict[str, str]) -> Resource:
        return require(self.store, WORKSPACE.format_map(params))

    def _job(self, params: dict[str, str]) -> Resource:
        workspace = self._workspace(params)
        job = find_run(self.store, workspace, params["runId"])
        if job is None:
            raise not_found(f"{workspace.id}/jobs/{params['runId']}")
        return job
