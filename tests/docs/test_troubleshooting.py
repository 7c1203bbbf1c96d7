"""Every box of docs/troubleshooting.md is what the failure really says.

A box stands below a line `<!-- seen: name -->`. The cause of that name is carried out on local
Azure, through the real clients, and what comes is compared with the box: white space counts as one
space, and `[...]` stands for any text.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.ai.ml.entities import Environment, ManagedOnlineEndpoint, OnlineRequestSettings
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from jupyter_client.kernelspec import KernelSpecManager

from course.places import COORDINATES, LIVE, LOCAL, enter
from emulator.defaults import REGION, RESOURCE_GROUP
from tests.azure import LocalAzure, azure_in, course_client
from tests.emulator.services.apps_bench import REGISTRY, AppsBench
from tests.emulator.services.container_machine import Machine
from tests.emulator.services.deployments import CONDA, Workbench
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
BOX = re.compile(r"^ *<!-- seen: ([\w.-]+) -->\n *```text\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
BOXES: dict[str, str] = dict(BOX.findall(PAGE))
NAME = "digits-ada"

SCORE = """\
import json
import time


def init():
    pass


def run(raw_data):
    asked = json.loads(raw_data)
    time.sleep(asked.get("seconds", 0))
    return {"digit": asked["digit"]}
"""
INIT_RAISES = """\
import os


def init():
    global folder
    folder = os.environ["AZUREML_MODEL_DIRECTORY"]


def run(raw_data):
    return folder
"""
IMPORT_FAILS = "import skimage\n\n\ndef init():\n    pass\n\n\ndef run(raw_data):\n    return 1\n"
REFUSES = """\
import json
from azureml_inference_server_http.api.aml_response import AMLResponse

def init():
    pass

def run(raw_data):
    problem = {"error": {"code": "BadInput", "message": "no digits"}}
    return AMLResponse(problem, 400, json_str=True)
"""
GREEDY = """
taken = []
while True:
    taken.append(b"x" * 50_000_000)
    print(len(taken) * 50, "MB")
"""
CRASHES = """
print("reading the model")
raise FileNotFoundError("model/digits.pt")
"""


def raised(call: Callable[[], object]) -> str:
    """The name and the message of the exception that a call ends with."""
    try:
        call()
    except Exception as error:
        # The SDK repeats an error's text as "Code:" and "Message:" lines.
        message = str(error).partition("\nCode: ")[0]
        return f"{type(error).__name__}: {message}"
    raise AssertionError("it did not fail")


def told(answer: requests.Response) -> str:
    """An answer's status, headers and body."""
    headers = "\n".join(f"{name}: {value}" for name, value in sorted(answer.headers.items()))
    return f"{answer.status_code} {answer.reason}\n{headers}\n\n{answer.text}"


class MachineLearning:
    """One endpoint, `digits-ada`, and its deployments; each comes up when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.bench = Workbench(course_client(), folder, "unused")
        self.client = self.bench.client
        self.endpoint(NAME)

    def endpoint(self, name: str, **more: Any) -> ManagedOnlineEndpoint:
        self.bench.endpoints.append(name)
        wanted = ManagedOnlineEndpoint(name=name, **more)
        return self.client.online_endpoints.begin_create_or_update(wanted).result()

    @cached_property
    def blue(self) -> Callable[..., requests.Response]:
        """Asks the deployment blue, which allows a second for a request."""
        settings = OnlineRequestSettings(request_timeout_ms=1000)
        self.bench.deploy(NAME, script=SCORE, request_settings=settings)
        self.bench.send_traffic(NAME, blue=100)
        return self.bench.caller(NAME)

    def logs(self, deployment: str) -> str:
        return self.client.online_deployments.get_logs(deployment, NAME, lines=400)

    def failing(self, deployment: str, **settings: Any) -> str:
        return raised(lambda: self.bench.deploy(NAME, deployment, **settings))

    # Each cause returns what is seen, by the name of the box.

    def wrong_key(self) -> dict[str, str]:
        return {"wrong-key": told(self.bench.caller(NAME)(key="wrong"))}

    def expired_token(self) -> dict[str, str]:
        tags = {"local-azure-token-seconds": "1"}
        endpoint = self.endpoint(f"{NAME}-token", auth_mode="aml_token", tags=tags)
        token = self.client.online_endpoints.get_keys(endpoint.name)
        headers = {"Authorization": f"Bearer {token.access_token}"}

        def refused() -> str:
            answer = requests.post(endpoint.scoring_uri, json={}, headers=headers, timeout=60)
            return told(answer) if answer.status_code == 401 else ""

        return {"expired-token": until(refused)}

    def no_traffic(self) -> dict[str, str]:
        endpoint = self.endpoint(f"{NAME}-new", auth_mode="key")
        return {"no-traffic": told(self.bench.caller(endpoint.name)())}

    def time_out(self) -> dict[str, str]:
        answer = self.blue({"digit": 7, "seconds": 2})
        until(lambda: "POST /score 200 2" in self.logs("blue"))
        return {"time-out": told(answer), "time-out.log": self.logs("blue")}

    def script_says_no(self) -> dict[str, str]:
        self.bench.deploy(NAME, "careful", script=REFUSES)
        to_careful = {"azureml-model-deployment": "careful"}
        return {"script-says-no": told(self.bench.caller(NAME)({}, headers=to_careful))}

    def run_raises(self) -> dict[str, str]:
        answer = self.blue({"data": []})
        return {"run-raises": told(answer), "run-raises.log": self.logs("blue")}

    def too_many(self) -> dict[str, str]:
        ask = self.blue
        with ThreadPoolExecutor(8) as clients:
            answers = list(clients.map(ask, [{"digit": 7, "seconds": 0.4}] * 8))
        return {"too-many": told(next(each for each in answers if each.status_code == 429))}

    def out_of_quota(self) -> dict[str, str]:
        return {"out-of-quota": self.failing("huge", instance_count=30)}

    def image_build_failure(self) -> dict[str, str]:
        environment = self.bench.environment(CONDA + "  - numpy==2.99.0\n")
        said = self.failing("packages", environment=environment)
        return {"image-build-failure": said, "image-build-failure.log": self.logs("packages")}

    def init_raises(self) -> dict[str, str]:
        said = self.failing("init", script=INIT_RAISES)
        return {"init-raises": said, "init-raises.log": self.logs("init")}

    def never_came_up(self) -> dict[str, str]:
        assert "(ResourceNotReady)" in self.failing("once", script=INIT_RAISES)
        with pytest.raises(HttpResponseError) as refused:
            self.bench.deploy(NAME, "once", script=SCORE)
        name, code = type(refused.value).__name__, refused.value.error.code
        return {
            "never-came-up": f"{name}: ({code}) {refused.value.error.message}",
            "never-came-up.reason": refused.value.error.details[0].message,
        }

    def under_way(self) -> dict[str, str]:
        begin = self.client.online_deployments.begin_create_or_update
        wanted = self.bench.wanted(NAME, "slow", script=INIT_RAISES)
        begun = begin(wanted)
        seen = {"under-way": raised(lambda: begin(wanted))}
        raised(begun.result)
        return seen

    def no_script(self) -> dict[str, str]:
        with pytest.raises(HttpResponseError) as refused:
            self.bench.deploy(NAME, "bare", code_configuration=None)
        name, error = type(refused.value).__name__, refused.value.error
        return {
            "no-script": f"{name}: ({error.code}) {error.message}",
            "no-script.reason": f"{error.details[0].code}: {error.details[0].message}",
        }

    def import_fails(self) -> dict[str, str]:
        assert "(ResourceNotReady)" in self.failing("import", script=IMPORT_FAILS)
        return {"import-fails.log": self.logs("import")}

    def no_server(self) -> dict[str, str]:
        image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
        assert "(ResourceNotReady)" in self.failing("server", environment=Environment(image=image))
        return {"no-server.log": self.logs("server")}

    def endpoint_traffic(self) -> dict[str, str]:
        assert self.blue
        self.bench.deploy(NAME, "green", script=SCORE)
        send = self.bench.send_traffic
        return {"endpoint-traffic": raised(lambda: send(NAME, blue=60, green=30))}

    def delete_with_traffic(self) -> dict[str, str]:
        assert self.blue
        self.bench.deploy(NAME, "other", script=SCORE)
        self.bench.send_traffic(NAME, blue=60, other=40)
        delete = self.client.online_deployments.begin_delete
        seen = {"delete-with-traffic": raised(lambda: delete("blue", NAME))}
        self.bench.send_traffic(NAME, blue=100)
        return seen


class Containers:
    """Groups and apps of the small web server of the services' tests, run as processes."""

    def __init__(self, azure: LocalAzure) -> None:
        self.machine = Machine("process", azure)
        self.apps = AppsBench(self.machine, "ada")
        self.apps.name = NAME
        self.image = self.apps.image
        self.no_such_image = self.image.replace(":1", ":9")

    def group(self, name: str, program: str, *, image: str, policy: str = "Never") -> Any:
        resources = {"requests": {"cpu": 1, "memoryInGB": 1}}
        command = ["python", "-u", "-c", program]
        container = {"image": image, "command": command, "resources": resources}
        body = {
            "location": REGION,
            "properties": {
                "osType": "Linux",
                "restartPolicy": policy,
                "imageRegistryCredentials": [self.machine.credentials(REGISTRY)],
                "containers": [{"name": "main", "properties": container}],
            },
        }
        return self.machine.groups.begin_create_or_update(RESOURCE_GROUP, name, body).result()

    def view(self, name: str, state: str) -> Any:
        """The instance view of a group's container, once it is in that state."""

        def found() -> Any:
            view = self.machine.view(name)
            now = view.current_state if view else None
            return view if now and now.state == state else None

        return until(found)

    def group_image(self) -> dict[str, str]:
        return {"group-image": raised(lambda: self.group(NAME, "", image=self.no_such_image))}

    def out_of_memory(self) -> dict[str, str]:
        self.group("digits-greedy", GREEDY, image=self.image)
        state = self.view("digits-greedy", "Terminated").current_state
        return {
            "out-of-memory": f"state: {state.state}\ndetail_status: {state.detail_status}\n"
            f"exit_code: {state.exit_code}",
            "out-of-memory.log": self.machine.logs("digits-greedy", "main"),
        }

    def crash_loop(self) -> dict[str, str]:
        self.group("digits-crash", CRASHES, image=self.image, policy="Always")
        view = self.view("digits-crash", "Waiting")
        seen = (
            f"state: {view.current_state.state}\n"
            f"detail_status: {view.current_state.detail_status}\n"
            f"restart_count: {view.restart_count}\n"
            f"previous exit_code: {view.previous_state.exit_code}\n"
            f"event: {view.events[-1].message}"
        )
        return {"crash-loop": seen, "crash-loop.log": self.machine.logs("digits-crash", "main")}

    def app_image(self) -> dict[str, str]:
        container = self.apps.container(image=self.no_such_image)
        body = self.apps.body(container)
        return {"app-image": raised(lambda: self.apps.put(body))}

    def revision_crashes(self) -> dict[str, str]:
        body = self.apps.body(self.apps.container(env={"FAIL": "1"}))
        return {"revision-crashes": raised(lambda: self.apps.put(body))}

    def app_traffic(self) -> dict[str, str]:
        app = self.apps.put(self.apps.body(configuration={"activeRevisionsMode": "Multiple"}))
        weights = [{"revisionName": app.latest_revision_name, "weight": 60}]
        ingress = {"external": True, "targetPort": 80, "traffic": weights}
        change = {"configuration": {"ingress": ingress}}
        return {"app-traffic": raised(lambda: self.apps.patch(change))}


class SetUp:
    """What goes wrong between this machine and local Azure."""

    def __init__(self, azure: LocalAzure, folder: Path) -> None:
        self.azure = azure
        self.folder = folder
        self.folder.mkdir()

    def run(self, *command: str, **variables: str) -> str:
        """What a program prints, in an empty folder."""
        environment = {**os.environ, **variables}
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode
        return done.stdout

    def not_emulated(self) -> dict[str, str]:
        answer = requests.get(f"https://{NAME}.vault.azure.net/secrets", timeout=60)
        return {"not-emulated": f"{answer.status_code} {answer.reason}\n{answer.text}"}

    def no_such_kernel(self) -> dict[str, str]:
        jupyter = KernelSpecManager(kernel_dirs=[str(self.folder)])
        return {"no-such-kernel": raised(lambda: jupyter.get_kernel_spec("azure-local"))}

    def no_course(self) -> dict[str, str]:
        # -I and -S: a Python that has nothing but its own library.
        return {"no-course": self.run("-I", "-S", "-m", "course.kernel", "azure-local")}

    def port_taken(self) -> dict[str, str]:
        script = self.folder / "score.py"
        script.write_text(SCORE)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            module = "azureml_inference_server_http"
            said = self.run("-m", module, "--entry_script", str(script), "--port", port)
        return {"port-taken": said.replace(port, "5001")}

    def proxy_gone(self) -> dict[str, str]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            proxies = {"https": f"http://127.0.0.1:{free.getsockname()[1]}"}
        url = "https://management.azure.com/subscriptions"
        return {"proxy-gone": raised(lambda: requests.get(url, proxies=proxies, timeout=60))}

    def proxy_password(self) -> dict[str, str]:
        where = self.azure.environment["HTTPS_PROXY"].rpartition("@")[2]
        proxies = {"https": f"http://{where}"}
        url = "https://management.azure.com/subscriptions"
        return {"proxy-password": raised(lambda: requests.get(url, proxies=proxies, timeout=60))}

    def certificate(self) -> dict[str, str]:
        session = requests.Session()
        session.trust_env = False  # no REQUESTS_CA_BUNDLE: certifi's own
        session.proxies = {"https": self.azure.environment["HTTPS_PROXY"]}
        url = "https://management.azure.com/subscriptions"
        return {"certificate": raised(lambda: session.get(url, timeout=60))}

    def old_secret(self) -> dict[str, str]:
        settings = self.azure.environment
        credential = ClientSecretCredential(
            settings["AZURE_TENANT_ID"], settings["AZURE_CLIENT_ID"], "from before the reset"
        )
        scope = "https://management.azure.com/.default"
        return {"old-secret": raised(lambda: credential.get_token(scope))}

    def not_running(self) -> dict[str, str]:
        variables = {"AZURE_LOCAL_HOME": str(self.folder / "home"), "PYTHONPATH": str(ROOT)}
        return {"not-running": self.run("-m", "emulator", "env", **variables)}

    def no_workspace(self) -> dict[str, str]:
        return {"no-workspace": self.refused(LIVE, {})}

    def refused(self, place: str, environment: dict[str, str]) -> str:
        """What a learner reads when the place cannot be entered."""
        said = raised(lambda: enter(place, environment, self.folder))
        return said.removeprefix("PlaceError: ")

    def broken_config(self) -> dict[str, str]:
        config = self.folder / "config.json"
        config.write_text('{"subscription_id": "mine"}')
        try:
            return {"broken-config": self.refused(LIVE, {})}
        finally:
            config.unlink()

    def no_credential(self) -> dict[str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AZURE_CLIENT_SECRET", "from before the reset")
            return {"no-credential": self.refused(LIVE, dict.fromkeys(COORDINATES, "mine"))}

    def local_settings(self) -> dict[str, str]:
        return {"local-settings": self.refused(LIVE, self.azure.environment)}

    def not_started(self) -> dict[str, str]:
        file = self.folder / "file"
        file.touch()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AZURE_LOCAL_HOME", str(file / "home"))
            return {"not-started": self.refused(LOCAL, {})}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """What a box's failure really says. Each cause is carried out once, when it is asked for."""
    folder = tmp_path_factory.mktemp("troubleshooting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_LOCAL_CONTAINERS", "process")
        patch.setenv("AZURE_LOCAL_BACK_OFF", "5")  # seconds; long enough to be seen
        with azure_in(folder / "azure") as azure:
            places: tuple[Any, ...] = (
                MachineLearning(folder),
                Containers(azure),
                SetUp(azure, folder / "set-up"),
            )
            texts: dict[str, str] = {}

            def find(name: str) -> str:
                if name not in texts:
                    cause = name.partition(".")[0].replace("-", "_")
                    texts.update(next(getattr(p, cause) for p in places if hasattr(p, cause))())
                return texts[name]

            yield find


def pattern(box: str) -> re.Pattern[str]:
    """A box as an expression: `[...]` is any text, white space is white space."""
    parts = (re.escape(" ".join(part.split())) for part in box.split("[...]"))
    return re.compile(".*?".join(parts))


def test_there_are_boxes() -> None:
    assert len(BOXES) >= 30
    assert PAGE.count("```text") == len(BOXES)


@pytest.mark.parametrize("name", BOXES)
def test_the_failure_says_what_the_page_quotes(name: str, seen: Callable[[str], str]) -> None:
    text = " ".join(seen(name).split())
    assert pattern(BOXES[name]).search(text), text


def test_another_text_would_be_noticed() -> None:
    box = "code: 404\n[...]\nNo deployment\n"
    assert pattern(box).search("code: 404 headers: many No deployment")
    assert not pattern(box).search("code: 404 headers: many no traffic")
    assert not pattern(box).search("No deployment code: 404")


def slug(heading: str) -> str:
    """The anchor that GitHub and MyST give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_table_leads_to_every_section_and_nowhere_else() -> None:
    headings = {slug(text) for text in re.findall(r"^### (.+)$", PAGE, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) == headings


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#\s]+)", PAGE)
    assert links
    for link in links:
        assert link.startswith("https://") or (ROOT / "docs" / link).exists(), link


def test_each_failure_of_a_service_says_where_to_read_more() -> None:
    services = PAGE.split("\n## Set-up\n")[0].split("\n### ")[1:]
    assert services
    for section in services:
        assert "**Cause:**" in section
        assert "**Repair:**" in section
        assert "lesson" in section, section.splitlines()[0]
