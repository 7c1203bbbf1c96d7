"""What Azure is doing, read from a deployment's log."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.core.exceptions import HttpResponseError

from helpers.progress import STEPS, Deployment, find_deployment
from helpers.wait import wait
from tests.emulator.services.deployments import Workbench

FAILS = "def init():\n    1 / 0\n\n\ndef run(data):\n    return 1\n"


class Client:
    """Answers with a log, as Azure does."""

    def __init__(self, log: str) -> None:
        self.log = log

    def send_request(self, request: object, **options: object) -> Client:
        return self

    def raise_for_status(self) -> None:
        pass

    def json(self) -> dict[str, str]:
        return {"content": self.log}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, (0, "")),
        ({"SystemSetup": "InProgress"}, (0, "setting up the machine")),
        (
            {"SystemSetup": "Succeeded", "UserContainerImagePull": "InProgress"},
            (1, "fetching the image"),
        ),
        (dict.fromkeys(STEPS, "Succeeded"), (4, "")),
    ],
)
def test_the_first_step_that_is_not_done_is_what_azure_does(
    states: dict[str, str], expected: tuple[int, str]
) -> None:
    lines = "".join(f"{step}: {state}\n" for step, state in states.items())
    log = f"Instance status:\n{lines}\nContainer logs:\nready"
    assert Deployment("blue", "https://x/y?z", Client(log)).step() == expected


def test_an_operation_on_anything_else_has_no_steps(ml_client: MLClient, unique: str) -> None:
    endpoint = ManagedOnlineEndpoint(name=f"digits-{unique}")
    poller = ml_client.online_endpoints.begin_create_or_update(endpoint)
    assert find_deployment(poller) is None
    poller.result()


def test_a_failed_deployments_error_has_its_log(
    ml_client: MLClient, unique: str, tmp_path: Path
) -> None:
    bench = Workbench(ml_client, tmp_path, unique)
    try:
        wanted = bench.wanted(bench.endpoint().name, script=FAILS)
        poller = ml_client.online_deployments.begin_create_or_update(wanted)
        with pytest.raises(HttpResponseError, match="ResourceNotReady") as failed:
            wait(poller, "blue")
    finally:
        bench.clean()
    (note,) = failed.value.__notes__
    assert note.startswith("The end of the log of blue:\nInstance status:\nSystemSetup: Succeeded")
    assert "UserContainerStart: Failed" in note
    assert "ZeroDivisionError: division by zero" in note
