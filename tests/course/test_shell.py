"""How a kernel shows Azure's errors, and how it goes on with a wait that was interrupted."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from course.azure_error import LOST
from course.execution import LessonFailedError, execute
from course.lessons import NOTEBOOKS
from course.local_connection import STARTED
from course.places import LOCAL
from emulator.home import Home

from .cells import started
from .conftest import notebook
from .test_local_connection import CONNECT, kill

MISSING = "name = 'none'\nml_client.online_endpoints.get(name)"
# Its deployment comes up when the file is there.
SCORE = """\
import time
from pathlib import Path

def init():
    while not Path({gate!r}).exists():
        time.sleep(0.05)

def run(data):
    return 1
"""
DEPLOY = """
deployment = ManagedOnlineDeployment(
    name="blue",
    endpoint_name="digits-ada",
    environment=Environment(
        image="mcr.microsoft.com/azureml/minimal-ubuntu22.04-py311-cpu-inference:latest",
        conda_file={"dependencies": ["python=3.11", {"pip": ["azureml-inference-server-http"]}]},
    ),
    code_configuration=CodeConfiguration(code=folder, scoring_script="score.py"),
    instance_type="Standard_D4as_v4",
    instance_count=1,
)
blue = wait(ml_client.online_deployments.begin_create_or_update(deployment), "blue")
print(blue.provisioning_state.value)
"""


@pytest.mark.usefixtures("kernelspecs")
def test_an_error_of_azure_is_a_box_and_its_traceback_is_one_command_away(home: Home) -> None:
    with started("azure-local", NOTEBOOKS) as kernel:
        kernel.run(CONNECT)
        output = kernel.run(MISSING)
        # Whoever gathers errors (papermill, nbclient, a front end) finds that the cell has failed.
        assert (output.status, output.error_name) == ("error", "ResourceNotFoundError")
        assert output.error == (
            "ResourceNotFoundError in Cell In[2], line 2. %tb shows the whole traceback."
        )
        (box,) = output.displays
        assert box["text/plain"].startswith("Azure says: ResourceNotFound\nThe Resource ")
        assert "<strong>Azure says: ResourceNotFound</strong>" in box["text/html"]
        folded = box["text/html"].partition("<details>")[2]
        assert "ml_client.online_endpoints.get(name)" in folded
        assert "azure/ai/ml/operations" in folded

        whole = kernel.run("%tb")
        assert len(whole.error.splitlines()) > 20
        assert "azure/ai/ml/operations" in whole.error

        caught = kernel.run(f"try:\n    {MISSING.splitlines()[1]}\nexcept Exception: print('mine')")
        assert (caught.printed, caught.displays, caught.error) == ("mine\n", [], "")
        other = kernel.run("{}['blue']")
        assert (other.displays, other.error_name) == ([], "KeyError")
        assert "Traceback (most recent call last)" in other.error
        stopped = kernel.run("import requests\nrequests.get('http://127.0.0.1:1')")
        assert "Traceback (most recent call last)" in stopped.error, "no part of Azure"


@pytest.mark.usefixtures("kernelspecs")
def test_a_lesson_that_is_run_as_a_whole_stops_there_and_tells_the_line(
    home: Home, tmp_path: Path
) -> None:
    refused = 'raise HttpResponseError("(OutOfQuota) Not enough quota")'
    lesson = notebook(
        tmp_path / "01-refused.ipynb",
        f"from azure.core.exceptions import HttpResponseError\nprint('before')\n{refused}",
        "print('never')",
    )
    with pytest.raises(LessonFailedError) as failed:
        execute(lesson, tmp_path / "out.ipynb", LOCAL, tmp_path)
    assert f">   3  {refused}\n" in str(failed.value)
    assert str(failed.value).endswith("HttpResponseError: (OutOfQuota) Not enough quota")
    first, second = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-2:]
    kinds = [output.output_type for output in first.outputs]
    assert kinds == ["stream", "display_data", "error"]
    assert second.execution_count is None


@pytest.mark.usefixtures("kernelspecs")
def test_a_cell_that_was_interrupted_goes_on_waiting_when_it_is_run_again(
    home: Home, tmp_path: Path
) -> None:
    gate, code = tmp_path / "gate", tmp_path / "code"
    code.mkdir()
    (code / "score.py").write_text(SCORE.format(gate=str(gate)))
    with started("azure-local", tmp_path) as kernel:
        interrupted = False

        def interrupt(printed: str) -> None:
            nonlocal interrupted
            if "starting the server" in printed and not interrupted:
                interrupted = True
                kernel.manager.interrupt_kernel()

        kernel.run(CONNECT + "from azure.ai.ml.entities import *\nfrom helpers.wait import wait")
        kernel.run(f"folder = {str(code)!r}")
        kernel.run(
            "endpoint = ManagedOnlineEndpoint(name='digits-ada')\n"
            "wait(ml_client.online_endpoints.begin_create_or_update(endpoint), 'it')"
        )
        stopped = kernel.run(DEPLOY, interrupt)
        assert (stopped.status, stopped.error_name) == ("error", "WaitingStopped")
        assert stopped.error == "Azure carries on with blue. Run the cell again to keep waiting."
        assert stopped.displays == []

        conflict = kernel.run("ml_client.online_deployments.begin_create_or_update(deployment)")
        assert conflict.displays[0]["text/plain"].startswith("Azure says: OperationInProgress\n")
        assert "docs/troubleshooting.md#operationinprogress" in conflict.displays[0]["text/plain"]

        killed = False

        def kill_once(printed: str) -> None:
            nonlocal killed
            if "blue, under way already: InProgress" in printed and not killed:
                killed = True
                kill(home)

        lost = kernel.run(DEPLOY, kill_once)
        assert (lost.status, lost.error_name) == ("error", "ServiceRequestError")
        assert lost.displays[0]["text/plain"] == LOST.as_text()
        assert len(lost.error) < 100

        def open_gate(printed: str) -> None:
            if "blue: InProgress" in printed:
                gate.touch()

        again = kernel.run(DEPLOY, open_gate)
        assert again.status == "ok", again.displays[0]["text/plain"]
        assert again.printed.startswith(f"{STARTED}\n")
        # What was being made when it was killed is not made after it: the cell asks anew.
        assert "blue, under way already: Failed after " in again.printed
        assert "\rblue: Succeeded after " in again.printed
        assert again.printed.endswith("Succeeded\n")


WORK = """
from pathlib import Path
import time
from azure.core.polling import LROPoller, PollingMethod
from helpers.wait import wait

class Work(PollingMethod):
    state = "InProgress"
    def __init__(self, gate): self.gate = Path(gate)
    def initialize(self, *_): pass
    def run(self):
        while not self.gate.exists():
            time.sleep(0.05)
        self.state = "Succeeded"
    def status(self): return self.state
    def finished(self): return self.state == "Succeeded"
    def resource(self): return None
"""
BOTH = """
pollers = [LROPoller(None, None, lambda _: None, Work(gate)) for gate in ("one", "two")]
wait(pollers[0], "first")
wait(pollers[1], "second")
"""


@pytest.mark.usefixtures("kernelspecs")
def test_a_cell_that_began_two_operations_waits_for_both_before_it_begins_them_again(
    home: Home, tmp_path: Path
) -> None:
    with started("azure-local", tmp_path) as kernel:
        kernel.run(WORK)
        interrupted = False

        def interrupt(printed: str) -> None:
            nonlocal interrupted
            if not interrupted:
                interrupted = True
                kernel.manager.interrupt_kernel()

        assert kernel.run(BOTH, interrupt).error_name == "WaitingStopped"

        def open_gates(printed: str) -> None:
            if "first, under way already: InProgress" in printed:
                (tmp_path / "one").touch()
            if "another operation, under way already: InProgress" in printed:
                (tmp_path / "two").touch()

        again = kernel.run(BOTH, open_gates)
        assert (again.status, again.displays) == ("ok", [])
        ends = re.findall(r"\r([^\r]+): Succeeded after", again.printed)
        assert ends == [
            "first, under way already",
            "another operation, under way already",
            "first",
            "second",
        ]
