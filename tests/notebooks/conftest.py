"""The lessons as they are stored, and what a lesson needs to be tried without running it whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from azure.ai.ml import MLClient

from helpers.workspace import ensure_models
from practice.catalogue import number_of
from tests.azure import azure_in, course_client

ROOT = Path(__file__).parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]*.ipynb"))
INSTANCE_TYPE = "Standard_D4as_v4"
Names = dict[str, Any]


def read(lesson: Path) -> nbformat.NotebookNode:
    return nbformat.read(lesson, as_version=4)


def code_of(number: str) -> list[str]:
    """The code cells of the lesson with this number."""
    notebook = read(next(path for path in LESSONS if number_of(path) == number))
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def notebook(lesson: Path) -> nbformat.NotebookNode:
    return read(lesson)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLClient]:
    """The client of a workspace in which there is nothing but what the lessons register.

    Containers are processes of this machine, whether it has Docker or not.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_LOCAL_CONTAINERS", "process")
        with azure_in(tmp_path_factory.mktemp("lessons-azure")):
            client = course_client()
            ensure_models(client)
            yield client
