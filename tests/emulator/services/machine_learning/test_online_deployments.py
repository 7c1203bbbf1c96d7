"""Online deployments through MLClient: they really run, and every way in which they fail."""

from __future__ import annotations

import json
import re

import pytest
import requests
from azure.ai.ml import load_online_deployment
from azure.ai.ml.entities import Environment, Model, OnlineRequestSettings, ProbeSettings
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.emulator.services.arm import HOME
from tests.emulator.services.arm import call as arm
from tests.emulator.services.deployments import CONDA, ECHO, inference_servers
from tests.waiting import until


@pytest.fixture
def served(bench):
    """An endpoint with one deployment that gets all the traffic."""
    name = bench.endpoint().name
    bench.deploy(name, "blue")
    bench.send_traffic(name, blue=100)
    return name


def test_a_deployment_runs_the_script_with_the_model(ml_client, bench, served):
    answer = bench.caller(served)({"digit": 7})
    assert answer.status_code == 200
    assert answer.json() == {"greeting": "hello", "asked": {"digit": 7}, "name": "blue"}
    assert answer.headers["azureml-model-deployment"] == "blue"


def test_invoke_through_the_sdk_with_and_without_a_deployment(ml_client, served, tmp_path):
    request = tmp_path / "request.json"
    request.write_text('{"n": 1}')
    for name in (None, "blue"):
        answer = ml_client.online_endpoints.invoke(
            served, request_file=str(request), deployment_name=name
        )
        assert json.loads(answer)["asked"] == {"n": 1}


def test_what_get_and_list_show(ml_client, served):
    found = ml_client.online_deployments.get("blue", served)
    assert found.provisioning_state == "Succeeded"
    assert (found.instance_type, found.instance_count) == ("Standard_D4as_v4", 1)
    assert found.request_settings.request_timeout_ms == 5000
    assert re.search(r"models/greeting/versions/1$", found.model)
    assert [one.name for one in ml_client.online_deployments.list(served)] == ["blue"]


def test_new_deployments_get_no_traffic(ml_client, bench):
    name = bench.endpoint().name
    bench.deploy(name, "blue")
    assert ml_client.online_endpoints.get(name).traffic.get("blue", 0) == 0
    call = bench.caller(name)
    assert call({}).status_code == 404
    assert call({}, headers={"azureml-model-deployment": "blue"}).status_code == 200


def test_the_logs_of_both_containers(ml_client, bench, served):
    bench.caller(served)({"a": 1})
    server = ml_client.online_deployments.get_logs("blue", served, 100)
    assert "init has read the model" in server
    assert "run was called with ['a']" in server
    assert "UserContainerStart: Succeeded" in server
    storage = ml_client.online_deployments.get_logs(
        "blue", served, 100, container_type="storage-initializer"
    )
    assert "greeting" in storage
    two = ml_client.online_deployments.get_logs("blue", served, 2)
    assert len(two.split("Container logs:\n")[1].strip().splitlines()) == 2


def test_a_deployment_from_yaml(ml_client, bench, tmp_path):
    name = bench.endpoint().name
    bench.model(), bench.environment()
    code = bench.code()
    (tmp_path / "conda.yaml").write_text(CONDA)
    file = tmp_path / "blue.yml"
    file.write_text(
        f"name: blue\nendpoint_name: {name}\n"
        "model:\n  path: ./greeting.txt\n"
        "environment:\n  conda_file: ./conda.yaml\n"
        "  image: mcr.microsoft.com/azureml/minimal-ubuntu22.04-py311-cpu-inference:latest\n"
        f"code_configuration:\n  code: {code.code}\n  scoring_script: score.py\n"
        "instance_type: Standard_D4as_v4\ninstance_count: 1\n"
    )
    made = ml_client.begin_create_or_update(load_online_deployment(file)).result()
    assert made.provisioning_state == "Succeeded"


def test_scaling_starts_and_stops_instances(local_azure, ml_client, bench, served):
    deployment = ml_client.online_deployments.get("blue", served)
    before = inference_servers(local_azure)
    for count in (3, 1):
        deployment.instance_count = count
        scaled = ml_client.online_deployments.begin_create_or_update(deployment).result()
        assert scaled.instance_count == count
        until(lambda count=count: len(inference_servers(local_azure)) == len(before) + count - 1)
    assert bench.caller(served)({}).status_code == 200


def test_an_update_replaces_the_version_without_a_gap(ml_client, bench, served):
    call = bench.caller(served)
    changed = ECHO.replace('"greeting": greeting', '"greeting": greeting.upper()')
    poller = ml_client.online_deployments.begin_create_or_update(
        bench.wanted(served, script=changed)
    )
    statuses = set()
    while not poller.done():
        statuses.add(call({}).status_code)
    assert statuses == {200}
    poller.result()
    assert call({}).json()["greeting"] == "HELLO"


def test_a_version_that_was_registered_anew_is_served_as_it_is_now(
    ml_client, bench, served, tmp_path, unique
):
    file = tmp_path / "greeting.txt"

    def register(greeting: str) -> Model:
        file.write_text(greeting)
        wanted = Model(name=f"letter-{unique}", version="1", path=str(file))
        return ml_client.models.create_or_update(wanted)

    call = bench.caller(served)
    bench.deploy(served, model=register("before"))
    assert call({}).json()["greeting"] == "before"
    bench.deploy(served)  # another model, so that the version can be deleted
    assert arm("DELETE", f"{HOME}/models/letter-{unique}/versions/1").status_code == 200
    bench.deploy(served, model=register("after"))
    assert call({}).json()["greeting"] == "after"


def test_a_failed_update_leaves_the_old_version_serving(ml_client, bench, served):
    with pytest.raises(HttpResponseError, match="ResourceNotReady"):
        bench.deploy(served, "blue", script="import nowhere_to_be_found\n" + ECHO)
    assert ml_client.online_deployments.get("blue", served).provisioning_state == "Failed"
    assert bench.caller(served)({}).json()["greeting"] == "hello"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (ECHO.replace("global greeting", "raise RuntimeError('no weights')"), "no weights"),
        ("import a_package_nobody_wrote\n", "a_package_nobody_wrote"),
        ("def run(data):\n    return data\n", "init"),
    ],
)
def test_a_script_that_cannot_start_fails_with_its_traceback_in_the_log(
    ml_client, bench, script, said
):
    name = bench.endpoint().name
    with pytest.raises(HttpResponseError) as failed:
        bench.deploy(name, "blue", script=script)
    assert failed.value.error.code == "ResourceNotReady"
    assert ml_client.online_deployments.get("blue", name).provisioning_state == "Failed"
    log = ml_client.online_deployments.get_logs("blue", name, 200)
    assert said in log
    assert "UserContainerStart: Failed" in log


def test_one_that_never_came_up_takes_no_update_and_is_made_anew(ml_client, bench):
    name = bench.endpoint().name
    with pytest.raises(HttpResponseError):
        bench.deploy(name, "blue", script="1/0\n")
    with pytest.raises(HttpResponseError, match=r"\[blue\].*Delete and re-create") as refused:
        bench.deploy(name, "blue")
    assert refused.value.status_code == 400
    assert refused.value.error.code == "BadRequest"
    assert refused.value.error.details[0].code == "InferencingClientCallFailed"
    assert ml_client.online_deployments.get("blue", name).provisioning_state == "Failed"
    assert "ZeroDivisionError" in ml_client.online_deployments.get_logs("blue", name, 200)
    ml_client.online_deployments.begin_delete("blue", name).result()
    assert bench.deploy(name, "blue").provisioning_state == "Succeeded"


def test_one_whose_update_failed_takes_another_update(ml_client, bench):
    name = bench.endpoint().name
    bench.deploy(name, "blue")
    with pytest.raises(HttpResponseError, match="ResourceNotReady"):
        bench.deploy(name, "blue", script="1/0\n")
    assert bench.deploy(name, "blue").provisioning_state == "Succeeded"


def test_a_package_that_cannot_be_installed_is_an_image_build_failure(ml_client, bench):
    name = bench.endpoint().name
    conda = CONDA + "  - a-package-that-nobody-ever-published==99.9\n"
    with pytest.raises(HttpResponseError) as failed:
        bench.deploy(name, "blue", environment=bench.environment(conda))
    assert failed.value.error.code == "ImageBuildFailure"
    log = ml_client.online_deployments.get_logs("blue", name, 200)
    assert "a-package-that-nobody-ever-published" in log


def test_a_package_that_is_not_in_the_list_is_not_there(ml_client, bench):
    """Though the Python that serves has it, for others that list it."""
    name = bench.endpoint().name
    script = (
        "import numpy\n\ndef init():\n    pass\n\ndef run(data):\n    return numpy.__version__\n"
    )
    with pytest.raises(HttpResponseError, match="ResourceNotReady"):
        bench.deploy(name, "blue", script=script)
    log = ml_client.online_deployments.get_logs("blue", name, 200)
    assert "Traceback (most recent call last)" in log
    assert "ModuleNotFoundError: No module named 'numpy'" in log
    bench.deploy(name, "green", script=script, environment=bench.environment(CONDA + "  - numpy\n"))
    assert bench.caller(name)(headers={"azureml-model-deployment": "green"}).ok


@pytest.mark.parametrize(
    "environment",
    [
        Environment(image="mcr.microsoft.com/azureml/minimal-py311-inference"),
        "azureml://registries/azureml/environments/minimal-py311-inference/labels/latest",
    ],
    ids=["an image", "an environment of the registry"],
)
def test_an_image_for_inference_alone(bench, environment):
    name = bench.endpoint().name
    script = (
        "import joblib, os\n\ndef init():\n    pass\n\n"
        "def run(data):\n    return [os.environ[name] for name in ('WHOLE', 'PART', 'FLAG')]\n"
    )
    deployed = bench.deploy(
        name,
        "blue",
        script=script,
        environment=environment,
        # As YAML has them where they stand without quotes.
        environment_variables={"WHOLE": 2, "PART": 0.5, "FLAG": True},
    )
    assert deployed.provisioning_state == "Succeeded"
    answer = bench.caller(name)(headers={"azureml-model-deployment": "blue"})
    assert answer.json() == ["2", "0.5", "true"]


def test_an_environment_without_the_inference_server_crashes(ml_client, bench):
    """An image for jobs has none; with a list it needs to be in the list."""
    name = bench.endpoint().name
    image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:latest"
    environment = Environment(image=image)
    with pytest.raises(HttpResponseError, match="ResourceNotReady"):
        bench.deploy(name, "blue", environment=environment)
    log = ml_client.online_deployments.get_logs("blue", name, 200)
    assert "A required package azureml-inference-server-http is missing." in log


def test_an_image_that_nobody_knows_needs_a_conda_file(ml_client, bench):
    name = bench.endpoint().name
    with pytest.raises(HttpResponseError, match=r"the image 'mine.azurecr.io/digits:1' without"):
        bench.deploy(name, "blue", environment=Environment(image="mine.azurecr.io/digits:1"))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"instance_type": "Standard_Abacus"}, "BadArgument", "Standard_Abacus"),
        ({"instance_type": "Standard_NC6s_v3"}, "NotEmulated", "a GPU, such as Standard_NC6s_v3"),
        ({"instance_type": "STANDARD_L80AS_V3", "instance_count": 2}, "OutOfQuota", "80"),
        ({"instance_count": 51}, "BadArgument", "1 to 50"),
        ({"instance_count": 30}, "OutOfQuota", "100"),
        (
            {"request_settings": OnlineRequestSettings(request_timeout_ms=180_001)},
            "BadArgument",
            "180",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_once(ml_client, bench, change, code, said):
    name = bench.endpoint().name
    with pytest.raises(HttpResponseError, match=said) as refused:
        bench.deploy(name, "blue", **change)
    assert refused.value.error.code == code
    with pytest.raises(ResourceNotFoundError):
        ml_client.online_deployments.get("blue", name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "azureml:no-such-model:1"}, "no-such-model"),
        ({"environment": "azureml:no-such-environment:1"}, "no-such-environment"),
    ],
)
def test_a_missing_asset_is_named(ml_client, bench, change, said):
    name = bench.endpoint().name
    with pytest.raises(Exception, match=said):
        bench.deploy(name, "blue", **change)


def test_a_deployment_needs_its_endpoint(ml_client, bench):
    with pytest.raises(ResourceNotFoundError, match="never-made"):
        bench.deploy("never-made", "blue")


def test_a_deployment_with_traffic_cannot_be_deleted(ml_client, bench, served):
    with pytest.raises(HttpResponseError, match="100 per cent"):
        ml_client.online_deployments.begin_delete("blue", served).result()
    bench.send_traffic(served, blue=0)
    ml_client.online_deployments.begin_delete("blue", served).result()
    with pytest.raises(ResourceNotFoundError):
        ml_client.online_deployments.get("blue", served)


def test_deleting_the_endpoint_leaves_no_process_behind(local_azure, ml_client, bench):
    before = inference_servers(local_azure)
    name = bench.endpoint().name
    bench.deploy(name, "blue")
    assert inference_servers(local_azure) > before
    ml_client.online_endpoints.begin_delete(name).result()
    until(lambda: inference_servers(local_azure) == before)


def test_swagger_describes_the_deployment(ml_client, bench, served):
    endpoint = ml_client.online_endpoints.get(served)
    key = ml_client.online_endpoints.get_keys(served).primary_key
    answer = requests.get(
        endpoint.openapi_uri, headers={"Authorization": f"Bearer {key}"}, timeout=30
    )
    assert answer.status_code == 200
    assert "/score" in json.dumps(answer.json())


def test_a_regenerated_key_shuts_the_old_one_out(ml_client, bench, served):
    call = bench.caller(served)
    assert call({}).status_code == 200
    ml_client.online_endpoints.begin_regenerate_keys(served, key_type="primary").result()
    assert call({}).status_code == 401
    assert bench.caller(served)({}).status_code == 200


def test_an_expired_token_is_a_401(ml_client, bench):
    name = bench.endpoint("aml_token", tags={"local-azure-token-seconds": "2"}).name
    bench.deploy(name, "blue")
    endpoint = bench.send_traffic(name, blue=100)
    token = ml_client.online_endpoints.get_keys(name).access_token

    def status() -> int:
        return requests.post(
            endpoint.scoring_uri, json={}, headers={"Authorization": f"Bearer {token}"}, timeout=30
        ).status_code

    assert status() == 200
    until(lambda: status() == 401)


def test_an_exception_in_run_is_a_424_with_the_models_status(bench, served):
    answer = bench.caller(served)({"raise": True})
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "500"
    assert answer.headers["ms-azureml-model-error-reason"]


def test_slower_than_the_time_out_is_a_408(bench):
    name = bench.endpoint().name
    settings = OnlineRequestSettings(request_timeout_ms=500)
    bench.deploy(name, "blue", request_settings=settings)
    bench.send_traffic(name, blue=100)
    call = bench.caller(name)
    assert call({"sleep": 3}).status_code == 408
    # The instance recovers: what was slow is given up, not waited for.
    until(lambda: call({}).status_code == 200)


def test_an_instance_that_dies_is_started_again(ml_client, bench, served):
    call = bench.caller(served)
    assert call({"die": True}).status_code in (424, 502, 503)
    until(lambda: call({}).status_code == 200)
    assert ml_client.online_deployments.get("blue", served).provisioning_state == "Succeeded"


def test_probes_and_environment_variables_reach_the_instance(ml_client, bench):
    name = bench.endpoint().name
    probe = ProbeSettings(initial_delay=1, period=2, timeout=1, failure_threshold=3)
    bench.deploy(name, "green", liveness_probe=probe, readiness_probe=probe)
    found = ml_client.online_deployments.get("green", name)
    assert found.liveness_probe.period == 2
    answer = bench.caller(name)({}, headers={"azureml-model-deployment": "green"})
    assert answer.json()["name"] == "green"


def test_at_most_twenty_deployments(ml_client, local_azure, bench):
    """The rule is read from what is stored, so that no twenty servers need to be started."""
    from emulator.services.machine_learning.deployment_rules import check_room
    from emulator.services.machine_learning.paths import ONLINE_DEPLOYMENT_TYPE
    from emulator.store import Resource, Store

    store = Store(":memory:")
    endpoint = Resource("/e/one", "endpoint", {})
    for number in range(20):
        store.put(Resource(f"/e/one/deployments/d{number}", ONLINE_DEPLOYMENT_TYPE, {}))
    check_room(store, endpoint, "/e/one/deployments/d7")
    with pytest.raises(Exception, match="20 deployments"):
        check_room(store, endpoint, "/e/one/deployments/new")
