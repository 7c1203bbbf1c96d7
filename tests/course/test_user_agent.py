"""What a kernel's requests say of it: the place, and the notebook's file name."""

from __future__ import annotations

import os

import pytest
from azure.core.pipeline.policies import UserAgentPolicy
from IPython.core.interactiveshell import InteractiveShell

from course.user_agent import SESSION, VARIABLE, VS_CODE, name_kernel, name_kernel_by_cell


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
