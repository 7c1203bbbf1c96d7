"""What a kernel's requests say of it: the place, and the notebook's file name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
from azure.core.pipeline.policies import UserAgentPolicy
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook

from course.execution import execute
from course.user_agent import SESSION, VARIABLE, VS_CODE, name_kernel, name_kernel_by_cell
from emulator.home import Home

# A cell that asks for the resource groups and shows what the request log has of that.
CELL = """
import os, requests
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient
credential, subscription = DefaultAzureCredential(), os.environ["AZURE_SUBSCRIPTION_ID"]
list(ResourceManagementClient(credential, subscription).resource_groups.list())
token = credential.get_token("https://management.azure.com/.default").token
url = f"https://management.azure.com/subscriptions/{subscription}/providers"
url += "/LocalAzure.RequestLog/requests?api-version=2026-11-01&text=resourceGroups"
print(requests.get(url, headers={"Authorization": f"Bearer {token}"}).text)
"""


@pytest.mark.parametrize(
    ("session", "sent"),
    [
        ("/home/ada/course/04-deployment.ipynb", "azure-local-kernel/1 (04-deployment.ipynb)"),
        ("C:\\Users\\ada\\04 try.ipynb", "azure-local-kernel/1 (04 try.ipynb)"),
        ("zählen (2).ipynb", "azure-local-kernel/1 (z%C3%A4hlen %282%29.ipynb)"),
        ("a\r\nb.ipynb", "azure-local-kernel/1 (a%0D%0Ab.ipynb)"),
        ("", "azure-local-kernel/1"),
    ],
)
def test_it_is_the_file_s_name_in_characters_that_a_header_may_have(
    session: str, sent: str
) -> None:
    environment = {SESSION: session}
    name_kernel(environment)
    assert environment[VARIABLE] == sent


def test_what_was_in_the_variable_stays_and_a_kernel_is_named_once() -> None:
    environment = {VARIABLE: "mine/2 (x)", SESSION: "a.ipynb"}
    name_kernel(environment)
    name_kernel(environment, "b.ipynb")
    assert environment[VARIABLE] == "mine/2 (x) azure-local-kernel/1 (b.ipynb)"


def test_vs_code_names_the_notebook_after_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv(SESSION, raising=False)
    monkeypatch.setenv(VARIABLE, "")
    shell = InteractiveShell()
    name_kernel_by_cell(os.environ, shell)
    policy = UserAgentPolicy()
    assert policy.user_agent.endswith(" azure-local-kernel/1")
    shell.user_ns[VS_CODE] = "/home/ada/06-scoring.ipynb"
    shell.run_cell("1")
    assert policy.user_agent.endswith(" azure-local-kernel/1 (06-scoring.ipynb)")


def test_a_lesson_that_is_run_without_jupyter_is_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SESSION, raising=False)
    cell = new_code_cell(f"import os; print(os.environ['{SESSION}'])")
    lesson, executed = tmp_path / "07-apps.ipynb", tmp_path / "out" / "07-apps.ipynb"
    executed.parent.mkdir()
    nbformat.write(new_notebook(cells=[cell]), lesson)
    execute(lesson, executed, "python3", tmp_path)
    assert nbformat.read(executed, as_version=4).cells[0].outputs[0].text == "07-apps.ipynb\n"
    assert SESSION not in os.environ


def test_the_request_log_knows_the_notebook_of_a_kernel(
    home: Home, kernelspecs: Path, tmp_path: Path
) -> None:
    session = str(tmp_path / "Übung 04.ipynb")
    manager, client = start_new_kernel(
        kernel_name="azure-local", cwd=str(tmp_path), env={**os.environ, SESSION: session}
    )
    printed: list[str] = []
    try:
        client.execute_interactive(
            CELL,
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
            timeout=120,
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    newest = json.loads("".join(printed))["value"][0]
    assert (newest["kernel"], newest["notebook"]) == ("azure-local", "Übung 04.ipynb")
    assert newest["client"].startswith("azsdk-python-mgmt-resource")
