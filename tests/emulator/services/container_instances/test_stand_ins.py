"""Microsoft's sample images and plain public ones, where no engine can pull them."""

from __future__ import annotations

import http.server
import re
import sys
import threading
from collections.abc import Iterator

import pytest
import requests
from azure.core.exceptions import HttpResponseError

from emulator.defaults import REGION, RESOURCE_GROUP
from tests.emulator.services.container_machine import Machine
from tests.waiting import until

HELLO = "mcr.microsoft.com/azuredocs/aci-helloworld"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def name(machine: Machine, unique: str) -> Iterator[str]:
    if machine.kind != "process":
        pytest.skip("an engine pulls the image itself")
    yield f"group-{unique}"
    machine.groups.begin_delete(RESOURCE_GROUP, f"group-{unique}").result()


def container(name: str, image: str, **properties: object) -> dict:
    resources = {"requests": {"cpu": 1, "memoryInGB": 1}}
    return {"name": name, "properties": {"image": image, "resources": resources, **properties}}


def group(*containers: dict, ports: tuple[int, ...] = (), **properties: object) -> dict:
    if ports:
        listed = [{"port": port} for port in ports]
        properties["ipAddress"] = {"type": "Public", "ports": listed}
    return {
        "location": REGION,
        "properties": {"osType": "Linux", "containers": list(containers), **properties},
    }


def page(shown, port: int = 80) -> str:
    """The page that the group serves, once it listens."""
    url = f"http://{shown.ip_address.ip}:{port}/"
    answer = until(lambda: _if_ok(requests.get(url, timeout=10)))
    assert answer.headers["content-type"] == "text/html"
    return answer.text


def _if_ok(answer: requests.Response) -> requests.Response | None:
    return answer if answer.status_code == 200 else None


def ran(machine: Machine, name: str, one: dict) -> str:
    """What the container printed until it ended."""
    machine.create(name, group(one, restartPolicy="Never"))
    state = until(lambda: _if_terminated(machine.view(name).current_state))
    return f"{machine.logs(name, one['name'])}exit code {state.exit_code}\n"


def _if_terminated(state):
    return state if state.state == "Terminated" else None


def test_the_quickstarts_group_with_a_sidecar(machine, name):
    """https://learn.microsoft.com/azure/container-instances/container-instances-multi-container-yaml"""
    web = container("aci-tutorial-app", HELLO, ports=[{"port": 80}, {"port": 8080}])
    side = container("aci-tutorial-sidecar", "mcr.microsoft.com/azuredocs/aci-tutorial-sidecar")
    name = f"myGroup-{name}"  # with a capital, as the sample has it
    shown = machine.create(name, group(web, side, ports=(80, 8080)))
    assert "Welcome to Azure Container Instances!" in page(shown)
    # Marked as what it is: in its events, in its log's first line, in the page.
    for one in shown.containers:
        [marked] = [each for each in one.instance_view.events if each.name == "StandIn"]
        assert one.image in marked.message
        assert not [each for each in one.instance_view.events if each.name == "Pulled"]
        assert machine.logs(name, one.name).startswith("[local Azure] A stand-in for the image mcr")
    assert "stands in for the image" in page(shown)
    log = until(
        lambda: re.search(
            r'listening on port 80\n.*"GET / HTTP/1.1" 200', _web(machine, name), re.S
        )
    )
    assert log
    until(lambda: "HTTP/1.1 200 OK" in machine.logs(name, "aci-tutorial-sidecar"))
    # It listens on the port that the image has, on no other that the group shows.
    assert requests.get(f"http://{shown.ip_address.ip}:8080/", timeout=10).status_code == 502
    # It does so after a restart of the emulator's containers, too.
    machine.groups.begin_restart(RESOURCE_GROUP, name).result()
    assert "Welcome" in page(machine.get(name.upper()))
    machine.groups.begin_delete(RESOURCE_GROUP, name).result()


def _web(machine: Machine, name: str) -> str:
    return machine.logs(name, "aci-tutorial-app")


def test_the_samples_own_variable_for_its_port(machine, name):
    one = container(
        "web",
        f"{HELLO}:latest",
        ports=[{"port": 8000}],
        environmentVariables=[{"name": "PORT", "value": "8000"}],
    )
    assert "Welcome" in page(machine.create(name, group(one, ports=(8000,))), 8000)
    assert "listening on port 8000\n" in machine.logs(name)


@pytest.mark.parametrize(
    ("image", "heading"),
    [
        ("mcr.microsoft.com/k8se/quickstart:latest", "Your container app is running"),
        ("mcr.microsoft.com/azuredocs/containerapps-helloworld", "Your container app is running"),
        ("docker.io/library/nginx:1.27-alpine", "Welcome to nginx!"),
        ("mcr.microsoft.com/oss/nginx/nginx:1.15.5-alpine", "Welcome to nginx!"),
    ],
)
def test_images_that_serve_a_page(machine, name, image, heading):
    assert heading in page(machine.create(name, group(_listening(image), ports=(80,))))


def _listening(image: str) -> dict:
    return container("web", image, ports=[{"port": 80}])


def test_nginx_serves_what_an_init_container_wrote(machine, name):
    write = "echo '<h1>mine</h1>' > /usr/share/nginx/html/index.html"
    mount = [{"name": "site", "mountPath": "/usr/share/nginx/html"}]
    init = container("init", "busybox", command=["sh", "-c", write], volumeMounts=mount)
    del init["properties"]["resources"]
    web = container(
        "web",
        "nginx",
        ports=[{"port": 80}],
        command=["nginx", "-g", "daemon off;"],
        volumeMounts=mount,
    )
    body = group(
        web, ports=(80,), initContainers=[init], volumes=[{"name": "site", "emptyDir": {}}]
    )
    assert page(machine.create(name, body)) == "<h1>mine</h1>\n"


@pytest.mark.parametrize(
    ("image", "command", "printed"),
    [
        (
            "alpine",
            ["/bin/sh", "-c", "echo hello > /tmp/a; cat /tmp/a; exit 3"],
            "hello\nexit code 3",
        ),
        ("alpine:3.20", None, "exit code 0"),
        ("ubuntu:24.04", ["/bin/sh", "-c", "apt-get update || exit 7"], "exit code 7"),
        ("mcr.microsoft.com/mirror/docker/library/busybox:1.35", ["echo", "hello"], "hello\n"),
        (f"python:{VERSION}-slim", ["python", "-c", "print(6 * 7)"], "42\nexit code 0"),
        ("python", ["python", "-c", "import torch"], "No module named 'torch'"),
        ("python", ["sh", "-c", "python -c 'print(6 * 7)'"], "42\nexit code 0"),
        (
            "mcr.microsoft.com/k8se/quickstart-jobs",
            None,
            "has done its work, and ends.\nexit code 0",
        ),
        (
            "mcr.microsoft.com/azuredocs/aci-wordcount",
            ["python", "wordcount.py", "http://127.0.0.1:9/"],
            "http://127.0.0.1:9/ cannot be read",
        ),
    ],
)
def test_images_that_run_a_command(machine, name, image, command, printed):
    said = ran(machine, name, container("task", image, **({"command": command} if command else {})))
    assert said.startswith("[local Azure] A stand-in for the image")
    assert printed in said


def test_the_word_count_of_the_restart_policy_sample(machine, name):
    """https://learn.microsoft.com/azure/container-instances/container-instances-restart-policy"""
    text = b"<title>Hamlet</title><script>let words</script><p>words, words, words; my lord words"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        one = container(
            "task",
            "mcr.microsoft.com/azuredocs/aci-wordcount:latest",
            command=["python", "wordcount.py", url],
            environmentVariables=[
                {"name": "NumWords", "value": "2"},
                {"name": "MinLength", "value": "5"},
            ],
        )
        said = ran(machine, name, one)
        server.shutdown()
    assert said.endswith("[('words', 4), ('Hamlet', 1)]\nexit code 0\n")


# A wheel with one module, written where the container's own files are.
WHEEL = """
import zipfile
with zipfile.ZipFile("/tmp/thing-1-py3-none-any.whl", "w") as wheel:
    wheel.writestr("thing.py", "print('thing at', __file__)")
    info = "thing-1.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: thing\\nVersion: 1\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
"""


def test_what_pip_installs_stays_in_the_container(machine, name):
    """The course's own Python must not change."""
    code = (
        f"python -c '{WHEEL}'".replace("'thing at'", '\\"thing at\\"')
        + " && python -m pip install -q --no-index /tmp/thing-1-py3-none-any.whl"
        " && python -c 'import thing'"
    )
    said = ran(machine, name, container("task", "python", command=["sh", "-c", code]))
    [place] = re.findall(r"^thing at (.*)$", said, re.M)
    assert place.startswith(str(machine.azure.home.root.resolve()))


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("python:2.7", f"Python 2.7, and this machine's is {VERSION}"),
        ("mcr.microsoft.com/dotnet/samples:aspnetapp", "Stand-ins there are for nginx, alpine"),
        ("shared.azurecr.io/nginx", "no container registry"),
    ],
)
def test_an_image_that_a_process_cannot_be_is_refused(machine, name, image, why):
    with pytest.raises(HttpResponseError) as refused:
        machine.create(name, group(container("web", image)))
    assert refused.value.error.code == "InaccessibleImage"
    assert why.partition(" container")[0] in refused.value.error.message


def test_a_configuration_that_nothing_would_read_is_not_taken_in_silence(machine, name):
    mount = [{"name": "conf", "mountPath": "/etc/nginx"}]
    web = container("web", "nginx", ports=[{"port": 80}], volumeMounts=mount)
    volumes = [{"name": "conf", "secret": {"nginx.conf": "ZXZlbnRzIHt9"}}]
    machine.groups.begin_create_or_update(
        RESOURCE_GROUP, name, group(web, ports=(80,), volumes=volumes)
    )

    def failure() -> str:
        view = machine.view(name)  # there is none while it is pending
        events = view.events or [] if view else []
        return next((each.message for each in events if each.name == "Failed"), "")

    assert "nothing would read what is mounted at /etc/nginx" in until(failure)
