"""A batch job as Azure's services show it: Resource Manager, the endpoint, the run history.

https://learn.microsoft.com/rest/api/azureml/jobs
https://github.com/ansible-collections/azure/blob/dev/plugins/modules/azure_rm_ml_batch_endpoint_info.py
"""

from __future__ import annotations

from typing import Any

from emulator.arm.ids import name_of, parent_of, resource_group_of, subscription_of
from emulator.defaults import TENANT
from emulator.services.machine_learning.batch.job_spec import JobSpec
from emulator.services.machine_learning.batch.run_artifacts import data_container
from emulator.services.machine_learning.paths import BATCH_ENDPOINT_TYPE
from emulator.store import Resource

STEP = "batchscoring"  # the display name of the step
OUTPUT = "score"
STUDIO = "https://ml.azure.com"


def spec_of(job: Resource) -> JobSpec:
    return JobSpec.of(job.private["job"])


def pipeline_properties(job_id: str, spec: JobSpec, location: str) -> dict[str, Any]:
    """The properties of a job in Resource Manager: a pipeline whose steps it does not show."""
    return {
        "description": None,
        "properties": {
            "azureml.DevPlatv2": "true",
            "azureml.deploymentname": spec.deployment_name,
            "azureml.endpointname": spec.endpoint,
            "azureml.pipelineComponent": "pipelinerun",
            "azureml.runsource": "azureml.PipelineRun",
            "runSource": "BatchDeployment",
            "runType": "HTTP",
        },
        # MLClient looks at the first to know where the scores are.
        "tags": {
            "azureml.batchrun": "true",
            "azureml.deploymentname": spec.deployment_name,
            "azureml.jobtype": "azureml.batchjob",
        },
        "displayName": spec.display_name,
        "status": "NotStarted",
        "experimentName": spec.experiment,
        "services": services(job_id, location),
        "computeId": None,
        "isArchived": False,
        "identity": None,
        "componentId": None,
        "jobType": "Pipeline",
        "settings": {},
        "jobs": {},
        "inputs": {},
        "outputs": {},
        "sourceJobId": None,
    }


def services(job_id: str, location: str) -> dict[str, Any]:
    workspace = parent_of(job_id)
    place = (
        f"/subscriptions/{subscription_of(job_id)}/resourcegroups/{resource_group_of(job_id)}"
        f"/workspaces/{name_of(workspace)}"
    )
    endpoints = {
        "Tracking": f"azureml://{location}.api.azureml.ms/mlflow/v1.0{workspace}?",
        "Studio": f"{STUDIO}/runs/{name_of(job_id)}?wsid={place}",
    }
    return {
        name: {
            "jobServiceType": name,
            "port": None,
            "endpoint": endpoint,
            "status": None,
            "errorMessage": None,
            "properties": None,
            "nodes": None,
        }
        for name, endpoint in endpoints.items()
    }


def endpoint_job(job: Resource, *, deployment: bool = False) -> dict[str, Any]:
    """The job as its endpoint shows it, or a deployment of that."""
    spec = spec_of(job)
    kind = BATCH_ENDPOINT_TYPE + ("/deployments" if deployment else "")
    place = f"{parent_of(job.id)}/batchEndpoints/{spec.endpoint}"
    if deployment:
        place += f"/deployments/{spec.deployment_name}"
    settings = spec.deployment
    ended = job.state == "Completed"
    return {
        "id": f"{place}/jobs/{job.name}",
        "name": job.name,
        "type": f"{kind}/jobs",
        "properties": {
            "name": spec.display_name,
            "description": None,
            "status": job.properties["status"],
            "provisioningState": "Succeeded",
            "compute": {"isLocal": False, "instanceCount": settings.instance_count},
            "errorThreshold": settings.error_threshold,
            "miniBatchSize": settings.mini_batch_size,
            "outputFileName": settings.output_file,
            "retrySettings": settings.retries.to_body(),
            "interactionEndpoints": {
                name: {"endpoint": service["endpoint"], "jobEndpointType": name}
                for name, service in job.properties["services"].items()
            },
            "inputData": {spec.data.name: {"jobInputType": spec.data.kind, "uri": spec.data.uri}},
            "outputData": {
                OUTPUT: {
                    "jobOutputType": "UriFile",
                    "mode": "ReadWriteMount",
                    "uri": f"{spec.output.uri}{spec.output.file}",
                }
            }
            if ended
            else None,
            "output": {},
            "properties": job.properties["properties"],
            "tags": job.properties["tags"],
        },
        "systemData": job.body["systemData"],
    }


def run_of(job: Resource, run: str) -> dict[str, Any]:
    """A run of the job in the run history: the pipeline, or its step."""
    spec, is_step = spec_of(job), run != job.name
    failure = job.private.get("failure")
    who = {"userName": job.body["systemData"]["createdBy"], "userTenantId": TENANT}
    return {
        "runId": run,
        "rootRunId": job.name,
        "parentRunId": job.name if is_step else None,
        "experimentId": spec.experiment,
        "displayName": STEP if is_step else spec.display_name,
        "description": None,
        "status": job.properties["status"],
        "createdUtc": job.private["created"],
        "startTimeUtc": job.private.get("started"),
        "endTimeUtc": job.private.get("ended"),
        "lastModifiedUtc": job.body["systemData"]["lastModifiedAt"],
        "lastModifiedBy": who,
        "createdBy": who,
        "runType": "azureml.StepRun" if is_step else "azureml.PipelineRun",
        "dataContainerId": data_container(run).removeprefix("ExperimentRun/"),
        "hidden": False,
        "target": name_of(spec.deployment.compute) if is_step else None,
        "compute": {
            "target": name_of(spec.deployment.compute),
            "targetType": "amlcompute",
            "instanceCount": spec.deployment.instance_count,
        }
        if is_step
        else None,
        "error": {"error": {"code": "UserError", "message": failure}} if failure else None,
        "warnings": [
            {"source": "local Azure", "message": said} for said in job.private.get("warnings", ())
        ],
        "tags": {} if is_step else job.properties["tags"],
        "properties": {"azureml.deploymentname": spec.deployment_name}
        if is_step
        else job.properties["properties"],
        "parameters": {},
        "services": {},
        "inputs": {},
        "outputs": {OUTPUT: {"assetId": output_asset(spec), "type": "uri_folder"}}
        if is_step
        else {},
    }


def output_asset(spec: JobSpec) -> str:
    """The id under which the run history knows the step's output."""
    return f"azureml://data/azureml_{spec.step}_output_data_{OUTPUT}/versions/1"
