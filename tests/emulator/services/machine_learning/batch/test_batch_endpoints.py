"""Batch endpoints and their deployments through MLClient."""

from __future__ import annotations

import pytest
from azure.ai.ml.entities import BatchEndpoint, BatchRetrySettings, ManagedOnlineEndpoint
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.emulator.services.arm import HOME, call


def test_the_life_of_an_endpoint(ml_client, batch):
    made = batch.endpoint(description="for scoring", tags={"of": "tests"})
    assert made.provisioning_state == "Succeeded"
    assert made.auth_mode == "aad_token"
    assert made.scoring_uri == f"https://{made.name}.westeurope.inference.ml.azure.com/jobs"
    assert made.name in [endpoint.name for endpoint in ml_client.batch_endpoints.list()]
    made.description = "for more"
    ml_client.batch_endpoints.begin_create_or_update(made).result()
    found = ml_client.batch_endpoints.get(made.name)
    assert (found.description, found.tags) == ("for more", {"of": "tests"})
    assert found.defaults.deployment_name is None
    ml_client.batch_endpoints.begin_delete(made.name).result()
    with pytest.raises(ResourceNotFoundError):
        ml_client.batch_endpoints.get(made.name)


def test_endpoints_that_cannot_be(ml_client, batch):
    taken = batch.endpoint().name
    online = ManagedOnlineEndpoint(name=taken, auth_mode="key")
    with pytest.raises(HttpResponseError, match="already an endpoint with this name"):
        ml_client.online_endpoints.begin_create_or_update(online).result()
    keyed = BatchEndpoint(name=f"{taken}-k", auth_mode="key")
    with pytest.raises(HttpResponseError, match="Entra ID alone"):
        ml_client.batch_endpoints.begin_create_or_update(keyed).result()
    led_astray = BatchEndpoint(name=taken, default_deployment_name="nobody")
    with pytest.raises(HttpResponseError, match="'nobody' does not exist"):
        ml_client.batch_endpoints.begin_create_or_update(led_astray).result()
    answer = call("POST", f"{HOME}/batchEndpoints/{taken}/listkeys")
    assert (answer.status_code, "AADToken" in answer.text) == (400, True)


def test_the_life_of_a_deployment(ml_client, batch):
    endpoint = batch.endpoint().name
    settings = {
        "mini_batch_size": 2,
        "instance_count": 2,
        "max_concurrency_per_instance": 3,
        "error_threshold": 4,
        "output_action": "append_row",
        "output_file_name": "scores.csv",
        "retry_settings": BatchRetrySettings(max_retries=1, timeout=20),
        "logging_level": "warning",
        "environment_variables": {"ONE": "1"},
    }
    made = batch.deploy(endpoint, settings=settings, description="first")
    assert made.provisioning_state == "Succeeded"
    found = ml_client.batch_deployments.get("blue", endpoint)
    assert (found.mini_batch_size, found.instance_count, found.error_threshold) == (2, 2, 4)
    assert (found.output_file_name, found.max_concurrency_per_instance) == ("scores.csv", 3)
    assert (found.retry_settings.max_retries, found.retry_settings.timeout) == (1, 20)
    assert found.environment_variables == {"ONE": "1"}
    assert found.compute.endswith("/computes/batch-tests")
    assert found.model.endswith("/models/greeting/versions/1")
    assert [each.name for each in ml_client.batch_deployments.list(endpoint)] == ["blue"]
    assert ml_client.batch_endpoints.get(endpoint).defaults.deployment_name == "blue"

    answer = call("DELETE", f"{HOME}/models/greeting/versions/1")
    assert (answer.status_code, "is used by the deployment" in answer.text) == (409, True)
    with pytest.raises(HttpResponseError, match="is the default of the endpoint"):
        ml_client.batch_deployments.begin_delete("blue", endpoint).result()
    batch.deploy(endpoint, "green")
    ml_client.batch_deployments.begin_delete("blue", endpoint).result()
    assert [each.name for each in ml_client.batch_deployments.list(endpoint)] == ["green"]


def test_deployments_that_cannot_be(ml_client, batch):
    endpoint = batch.endpoint().name

    def refused(**extra: object) -> str:
        wanted = batch.wanted(endpoint, **extra)
        with pytest.raises(HttpResponseError) as refusal:
            ml_client.batch_deployments.begin_create_or_update(wanted).result()
        return str(refusal.value)

    assert "compute" in refused(compute="nowhere")
    assert "Could not find driver program" in refused(code_configuration=None, environment=None)
    assert "needs an environment" in refused(environment=None)
    assert "the name of a file" in refused(settings={"output_file_name": "a/b.csv"})
    assert "ResourceNotFound" in refused(model="azureml:nobody:1")
    pipeline = {
        "location": "westeurope",
        "properties": {
            "deploymentConfiguration": {"deploymentConfigurationType": "PipelineComponent"}
        },
    }
    answer = call("PUT", f"{HOME}/batchEndpoints/{endpoint}/deployments/pipe", pipeline)
    assert (answer.status_code, "pipeline component" in answer.text) == (501, True)
