"""The capstone's model as it is handed to learners, and what its solutions are pinned to."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

from scoring import wine
from scoring.wine import train
from scoring.wine.wine_model import DRILL, ReadingsError, WineModel

FOLDER = Path(wine.__file__).parent


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wine")
    train.main(["--output", str(folder)])
    return folder


def test_version_1_is_good_and_version_2_answers_as_well_but_is_not(models: Path) -> None:
    table = load_wine()
    growers = [str(table.target_names[number]) for number in table.target][::3]
    shares = {}
    for number in "12":
        model = WineModel(models / f"wine-{number}")
        named = model.classify(table.data[::3].tolist())
        shares[model.version] = sum(map(str.__eq__, named, growers)) / len(growers)
    assert shares["1"] > 0.95
    assert shares["2"] < 0.5


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("wine", "a list of wines, got str"),
        ([], "a list of wines"),
        ([[1.0] * 12], "13 numbers for wine 1, got 12 numbers"),
        ([[1.0] * 13, 7], "13 numbers for wine 2, got int"),
        ([[1.0] * 12 + ["x"]], "numbers for wine 1, got 'x'"),
        ([[1.0] * 12 + [float("nan")]], "finite numbers for wine 1, got nan"),
    ],
)
def test_wrong_readings_are_refused_with_a_sentence(models: Path, rows: object, why: str) -> None:
    with pytest.raises(ReadingsError, match=why):
        WineModel(models / "wine-1").classify(rows)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"one wine.joblib under .*, found 0"):
        WineModel(tmp_path)


def test_the_drill_ends_the_process(models: Path) -> None:
    code = f"from wine_model import *; WineModel({str(models / 'wine-1')!r}).classify([{DRILL}])"
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert "fire drill" in done.stdout


@pytest.mark.parametrize("name", ["conda.yaml", "requirements.txt"])
def test_the_solutions_pin_the_versions_of_these_tests(name: str) -> None:
    text = (FOLDER / "solutions" / name).read_text()
    pins = dict(re.findall(r"^[ -]*([\w-]+)==(\S+)$", text, re.MULTILINE))
    assert {"scikit-learn", "joblib", "numpy"} <= set(pins)
    assert pins == {package: version(package) for package in pins}
