"""Models trained once for all of these tests, and the two scoring scripts with them loaded."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from scoring import train
from scoring.train import DigitsSplit, Framework, Trained


@pytest.fixture(scope="session")
def split() -> DigitsSplit:
    return train.load_digits_split()


@pytest.fixture(scope="session", params=["pytorch", "keras"])
def framework(request: pytest.FixtureRequest) -> Framework:
    return request.param


@pytest.fixture(scope="session")
def trained(framework: Framework, split: DigitsSplit) -> Trained:
    return train.train(framework, split)


@pytest.fixture(scope="session")
def model_folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as AZUREML_MODEL_DIR has it when `digits-<framework>` was registered."""
    folder = tmp_path_factory.mktemp("azureml-models")
    train.save(trained, folder / f"digits-{trained.framework}")
    return folder


@pytest.fixture(scope="session")
def script(framework: Framework, model_folder: Path) -> ModuleType:
    """The framework's score.py, after init()."""
    module = importlib.import_module(f"scoring.{framework}.score")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUREML_MODEL_DIR", str(model_folder))
        module.init()
    return module
