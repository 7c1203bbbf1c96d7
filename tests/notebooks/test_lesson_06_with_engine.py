"""Own cells of lessons 06 and 06b with real containers, where a Docker or Podman engine answers.

In the place of the API is a small web server, so that no build has to fetch PyTorch.
"""

from __future__ import annotations

import io
import os
import secrets
import tarfile
from collections.abc import Iterator

import pytest
from azure.identity import DefaultAzureCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient
from azure.storage.blob import BlobClient

from emulator.containers.engine import discovery
from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION
from helpers.image import RegistryImage
from tests.azure import azure_in
from tests.notebooks.conftest import Names
from tests.notebooks.container_names import define, run_cell

ENGINE = discovery.find({**os.environ, discovery.SWITCH: "engine"})
BASE_IMAGE = os.environ.get("AZURE_LOCAL_TEST_BASE_IMAGE", "localhost/python:3.11-debian")
DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
WORKDIR /app
USER 10001
CMD exec python -m http.server 8080
"""

POLICIES = (
    'policies = [("Always", 1), ("Always", 0), ("OnFailure", 1), ("OnFailure", 0), ("Never", 0)]'
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ENGINE.engine is None, reason=ENGINE.description),
]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    """What the lesson has defined when its image is built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(discovery.SWITCH, "engine")
        with azure_in(tmp_path_factory.mktemp("engine-azure")):
            names = _names(secrets.token_hex(3))
            yield names
            for group in names["groups"].list_by_resource_group(RESOURCE_GROUP):
                names["groups"].begin_delete(RESOURCE_GROUP, group.name).wait()
            # With the registry goes the image, also from the engine.
            registries, name = names["registries"], names["registry_name"]
            registries.begin_delete(RESOURCE_GROUP, name).wait()


def _names(suffix: str) -> Names:
    credential = DefaultAzureCredential()
    instances = ContainerInstanceManagementClient(credential, SUBSCRIPTION)
    names: Names = {
        "instances": instances,
        "groups": instances.container_groups,
        "registries": ContainerRegistryManagementClient(credential, SUBSCRIPTION).registries,
        "build_tasks": ContainerRegistryTasksMgmtClient(credential, SUBSCRIPTION),
        "resource_group": RESOURCE_GROUP,
        "location": REGION,
        "suffix": suffix,
    }
    define("06", names)
    run_cell("06", 'registry_name = f"digits{suffix}"', names)
    request = names["DockerBuildRequest"](
        source_location=_upload(names),
        docker_file_path="Dockerfile",
        image_names=["digits:1"],
        is_push_enabled=True,
        platform=names["PlatformProperties"](os="Linux"),
        arguments=[names["Argument"](name="BASE_IMAGE", value=BASE_IMAGE)],
    )
    registry = names["registry_name"]
    run = names["build_tasks"].registries.schedule_run(RESOURCE_GROUP, registry, request)
    run, log = names["follow"](names["build_tasks"], RESOURCE_GROUP, registry, run)
    assert run.status == "Succeeded", log
    run_cell("06", "admin = registries.list_credentials(resource_group, registry_name)", names)
    names["image"] = RegistryImage(
        names["server"], f"{names['server']}/digits:1", names["admin"].username, names["password"]
    )
    run_cell("06", "groups = instances.container_groups", names)
    return names


def _upload(names: Names) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(DOCKERFILE)
        archive.addfile(member, io.BytesIO(DOCKERFILE.encode()))
    place = names["build_tasks"].registries.get_build_source_upload_url(
        RESOURCE_GROUP, names["registry_name"]
    )
    BlobClient.from_blob_url(place.upload_url).upload_blob(packed.getvalue())
    return str(place.relative_path)


def test_the_group_answers_and_its_secrets_stay(
    names: Names, capsys: pytest.CaptureFixture[str]
) -> None:
    run_cell("06", '    "Which values does Azure show?",', names)
    run_cell("06", "seen = groups.get(resource_group, group_name)", names)
    assert "It was APP_VERSION. (You had not chosen.)" in capsys.readouterr().out
    log = names["instances"].containers.list_logs(RESOURCE_GROUP, names["group_name"], "digits")
    assert '"GET / HTTP/1.1" 200' in log.content


@pytest.fixture
def failing(names: Names) -> Names:
    """What lesson 06b has defined."""
    define("06b", names)
    return names


def test_restart_policies(failing: Names, capsys: pytest.CaptureFixture[str]) -> None:
    run_cell("06b", POLICIES, failing)
    run_cell("06b", '    "Which of the five will be started again?",', failing)
    run_cell("06b", "from helpers.wait import settled", failing)
    capsys.readouterr()
    run_cell("06b", 'print("policy     exit code   restarts   state")', failing)
    table = [line.split(maxsplit=3) for line in capsys.readouterr().out.splitlines()[1:6]]
    assert [(row[0], row[1], row[-1].split()[-1]) for row in table] == [
        ("Always", "1", "CrashLoopBackOff"),
        ("Always", "0", "CrashLoopBackOff"),
        ("OnFailure", "1", "CrashLoopBackOff"),
        ("OnFailure", "0", "Completed"),
        ("Never", "0", "Completed"),
    ]


def test_failures_on_purpose(failing: Names, capsys: pytest.CaptureFixture[str]) -> None:
    run_cell("06b", 'bad_name = f"{group_name}-bad"', failing)
    assert "400 InaccessibleImage" in capsys.readouterr().out
    failing["guess"] = failing["predict"]("The last line?", ["a MemoryError", "a number of MB"])
    run_cell("06b", 'greedy_name = f"{group_name}-greedy"', failing)
    printed = capsys.readouterr().out
    assert "Terminated OOMKilled exit code 137" in printed
    assert "It was a number of MB." in printed
