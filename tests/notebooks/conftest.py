"""The lessons as they are stored, and what a lesson needs to be tried without running it whole."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from azure.ai.ml import MLClient

from helpers.workspace import ensure_models

ROOT = Path(__file__).parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
INSTANCE_TYPE = "Standard_DS3_v2"


def read(lesson: Path) -> nbformat.NotebookNode:
    return nbformat.read(lesson, as_version=4)


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def notebook(lesson: Path) -> nbformat.NotebookNode:
    return read(lesson)


@pytest.fixture(scope="session")
def workspace(ml_client: MLClient) -> MLClient:
    """The workspace's client, with the models and environments registered."""
    ensure_models(ml_client)
    return ml_client
