"""The capstone's checker, before three good solutions and plausible bad ones.

Each bad solution is a good one with one mistake. It fails in the part that the mistake is about,
with the words that name it, and in no other. What takes no part in that is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers import models as aca
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance import models as aci
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient

from emulator.defaults import WORKSPACE
from practice.capstone import terms
from practice.capstone.hand_in import HandIn
from practice.catalogue import SOURCES
from practice.exercises import lesson_12
from practice.exercises.checks import AnswerState, Exercise, Verdict
from scoring.azure_clients import Azure
from scoring.container_image import Image
from scoring.wine import train, wine_model
from scoring.wine.solutions import container_app, container_group, image, managed_endpoint
from scoring.wine.solutions.client import WineClient
from tests.azure import azure_in, course_client
from tests.notebooks.conftest import INSTANCE_TYPE, code_of
from tests.waiting import until

TIMED = ("target", "on_the_hour")
PARTS = [name for name, value in vars(lesson_12).items() if isinstance(value, Exercise)]


@dataclass(frozen=True)
class Solution:
    """What a learner hands in."""

    client: MLClient
    name: str
    key: object
    classify: object

    @property
    def hand_in(self) -> HandIn:
        place = (self.client.subscription_id, self.client.resource_group_name)
        return HandIn(*map(str, place), WORKSPACE, self.name, self.key, self.classify)

    def verdict(self, part: str) -> Verdict:
        exercise: Exercise = getattr(lesson_12, part)
        return exercise.verdict(self.hand_in)


def solution(client: MLClient, name: str, key: str) -> Solution:
    url = Solution(client, name, key, ...).hand_in.service().door().url
    return Solution(client, name, key, WineClient(url, key).classify)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLClient]:
    """The client of an empty workspace, on a local Azure whose containers are processes."""
    folder = tmp_path_factory.mktemp("capstone-azure")
    with azure_in(folder, {"AZURE_LOCAL_CONTAINERS": "process"}):
        yield course_client()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wine")
    train.main(["--output", str(folder)])
    return folder


@pytest.fixture(scope="module")
def azure(workspace: MLClient) -> Azure:
    credential, subscription = DefaultAzureCredential(), str(workspace.subscription_id)
    return Azure(
        str(workspace.resource_group_name),
        str(workspace.workspaces.get(workspace.workspace_name).location),
        workspace,
        ContainerRegistryManagementClient(credential, subscription),
        ContainerRegistryTasksMgmtClient(credential, subscription),
        ContainerInstanceManagementClient(credential, subscription),
        ContainerAppsAPIClient(credential, subscription),
    )


@pytest.fixture(scope="module")
def wine_image(azure: Azure, models: Path) -> Image:
    return image.build(azure, "winetests", models)


@pytest.fixture(scope="module")
def endpoint(workspace: MLClient, models: Path) -> Solution:
    name = "wine-endpoint"
    key = managed_endpoint.deploy(workspace, name, models, INSTANCE_TYPE)
    return solution(workspace, name, key)


@pytest.fixture(scope="module")
def group(workspace: MLClient, azure: Azure, wine_image: Image) -> Solution:
    name = "wine-group"
    return solution(workspace, name, container_group.deploy(azure, name, wine_image))


@pytest.fixture(scope="module")
def app(workspace: MLClient, azure: Azure, wine_image: Image) -> Solution:
    name = "wine-app"
    return solution(workspace, name, container_app.deploy(azure, name, wine_image))


def is_right(verdict: Verdict) -> None:
    assert verdict.state is AnswerState.RIGHT, verdict


def is_wrong(verdict: Verdict, *words: str) -> None:
    assert verdict.state is AnswerState.WRONG, verdict
    for word in words:
        assert word in verdict.message


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("service", ["endpoint", "group", "app"])
def test_a_good_solution_passes_every_part(
    service: str, part: str, request: pytest.FixtureRequest
) -> None:
    handed_in: Solution = request.getfixturevalue(service)

    def passes() -> bool:
        return handed_in.verdict(part).state is AnswerState.RIGHT

    # A machine with much else to do answers late, and then later in time.
    if part in TIMED:
        until(passes, 180)
    else:
        is_right(handed_in.verdict(part))


QUICK = ("service", "answers", "lock", "budget")


def fails_only_in(part: str, handed_in: Solution, *words: str) -> None:
    """It is wrong in this part, for this reason, and right in those that are checked quickly."""
    is_wrong(handed_in.verdict(part), *words)
    for other in QUICK:
        if other != part:
            is_right(handed_in.verdict(other))


def test_the_letter_asks_for_what_is_checked() -> None:
    text = " ".join((SOURCES / "12-capstone.py").read_text().replace("# >", "").split())
    for asked in (
        f"About {terms.PER_DAY:,} wines a day, all in the ten hours",
        f"{terms.PER_SECOND} requests a second",
        f"{terms.AT_ONCE} requests arrive at the same moment",
        f"{100 * terms.SHARE:.0f} of 100 answers within {terms.TARGET:g} second.",
        f"On the hour, {terms.PATIENCE:g} seconds",
        f"At most {terms.BUDGET:.0f} US dollars a month",
    ):
        assert asked in text
    assert terms.WORK.hours_per_day == 10
    assert terms.DRILL == wine_model.DRILL


def test_nothing_is_not_attempted(workspace: MLClient) -> None:
    nothing = Solution(workspace, "wine-nothing", ..., ...)
    verdicts = [nothing.verdict(part) for part in PARTS]
    assert {verdict.state for verdict in verdicts} == {AnswerState.NOT_ATTEMPTED}
    assert "is named wine-nothing yet" in verdicts[0].message
    assert len(PARTS) == 8


def test_key_and_client_are_asked_for_where_they_are_missing(app: Solution) -> None:
    without_key, without_client = replace(app, key=...), replace(app, classify=...)
    for part, handed_in, named in (
        ("answers", without_key, "key is not set yet. Set it in step 4"),
        ("crash", without_client, "classify is not a function yet. Write it in step 5"),
    ):
        verdict = handed_in.verdict(part)
        assert verdict.state is AnswerState.NOT_ATTEMPTED
        assert named in verdict.message


def test_bad_version_2_gets_ten_per_cent(workspace: MLClient, endpoint: Solution) -> None:
    name = endpoint.name
    managed_endpoint.set_traffic(workspace, name, blue=90, green=10)
    is_wrong(endpoint.verdict("bad_version"), "green gets 10 %")
    managed_endpoint.set_traffic(workspace, name, blue=100, green=0)


def test_bad_version_2_gets_everything(workspace: MLClient, endpoint: Solution) -> None:
    name = endpoint.name
    managed_endpoint.set_traffic(workspace, name, green=100)
    is_wrong(endpoint.verdict("bad_version"), "60 of 60 answers came from version 2")
    is_wrong(endpoint.verdict("answers"), "Is this version 1?")
    managed_endpoint.set_traffic(workspace, name, blue=100, green=0)


def test_bad_one_request_at_a_time(workspace: MLClient, endpoint: Solution) -> None:
    blue = workspace.online_deployments.get("blue", endpoint.name)
    blue.request_settings.max_concurrent_requests_per_instance = 1
    workspace.online_deployments.begin_create_or_update(blue).result()
    fails_only_in("on_the_hour", endpoint, "x 429", "max_concurrent_requests_per_instance=1 ")


def test_bad_two_machines_where_one_will_do(workspace: MLClient, endpoint: Solution) -> None:
    blue = workspace.online_deployments.get("blue", endpoint.name)
    blue.instance_count = 2
    workspace.online_deployments.begin_create_or_update(blue).result()
    fails_only_in("budget", endpoint, f"2 x {INSTANCE_TYPE}", "the letter allows 250")


def test_bad_an_endpoint_forgotten_beside_the_group(workspace: MLClient, group: Solution) -> None:
    endpoints, name = workspace.online_endpoints, group.name
    endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name, auth_mode="key")).result()
    is_wrong(group.verdict("service"), "managed endpoint and a container group are both named")
    endpoints.begin_delete(name).result()
    is_right(group.verdict("service"))


def test_bad_a_client_that_asks_once(app: Solution) -> None:
    def classify(rows: list[list[float]]) -> list[str]:
        door = app.hand_in.service().door().opened_by(app.hand_in.key)
        answer = requests.post(door.url, json={"data": rows}, headers=door.headers, timeout=60)
        answer.raise_for_status()
        growers: list[str] = answer.json()["growers"]
        return growers

    is_wrong(replace(app, classify=classify).verdict("crash"), "your client had given up")


def update(
    azure: Azure, name: str, configuration: aca.Configuration, template: aca.Template | None = None
) -> None:
    """Send the app what changes."""
    change = aca.ContainerApp(
        location=azure.location,
        properties=aca.ContainerAppProperties(configuration=configuration, template=template),
    )
    azure.apps.container_apps.begin_update(azure.resource_group, name, change).result()


def test_bad_an_app_that_goes_to_zero(azure: Azure, wine_image: Image, app: Solution) -> None:
    name = app.name
    third = container_app.template(wine_image, "1", min_replicas=0)
    third.revision_suffix = "v3"
    traffic = [aca.TrafficWeight(revision_name=f"{name}--v3", weight=100)]
    update(azure, name, aca.Configuration(ingress=aca.Ingress(traffic=traffic)), third)
    fails_only_in("target", app, "v3 has min_replicas=0")


def test_bad_an_app_with_an_open_key_and_no_probe(
    azure: Azure, wine_image: Image, app: Solution
) -> None:
    name = app.name
    fourth = container_app.template(wine_image, "1", min_replicas=1)
    fourth.revision_suffix = "v4"
    assert fourth.containers
    assert fourth.containers[0].env
    fourth.containers[0].env[1] = aca.EnvironmentVar(name="API_KEY", value=str(app.key))
    fourth.containers[0].probes = []
    traffic = [aca.TrafficWeight(revision_name=f"{name}--v4", weight=100)]
    update(azure, name, aca.Configuration(ingress=aca.Ingress(traffic=traffic)), fourth)
    is_wrong(app.verdict("service"), "v4 has no readiness probe")
    is_wrong(app.verdict("lock"), "can read the key in its revision wine-app--v4")


def test_bad_an_app_that_nobody_reaches(azure: Azure, app: Solution) -> None:
    name = app.name
    update(azure, name, aca.Configuration(ingress=aca.Ingress(external=False)))
    for part in ("service", "answers"):
        is_wrong(app.verdict(part), "Nobody reaches the app")
    update(azure, name, aca.Configuration(ingress=aca.Ingress(external=True)))


# In front of the API: who grows what is looked up anew for each request, as in the old system.
SLOW = """
def ask_the_register(self, rows, classify=WineModel.classify):
    time.sleep(1.5)
    return classify(self, rows)

WineModel.classify = ask_the_register
"""
# What WineModel says of wrong readings is not caught.
UNGUARDED = """
def unguarded(self, rows, classify=WineModel.classify):
    try:
        return classify(self, rows)
    except ReadingsError as error:
        raise RuntimeError("13 numbers") from error

WineModel.classify = unguarded
"""


def with_a_mistake(
    azure: Azure, wine_image: Image, handed_in: Solution, *, code: str = "", **change: str
) -> Solution:
    """The group anew, with this mistake."""
    name, key = handed_in.name, change.pop("key", str(handed_in.key))
    described = container_group.describe(azure, name, wine_image, "1", key, **change)
    if code:
        program = (
            "import os, time, uvicorn\nfrom wine_model import ReadingsError, WineModel\n"
            f"{code}\nfrom main import app\n"
            "uvicorn.run(app, host=os.environ.get('HOST', '0.0.0.0'), "
            "port=int(os.environ.get('PORT', 8080)))\n"
        )
        described.containers[0].command = ["python", "-c", program]
    if key != handed_in.key:
        described.containers[0].environment_variables[1] = aci.EnvironmentVariable(
            name="API_KEY", value=key
        )
    groups = azure.instances.container_groups
    groups.begin_delete(azure.resource_group, name).result()
    groups.begin_create_or_update(azure.resource_group, name, described).result()
    container_group.wait_for(f"http://{name}.{azure.location}.azurecontainer.io:8080")
    return replace(handed_in, key=key)


def test_bad_a_group_that_nobody_starts_again(
    azure: Azure, wine_image: Image, group: Solution
) -> None:
    changed = with_a_mistake(azure, wine_image, group, restart_policy="Never")
    for part in QUICK:
        is_right(changed.verdict(part))
    is_wrong(changed.verdict("crash"), "restart policy is Never")


def test_bad_a_key_that_all_can_read(azure: Azure, wine_image: Image, group: Solution) -> None:
    changed = with_a_mistake(azure, wine_image, group, key="open-for-everybody-to-read")
    fails_only_in("lock", changed, "can read the key", "secure_value")


def test_bad_work_for_each_request(azure: Azure, wine_image: Image, group: Solution) -> None:
    changed = with_a_mistake(azure, wine_image, group, code=SLOW)
    is_wrong(changed.verdict("target"), "0% of 60 answers came within 1 s", "could be done once")


def test_bad_wrong_requests_are_an_error_of_ours(
    azure: Azure, wine_image: Image, group: Solution
) -> None:
    changed = with_a_mistake(azure, wine_image, group, code=UNGUARDED)
    fails_only_in("answers", changed, "a wine of three readings", "500", "It should be 400")


def test_without_version_2_that_part_is_not_attempted(azure: Azure, group: Solution) -> None:
    groups, name = azure.instances.container_groups, f"{group.name}-v2"
    groups.begin_delete(azure.resource_group, name).result()
    verdict = group.verdict("bad_version")
    assert verdict.state is AnswerState.NOT_ATTEMPTED
    assert "is not up yet" in verdict.message


def test_cleaning_up_deletes_what_has_the_name(
    workspace: MLClient, azure: Azure, group: Solution, app: Solution, endpoint: Solution
) -> None:
    (cell,) = (code for code in code_of("12") if "def mine():" in code)
    for handed_in in (group, app, endpoint):
        names = {
            "subscription_id": workspace.subscription_id,
            "resource_group": workspace.resource_group_name,
            "workspace_name": workspace.workspace_name,
            "name": handed_in.name,
        }
        exec(cell, names | {"clean_up": False})
        assert len(handed_in.hand_in.services()) == 1
        exec(cell, names | {"clean_up": True})
        assert handed_in.hand_in.services() == []
    apps = azure.apps.managed_environments
    assert list(apps.list_by_resource_group(azure.resource_group)) == []
