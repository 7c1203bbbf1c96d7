"""ACR Tasks through azure-mgmt-containerregistrytasks: upload, build, log."""

from __future__ import annotations

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_machine import DOCKERFILE, SERVE, archive
from tests.waiting import until

FILES = {"Dockerfile": DOCKERFILE, "serve.py": SERVE}


def test_a_build_runs_and_its_image_is_in_the_registry(machine, name):
    queued = machine.schedule(name, "team/web:1", FILES)
    assert (queued.status, queued.run_type, queued.run_id) == ("Queued", "QuickBuild", "cb1")
    log, outcome = machine.log(name, queued.run_id)
    assert outcome == "successful"
    assert "COPY serve.py" in log
    assert log.rstrip().splitlines()[-1].startswith("Run ID: cb1 was successful after ")
    assert all(line.endswith("\r") for line in log.split("\n")[:-1])
    run = machine.tasks.runs.get(RESOURCE_GROUP, name, queued.run_id)
    assert (run.status, run.provisioning_state) == ("Succeeded", "Succeeded")
    assert queued.create_time <= run.start_time <= run.finish_time
    [image] = run.output_images
    assert (image.registry, image.repository, image.tag) == (f"{name}.azurecr.io", "team/web", "1")
    credentials = machine.credentials(name)
    listed = requests.get(
        f"https://{name}.azurecr.io/acr/v1/team/web/_tags/1",
        auth=(credentials["username"], credentials["password"]),
        timeout=10,
    )
    assert listed.json()["tag"]["digest"] == image.digest


def test_the_names_may_hold_the_runs_id(machine, name):
    images = ["web:{{.Run.ID}}", f"{name}.azurecr.io/web:1", "$Registry/other"]
    queued = machine.schedule(name, "", FILES, imageNames=images, isPushEnabled=True)
    run = machine.run(name, queued.run_id)
    assert [(image.repository, image.tag) for image in run.output_images] == [
        ("web", queued.run_id),
        ("web", "1"),
        ("other", "latest"),
    ]


def test_runs_are_listed_newest_first_and_filtered(machine, name):
    good = machine.schedule(name, "web:1", FILES).run_id
    bad = machine.schedule(name, "web:2", {"Dockerfile": "FROM\n"}).run_id
    machine.log(name, good)
    machine.log(name, bad)
    runs = machine.tasks.runs
    assert [run.name for run in runs.list(RESOURCE_GROUP, name)] == [bad, good]
    assert [run.name for run in runs.list(RESOURCE_GROUP, name, top=1)] == [bad]
    failed = runs.list(
        RESOURCE_GROUP, name, filter="Status eq 'Failed' and RunType eq 'QuickBuild'"
    )
    assert [run.name for run in failed] == [bad]
    with pytest.raises(HttpResponseError, match="ImageManifests"):
        list(runs.list(RESOURCE_GROUP, name, filter="contains(ImageManifests, 'x')"))


def test_a_failed_build_says_why_and_pushes_nothing(machine, name):
    broken = {"Dockerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY missing.py .\n"}
    run_id = machine.schedule(name, "web:1", broken).run_id
    log, outcome = machine.log(name, run_id)
    run = machine.tasks.runs.get(RESOURCE_GROUP, name, run_id)
    assert (run.status, outcome, run.output_images) == ("Failed", "failed", None)
    assert "missing.py" in run.run_error_message
    assert f"Run ID: {run_id} failed after" in log
    assert machine.registries.list_usages(RESOURCE_GROUP, name).value[0].current_value == 0


def test_without_a_push_the_image_is_not_in_the_registry(machine, name):
    queued = machine.schedule(name, "web:1", FILES, isPushEnabled=False)
    run = machine.run(name, queued.run_id)
    assert (run.status, run.output_images) == ("Succeeded", None)
    assert machine.registries.list_usages(RESOURCE_GROUP, name).value[0].current_value == 0


def test_a_queued_build_can_be_canceled(machine, name):
    # Two are built at once, so the last of them waits.
    slow = {**FILES, **{f"{number}.txt": "x" * 1000 for number in range(2000)}}
    slow["Dockerfile"] = DOCKERFILE.replace("COPY serve.py .", "COPY . .")
    runs = [machine.schedule(name, f"web:{number}", slow).run_id for number in range(4)]
    machine.tasks.runs.cancel(RESOURCE_GROUP, name, runs[-1])
    _, outcome = machine.log(name, runs[-1])
    run = machine.tasks.runs.get(RESOURCE_GROUP, name, runs[-1])
    assert (run.status, outcome) == ("Canceled", "canceled")
    for run_id in runs[:-1]:
        assert machine.run(name, run_id).status == "Succeeded"
    with pytest.raises(HttpResponseError) as refused:
        machine.tasks.runs.cancel(RESOURCE_GROUP, name, runs[0])
    assert refused.value.error.code == "RunCannotBeCanceled"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dockerFilePath": ""}, "dockerFilePath"),
        ({"sourceLocation": ""}, "sourceLocation"),
        ({"sourceLocation": "source/none.tar.gz"}, "sourceLocation"),
        ({"platform": {}}, "platform.os"),
        ({"imageNames": ["UPPER:1"]}, "imageNames"),
        ({"imageNames": ["web:a b"]}, "imageNames"),
        ({"timeout": 1}, "timeout"),
        ({"type": "Other"}, "type"),
    ],
)
def test_a_bad_request_names_the_field(machine, name, change, field):
    with pytest.raises(HttpResponseError) as refused:
        machine.schedule(name, "web:1", FILES, **change)
    assert (refused.value.status_code, refused.value.error.target) == (400, field)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"type": "FileTaskRunRequest", "taskFilePath": "acb.yaml"}, "FileTaskRunRequest"),
        ({"platform": {"os": "Windows"}}, "Windows"),
        ({"platform": {"os": "Linux", "architecture": "arm64"}}, "arm64"),
        ({"sourceLocation": "https://github.com/Azure/acr-builder.git"}, "github.com"),
        ({"imageNames": ["other.azurecr.io/web:1"]}, "other.azurecr.io"),
        ({"target": "stage"}, "target"),
    ],
)
def test_what_is_not_emulated_is_named(machine, name, change, what):
    with pytest.raises(HttpResponseError, match=what) as refused:
        machine.schedule(name, "web:1", FILES, **change)
    assert refused.value.status_code == 501


def test_a_source_that_is_no_archive_fails_the_run(machine, name):
    source = machine.upload(name, b"not a tar")
    run = machine.run(name, machine.schedule(name, "web:1", FILES, sourceLocation=source).run_id)
    assert run.status == "Failed"
    assert "not a tar archive" in run.run_error_message


def test_an_archive_cannot_write_outside_of_its_folder(machine, name):
    source = machine.upload(name, archive({"../../../escaped.txt": "x", **FILES}))
    run = machine.run(name, machine.schedule(name, "web:1", FILES, sourceLocation=source).run_id)
    assert run.status == "Failed"
    assert "escaped.txt" in run.run_error_message
    assert not list(machine.azure.home.root.rglob("escaped.txt"))


def test_a_link_to_one_registry_opens_no_other(machine, name, unique):
    other = f"other{unique}"
    machine.registry(other)
    machine.log(name, machine.schedule(name, "web:1", FILES).run_id)
    machine.log(other, machine.schedule(other, "web:1", FILES).run_id)

    def link(registry: str) -> str:
        return machine.tasks.runs.get_log_sas_url(RESOURCE_GROUP, registry, "cb1").log_link

    forged = f"{link(name).partition('?')[0]}?{link(other).partition('?')[2]}"
    with pytest.raises(HttpResponseError) as refused:
        BlobClient.from_blob_url(forged).download_blob()
    assert refused.value.status_code == 403
    machine.registries.begin_delete(RESOURCE_GROUP, other).result()


def test_killed_in_the_middle_of_a_build_the_run_ends_in_error(own_machine, unique):
    machine, name = own_machine, f"reg{unique}"
    machine.registry(name)
    image = machine.build(name, "web:1")
    runs = [machine.schedule(name, "web:2", FILES).run_id for _ in range(4)]
    machine.azure.kill()
    machine.azure.start()
    log, outcome = machine.log(name, runs[-1])
    run = machine.tasks.runs.get(RESOURCE_GROUP, name, runs[-1])
    assert (run.status, outcome) == ("Error", "internalerror")
    assert "stopped during the run" in log
    assert machine.registries.get(RESOURCE_GROUP, name).login_server == f"{name}.azurecr.io"
    assert until(lambda: machine.run(name, "cb1").status == "Succeeded")
    assert image.endswith(machine.run(name, "cb1").output_images[0].tag)
    machine.registries.begin_delete(RESOURCE_GROUP, name).result()
