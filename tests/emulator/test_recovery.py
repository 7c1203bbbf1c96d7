"""kill -9 at a bad moment, and many clients at once: nothing is lost, nothing hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests
from azure.ai.ml import MLClient
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential

from emulator import daemon
from emulator.defaults import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from tests.emulator.services.deployments import ECHO, Workbench, inference_servers
from tests.waiting import until

SLOW_INIT = ECHO.replace("global greeting", "global greeting; time.sleep(30)")


@pytest.fixture
def bench(another_azure, monkeypatch, tmp_path: Path, unique: str) -> Workbench:
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    client = MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)
    return Workbench(client, tmp_path, unique)


def descendants_that_serve(home: Path) -> list[psutil.Process]:
    """Every process that works for this home, whoever its parent is by now."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(str(home) in word for word in words) and process.status() != "zombie":
            found.append(process)
    return found


def test_a_running_deployment_comes_back_with_its_keys_and_traffic(another_azure, bench):
    name = bench.endpoint().name
    bench.deploy(name, "blue", instance_count=2)
    bench.send_traffic(name, blue=100)
    call = bench.caller(name)
    assert call({"n": 1}).status_code == 200

    another_azure.kill()
    until(lambda: not descendants_that_serve(another_azure.home.root))
    another_azure.start()

    until(lambda: call({"n": 2}).status_code == 200)
    endpoint = bench.client.online_endpoints.get(name)
    assert endpoint.traffic == {"blue": 100}
    assert endpoint.provisioning_state == "Succeeded"
    assert bench.client.online_deployments.get("blue", name).provisioning_state == "Succeeded"


def test_killed_in_the_middle_of_a_deployment_it_ends_failed_and_can_be_sent_again(
    another_azure, bench
):
    name = bench.endpoint().name
    poller = bench.client.online_deployments.begin_create_or_update(
        bench.wanted(name, script=SLOW_INIT)
    )
    url = poller.polling_method()._initial_response.http_response.headers["Azure-AsyncOperation"]
    until(lambda: "SystemSetup" in bench.client.online_deployments.get_logs("blue", name, 5))
    another_azure.kill()
    until(lambda: not descendants_that_serve(another_azure.home.root))
    another_azure.start()

    with pytest.raises(HttpResponseError, match="OperationInterrupted"):
        poller.result(timeout=60)
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    operation = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).json()
    assert operation["status"] == "Failed"
    assert bench.client.online_deployments.get("blue", name).provisioning_state == "Failed"
    assert bench.deploy(name, "blue").provisioning_state == "Succeeded"


def test_killed_in_the_middle_of_an_update_the_old_version_comes_back(another_azure, bench):
    name = bench.endpoint().name
    bench.deploy(name, "blue")
    bench.send_traffic(name, blue=100)
    call = bench.caller(name)
    bench.client.online_deployments.begin_create_or_update(bench.wanted(name, script=SLOW_INIT))
    another_azure.kill()
    another_azure.start()
    until(lambda: call({}).status_code == 200)
    assert call({}).json()["greeting"] == "hello"


def test_killed_in_the_middle_of_a_deletion_the_endpoint_is_gone(another_azure, bench):
    name = bench.endpoint().name
    bench.deploy(name, "blue")
    bench.client.online_endpoints.begin_delete(name)
    another_azure.kill()
    another_azure.start()
    until(lambda: name not in [one.name for one in bench.client.online_endpoints.list()])
    until(lambda: no_inference_server(another_azure))


def no_inference_server(azure) -> bool:
    own = {azure.process.pid}
    return all(process.pid in own for process in descendants_that_serve(azure.home.root))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has subreapers")
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_left_its_servers_group_ends_with_local_azure(another_azure, bench, unique, how):
    seconds = f"6{int(unique, 16)}"
    command = ["setsid", "sh", "-c", f"sleep {seconds} & exec sleep {seconds}"]
    leaves = f"import subprocess; subprocess.Popen({command}, env={{}}); global greeting"
    name = bench.endpoint().name
    bench.deploy(name, "blue", script=ECHO.replace("global greeting", leaves))
    until(lambda: len(sleeping(seconds)) == 2)
    getattr(another_azure, how)()
    until(lambda: not sleeping(seconds))


def sleeping(seconds: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] == ["sleep", seconds]:
            found.append(process)
    return found


def test_a_stopped_emulator_leaves_no_process_and_starts_where_it_was(another_azure, bench):
    name = bench.endpoint().name
    bench.deploy(name, "blue")
    bench.send_traffic(name, blue=100)
    call = bench.caller(name)
    another_azure.stop()
    assert not descendants_that_serve(another_azure.home.root)
    another_azure.start()
    until(lambda: call({}).status_code == 200)


def test_deleting_the_resource_group_stops_what_runs_in_it(another_azure, bench):
    from azure.mgmt.resource.resources import ResourceManagementClient

    endpoint = bench.endpoint()
    bench.deploy(endpoint.name, "blue")
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    client.resource_groups.begin_delete(RESOURCE_GROUP).result()
    assert not client.resource_groups.check_existence(RESOURCE_GROUP)
    assert not inference_servers(another_azure)
    answer = requests.post(endpoint.scoring_uri, json={}, timeout=30)
    assert (answer.status_code, endpoint.name in answer.text) == (404, True)


def test_killed_in_the_middle_of_deleting_its_group_the_course_starts_empty(another_azure, bench):
    from azure.mgmt.resource.resources import ResourceManagementClient

    name = bench.endpoint().name
    bench.deploy(name, "blue")
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    client.resource_groups.begin_delete(RESOURCE_GROUP)
    another_azure.kill()
    another_azure.start()
    # What the course works in is there from every start on; what was made in it is gone.
    group = client.resource_groups.get(RESOURCE_GROUP)
    assert group.properties.provisioning_state == "Succeeded"
    assert bench.client.workspaces.get(WORKSPACE).name == WORKSPACE
    assert list(bench.client.online_endpoints.list()) == []
    until(lambda: no_inference_server(another_azure))


def test_two_kernels_at_once_share_one_emulator(tmp_path):
    """Two Python processes start it at the same moment and work in it side by side."""
    from emulator.home import Home

    script = (
        "import os, sys\n"
        "from emulator import daemon\n"
        "from emulator.home import find_home\n"
        "print(daemon.up(find_home()).pid)\n"
        "os.environ.update(daemon.environment(find_home()))\n"
        "from azure.ai.ml import MLClient\n"
        "from azure.ai.ml.entities import ManagedOnlineEndpoint\n"
        "from azure.identity import DefaultAzureCredential\n"
        "client = MLClient(DefaultAzureCredential(), os.environ['AZURE_SUBSCRIPTION_ID'],\n"
        "    os.environ['AZURE_RESOURCE_GROUP'], os.environ['AZUREML_WORKSPACE'])\n"
        "client.online_endpoints.begin_create_or_update(\n"
        "    ManagedOnlineEndpoint(name=sys.argv[1], auth_mode='key')).result()\n"
    )
    import os

    environment = {**os.environ, "AZURE_LOCAL_HOME": str(tmp_path)}
    kernels = [
        subprocess.Popen(
            [sys.executable, "-c", script, f"kernel-{number}"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    try:
        outputs = [kernel.communicate(timeout=90)[0] for kernel in kernels]
        assert [kernel.returncode for kernel in kernels] == [0, 0]
        assert len({output.split()[0] for output in outputs}) == 1
        report = subprocess.run(
            [sys.executable, "-m", "emulator", "status", "--json"],
            env=environment,
            capture_output=True,
            text=True,
        )
        types = [each["type"] for each in json.loads(report.stdout)["resources"]]
        assert types.count("Microsoft.MachineLearningServices/workspaces/onlineEndpoints") == 2
    finally:
        daemon.down(Home(tmp_path))


def test_fifty_clients_in_parallel(bench):
    """Half score, half manage; every answer is one that Azure would give, none is lost."""
    name = bench.endpoint().name
    from azure.ai.ml.entities import OnlineRequestSettings

    settings = OnlineRequestSettings(max_concurrent_requests_per_instance=25)
    bench.deploy(name, "blue", instance_count=2, request_settings=settings)
    bench.send_traffic(name, blue=100)
    url = bench.client.online_endpoints.get(name).scoring_uri
    key = bench.client.online_endpoints.get_keys(name).primary_key
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    groups = f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups"

    def score(number: int) -> list[bool]:
        with requests.Session() as session:
            headers = {"Authorization": f"Bearer {key}"}
            answers = [
                session.post(url, json={"n": [number, turn]}, headers=headers, timeout=60)
                for turn in range(8)
            ]
        return [a.json()["asked"]["n"] == [number, turn] for turn, a in enumerate(answers)]

    def manage(number: int) -> list[bool]:
        with requests.Session() as session:
            headers = {"Authorization": f"Bearer {token}"}
            path = f"{groups}/parallel-{number}?api-version=2021-04-01"
            made = session.put(path, json={"location": "eastus"}, headers=headers, timeout=60)
            return [made.status_code == 201, session.get(path, headers=headers, timeout=60).ok]

    with ThreadPoolExecutor(50) as pool:
        work = [pool.submit(score if n % 2 else manage, n) for n in range(50)]
        results = [one for future in work for one in future.result(timeout=120)]
    assert len(results) == 25 * 8 + 25 * 2
    assert all(results)
