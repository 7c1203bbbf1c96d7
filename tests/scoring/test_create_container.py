"""create_container.py against local Azure: what it makes, prints, removes, and how it fails."""

import io
import os
import re
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistry.models import Registry, RegistryProperties, Sku

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
from emulator.home import Home
from scoring import train
from scoring.container_image import Failed, build_context
from scoring.create_container import main, predict_sample
from scoring.script import Exit, ScriptError
from tests.azure import LocalAzure
from tests.chromium import find_browser


@pytest.fixture(scope="module")
def ml_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLClient]:
    """The client of an emulator of this module's own, which needs no container engine."""
    before = dict(os.environ)
    os.environ["AZURE_LOCAL_CONTAINERS"] = "process"
    os.environ["AZURE_LOCAL_HOME"] = str(tmp_path_factory.mktemp("local-azure"))
    azure = LocalAzure(Home(Path(os.environ["AZURE_LOCAL_HOME"])))
    os.environ.update(azure.environment)
    yield MLClient(DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE)
    azure.stop()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "digits-pytorch"
    train.save(train.train("pytorch", train.load_digits_split()), folder)
    return folder


@pytest.fixture
def name(unique: str, ml_client: MLClient) -> Iterator[str]:
    """A name for everything, which is deleted at the end of the test whatever it did."""
    name = f"digits-{unique}"
    yield name
    assert main([name, "--delete"]) == Exit.OK


def test_a_group_is_made_updated_and_deleted(
    name: str, weights: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    registry = name.replace("-", "")
    groups = ContainerInstanceManagementClient(
        DefaultAzureCredential(), SUBSCRIPTION
    ).container_groups
    assert main([name, "--model-path", str(weights)]) == Exit.OK
    printed = capsys.readouterr().out
    assert f"Registry {registry} created." in printed
    assert re.search(r"STEP \d+/\d+ ?: RUN pip install", printed, re.IGNORECASE)
    assert f"Image {registry}.azurecr.io/digits:1 is built." in printed
    assert re.search(r"Truth: 3\. Prediction: 3, with probability [01]\.\d+\.", printed)
    assert f"http://{name}.{REGION}.azurecontainer.io:8080" in printed
    assert groups.get(RESOURCE_GROUP, name).containers[0].image.endswith("/digits:1")
    link = re.search(r"in a browser \(this link works once\): (http://127\.0\.0\.1:\S+)", printed)
    assert link
    if find_browser():
        page = request.getfixturevalue("browser").new_page()
        page.goto(link[1])
        # The API's own page, at an address that the browser finds without anybody's help.
        assert urlsplit(page.url).path == "/docs"
        assert f"{name}.{REGION}.azurecontainer.io" in page.url
        assert "Swagger UI" in page.title()
        page.close()

    assert main([name, "--model-path", str(weights), "--tag", "2"]) == Exit.OK
    assert f"Registry {registry} exists." in capsys.readouterr().out
    assert groups.get(RESOURCE_GROUP, name).containers[0].image.endswith("/digits:2")

    assert main([name, "--delete"]) == Exit.OK
    printed = capsys.readouterr().out
    assert f"Container group {name} is deleted." in printed
    assert f"Registry {registry} is deleted." in printed
    with pytest.raises(ResourceNotFoundError):
        groups.get(RESOURCE_GROUP, name)
    assert main([name, "--delete"]) == Exit.OK
    assert "nothing to delete" in capsys.readouterr().out


def test_an_app_is_made_and_deleted(
    name: str, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = ContainerAppsAPIClient(DefaultAzureCredential(), SUBSCRIPTION)
    arguments = [name, "--service", "containerapp", "--model-path", str(weights)]
    assert main([*arguments, "--cpu", "0.5"]) == Exit.OK
    printed = capsys.readouterr().out
    assert f"Environment {name}-env created." in printed
    assert "Truth: 3. Prediction: 3" in printed
    assert re.search(rf"It answers at https://{name}\.\S+\.azurecontainerapps\.io\n", printed)

    assert main([name, "--delete"]) == Exit.OK
    printed = capsys.readouterr().out
    for line in (f"Container app {name}", f"Environment {name}-env", "Registry "):
        assert line in printed
    with pytest.raises(ResourceNotFoundError):
        client.container_apps.get(RESOURCE_GROUP, name)


def test_the_image_alone(name: str, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--image-only", "--model-path", str(weights)]) == Exit.OK
    assert "Container group" not in capsys.readouterr().out
    assert main([name, "--delete"]) == Exit.OK
    assert "Container group" not in capsys.readouterr().out


def test_a_registry_of_somebody_else_stays(
    name: str, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = name.replace("-", "")
    registries = ContainerRegistryManagementClient(
        DefaultAzureCredential(), SUBSCRIPTION
    ).registries
    body = Registry(
        location=REGION,
        sku=Sku(name="Basic"),
        properties=RegistryProperties(admin_user_enabled=False),
    )
    registries.begin_create(RESOURCE_GROUP, registry, body).result()
    assert main([name, "--model-path", str(weights)]) == Failed.BUILD
    assert f"Registry {registry} has no admin user." in capsys.readouterr().err
    assert main([name, "--delete"]) == Exit.OK
    assert "was not made by this script and stays" in capsys.readouterr().out
    assert registries.get(RESOURCE_GROUP, registry).name == registry
    registries.begin_delete(RESOURCE_GROUP, registry).result()


def test_a_build_that_fails_has_its_log_printed(
    name: str, weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASE_IMAGE", "localhost/no-such-image:0")
    bad = ["--build-arg", "BASE_IMAGE"]
    assert main([name, "--model-path", str(weights), *bad]) == Failed.BUILD
    problem = capsys.readouterr().err
    assert "The build ended as Failed." in problem
    assert "localhost/no-such-image:0" in problem


def test_a_model_that_the_api_cannot_load_has_the_containers_log_printed(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "digits.pt").write_bytes(b"no model")
    monkeypatch.setattr("scoring.create_container.PATIENCE", 8)
    assert main([name, "--model-path", str(tmp_path)]) == Failed.CONTAINER
    problem = capsys.readouterr().err
    assert "does not answer" in problem
    assert "--- its log ---" in problem
    assert "UnpicklingError" in problem


def test_names_that_azure_refuses(
    name: str, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model-path", str(weights), "--registry", name.replace("-", "")]
    assert main(["Not_A_Name", *arguments]) == Failed.CONTAINER
    assert "Container group Not_A_Name failed." in capsys.readouterr().err
    assert main([name, "--registry", "a-b", *arguments[:2]]) == Exit.AZURE
    assert "A call to Azure failed: " in capsys.readouterr().err


def test_the_context_has_the_model_asked_for_and_no_traces_of_this_machine() -> None:
    with tarfile.open(fileobj=io.BytesIO(build_context(b"weights")), mode="r:gz") as archive:
        members = {member.name.removeprefix("./"): member for member in archive}
        model = archive.extractfile("api/model/digits.pt")
        assert model
        assert model.read() == b"weights"
    assert {"api/Dockerfile", "api/app/main.py", "pytorch/network.py"} <= set(members)
    assert not [name for name in members if "__pycache__" in name]
    assert {(member.uid, member.uname) for member in members.values()} == {(0, "")}


def test_nothing_that_answers(unused_tcp_port_url: str) -> None:
    with pytest.raises(ScriptError, match="does not answer: ConnectionError") as raised:
        predict_sample(unused_tcp_port_url, patience=0)
    assert raised.value.code == Failed.CONTAINER


@pytest.fixture
def unused_tcp_port_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--build-arg", "NOT_SET"], "--build-arg NOT_SET: write NAME=VALUE, or set NOT_SET"),
        (["--service", "kubernetes"], "invalid choice: 'kubernetes'"),
    ],
)
def test_wrong_command_lines(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--subscription-id", "0", "--resource-group", "g", "--workspace", "w"]
    with pytest.raises(SystemExit) as ended:
        main(["digits-x", *where, *arguments])
    assert ended.value.code == Exit.USAGE
    assert sentence in capsys.readouterr().err
