"""What the kernels drop from a cell's output, and what they must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.quiet import REMARK
from emulator.home import Home
from tests.waiting import until

from .cells import run_cell, started
from .test_kernels import enter_as_live


@pytest.mark.parametrize(
    ("line", "dropped"),
    [
        ("WARNING: All log messages before absl::InitializeLog() is called are written to", True),
        ("I0000 00:00:1795388471.491827   29572 port.cc:153] oneDNN custom operations", True),
        ("E0000 00:00:1795388526.882149   30164 cuda_platform.cc:52] failed call to cuInit", True),
        ("To enable the following instructions: AVX2 FMA, in other operations, rebuild", True),
        ("WARNING: the learner's own", False),
        ("I0000 is my model's name", False),
        ("see I0000 00:00:1795388471.491827   29572 port.cc:153] above", False),
    ],
)
def test_only_tensorflows_remarks_are_dropped(line: str, dropped: bool) -> None:
    assert bool(REMARK.match(line)) is dropped


@pytest.mark.usefixtures("kernelspecs")
def test_a_cell_that_imports_the_courses_libraries_prints_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it, ipykernel ignores C libraries' output
    with started("azure-local", tmp_path) as client:
        source = (
            "import tensorflow, torch, keras\n"
            "from azure.ai.ml import MLClient\n"
            "from azure.ai.ml.entities import ManagedOnlineEndpoint\n"
            "import os, sys, time\n"
            "tensorflow.constant(1)\n"
            "print('mine')\n"
            "print('to stderr', file=sys.stderr)\n"
            "os.write(2, b'from a C library')\n"
            "time.sleep(1)"  # ipykernel reads what C libraries write in a thread of its own
        )
        printed, error = run_cell(client, source)
    assert error == ""
    assert sorted(printed.splitlines()) == ["from a C library", "mine", "to stderr"]


# What azure-ai-ml writes while it uploads a folder: a bar, then the end of its colour.
UPLOAD = """
import sys
from tqdm import tqdm
with tqdm(total=2, desc="\\x1b[32mUploading blue (0.01 MBs)", file=sys.stderr) as bar:
    bar.update(1)
    bar.update(1)
print("\\x1b[39m\\n", file=sys.stderr)
print("Uploading is over", file=sys.stderr)
print(file=sys.stderr)
with tqdm(total=1, desc="training", file=sys.stderr) as bar:
    bar.update(1)
"""


@pytest.mark.usefixtures("kernelspecs")
def test_upload_bars_are_left_out_where_an_upload_takes_no_time(home: Home, tmp_path: Path) -> None:
    with started("azure-local", tmp_path) as client:
        printed, error = run_cell(client, UPLOAD)
    assert error == ""
    assert printed.startswith("Uploading is over\n\n\rtraining:   0%|")
    assert "training: 100%|" in printed
    assert "blue" not in printed


@pytest.mark.usefixtures("kernelspecs")
def test_an_upload_bar_of_live_azure_is_not_on_red(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JupyterLab shows stderr on red. Local Azure's Entra ID stands for the real one."""
    enter_as_live(home, tmp_path, monkeypatch)
    with started("azure-live", tmp_path) as kernel:
        output = kernel.run(UPLOAD)
    assert "Uploading blue (0.01 MBs): 100%|" in output.streams["stdout"]
    assert "Uploading blue" not in output.streams["stderr"]
    assert output.streams["stderr"].startswith("Uploading is over\n\n\rtraining:   0%|")


REMARK_OF_C = "I0000 00:00:1795388471.491827   29572 cudart_stub.cc:31] Could not find cuda drivers"


@pytest.mark.usefixtures("kernelspecs")
def test_remarks_do_not_reach_the_terminal_and_errors_do(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it, ipykernel ignores C libraries' output
    terminal = tmp_path / "terminal"
    with terminal.open("wb") as file, started("azure-local", tmp_path, stderr=file) as kernel:
        kernel.run(f"import os\nos.write(2, b'{REMARK_OF_C}\\nfrom a C library\\n')")
        kernel.run(f"import subprocess\nsubprocess.run(['echo', {REMARK_OF_C!r}])")
        until(lambda: terminal.read_bytes().endswith(b"from a C library\n"))
    assert terminal.read_text() == "from a C library\n"


@pytest.mark.usefixtures("kernelspecs")
def test_a_failed_call_is_shown_once(home: Home, tmp_path: Path) -> None:
    with started("azure-local", tmp_path) as client:
        source = (
            "import os\n"
            "from azure.ai.ml import MLClient\n"
            "from azure.core.exceptions import ResourceNotFoundError\n"
            "from azure.identity import DefaultAzureCredential\n"
            "place = [os.environ[name] for name in "
            "('AZURE_SUBSCRIPTION_ID', 'AZURE_RESOURCE_GROUP', 'AZUREML_WORKSPACE')]\n"
            "try:\n"
            "    MLClient(DefaultAzureCredential(), *place).online_endpoints.get('none')\n"
            "except ResourceNotFoundError as error:\n"
            "    print(error.status_code)"
        )
        assert run_cell(client, source) == ("404\n", "")


@pytest.mark.usefixtures("kernelspecs")
def test_of_a_kernels_own_log_only_its_remarks_are_dropped(home: Home, tmp_path: Path) -> None:
    said = ["KeyboardInterrupt caught in kernel.", "Exception in message handler:"]
    with started("azure-local", tmp_path) as client:
        source = (
            "import logging\n"
            "log = get_ipython().kernel.log\n"
            f"for said in {said}:\n"
            "    if log.filter(logging.makeLogRecord({'msg': said})):\n"
            "        print(said)"
        )
        assert run_cell(client, source) == ("Exception in message handler:\n", "")
