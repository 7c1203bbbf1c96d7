"""Training: how good the models are, that it repeats, and what is written to disk."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scoring import train
from scoring.train import DigitsSplit, Framework, Trained


def test_split_holds_out_a_fifth_with_every_digit_in_it(split: DigitsSplit) -> None:
    assert split.train_images.shape == (1437, 8, 8)
    assert split.test_images.shape == (360, 8, 8)
    assert split.train_images.min() == 0
    assert split.train_images.max() == 16
    assert np.bincount(split.test_labels).min() >= 34


def test_no_held_out_digit_is_learnt_from(split: DigitsSplit) -> None:
    learnt = {image.tobytes() for image in split.train_images}
    assert not any(image.tobytes() in learnt for image in split.test_images)


def test_held_out_accuracy(trained: Trained) -> None:
    assert trained.accuracy >= 0.97


def test_confusion_matrix_counts_the_predictions(trained: Trained, split: DigitsSplit) -> None:
    assert trained.confusion.shape == (10, 10)
    assert trained.confusion.sum() == 360
    assert trained.confusion.trace() / 360 == pytest.approx(trained.accuracy)
    assert (trained.confusion.sum(axis=1) == np.bincount(split.test_labels)).all()
    assert (trained.confusion.sum(axis=0) == np.bincount(trained.predictions, minlength=10)).all()


def test_loss_falls(trained: Trained) -> None:
    assert len(trained.losses) == train.EPOCHS
    assert trained.losses[-1] < trained.losses[0] / 10


def test_training_twice_gives_the_same_model(framework: Framework, split: DigitsSplit) -> None:
    first, second = (train.train(framework, split, epochs=1) for _ in range(2))
    assert first.losses == second.losses
    assert (first.predictions == second.predictions).all()


def test_report_has_accuracy_and_every_row(trained: Trained) -> None:
    lines = train.report(trained).splitlines()
    assert lines[0] == f"{trained.framework}: {trained.accuracy:.1%} of held-out digits right"
    assert [int(line.split()[0]) for line in lines[3:]] == list(range(10))
    assert int(lines[3].split()[1]) == trained.confusion[0, 0]


def test_command_line_trains_reports_and_saves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "models" / "digits-pytorch"
    train.main(["--framework", "pytorch", "--output", str(folder), "--epochs", "1"])
    printed = capsys.readouterr().out
    assert "of held-out digits right" in printed
    assert str(folder / "digits.pt") in printed
    assert [file.name for file in folder.iterdir()] == ["digits.pt"]


def test_pytorch_file_is_a_state_dict(split: DigitsSplit, tmp_path: Path) -> None:
    import torch

    path = train.save(train.train_pytorch(split, epochs=1), tmp_path / "digits-pytorch")
    state = torch.load(path, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())


def test_keras_file_is_in_the_keras_format(split: DigitsSplit, tmp_path: Path) -> None:
    path = train.save(train.train_keras(split, epochs=1), tmp_path / "digits-keras")
    assert path.name == "digits.keras"
    assert "config.json" in zipfile.ZipFile(path).namelist()


@pytest.mark.parametrize(
    ("statement", "not_imported"),
    [
        ("import scoring.train", {"torch", "tensorflow", "keras"}),
        (
            "from scoring import train; train.train_pytorch(train.load_digits_split(), epochs=1)",
            {"tensorflow", "keras"},
        ),
    ],
)
def test_only_the_framework_in_use_is_imported(statement: str, not_imported: set[str]) -> None:
    program = f"import sys; {statement}; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(train.__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert not not_imported & set(modules)
