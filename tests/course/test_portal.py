"""`course portal`: a link for local Azure; for live Azure it serves the portal itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import requests

from course.lessons import ROOT
from tests.azure import LocalAzure


def portal(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "course", "portal", "--no-browser", *arguments],
        cwd=ROOT,
        env=environment or os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_prints_a_link_that_works(local_azure: LocalAzure) -> None:
    output, _ = portal().communicate(timeout=60)
    (link,) = (word for word in output.split() if word.startswith("http://"))
    with requests.Session() as session:
        session.trust_env = False
        page = session.get(link)
    assert page.status_code == 200
    assert "Local Azure" in page.text


def test_live_azure_needs_a_workspace_of_its_own(local_azure: LocalAzure) -> None:
    process = portal("--kernel", "azure-live")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "settings of local Azure" in errors


def test_live_azure_gets_a_portal_until_it_is_stopped(
    local_azure: LocalAzure, tmp_path: Path
) -> None:
    """Azure is local Azure here, reached as live Azure would be."""
    environment = {name: value for name, value in os.environ.items() if name != "AZURE_LOCAL_PROXY"}
    process = portal("--kernel", "azure-live", **environment, XDG_STATE_HOME=str(tmp_path))
    assert process.stdout is not None
    link = next(word for line in process.stdout for word in line.split() if "/sign-in?" in word)
    with requests.Session() as session:
        session.trust_env = False
        page = session.get(link)
    process.terminate()
    process.communicate(timeout=30)
    assert "cost money" in page.text
    assert "rg-deploying-models" in page.text
