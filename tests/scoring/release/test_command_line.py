"""What the release program refuses before it asks Azure for anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scoring.release.__main__ import HERE, main, parse, read_examples
from scoring.release.blue_green import Stopped
from scoring.script import Exit
from scoring.train import DigitsSplit


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace that nothing answers for."""
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZUREML_WORKSPACE"):
        monkeypatch.setenv(name, "nowhere")
    monkeypatch.delenv("GITHUB_SHA", raising=False)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["x"], "give --version"),
        (["x", "--version", ""], "give --version"),
        (["x", "--version", "v 2"], "letters, digits, dots, dashes"),
        (["x", "--version", "a" * 65], "at most 64"),
        (["x", "--version", "v2", "--share", "0"], "--share is from 1 to 49"),
        (["x", "--version", "v2", "--share", "50"], "--share is from 1 to 49"),
        (["x", "--version", "v2", "--share", "ten"], "invalid int value"),
        (["x", "--version", "v2", "--requests", "0"], "--requests is at least 1"),
        (["x", "--version", "v2", "--trial", "by fire"], "by fire"),
        (["--version", "v2"], "endpoint"),
    ],
)
def test_arguments(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == Exit.USAGE
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "name", "content", "why"),
    [
        ("--file", "x.yaml", None, "No such file"),
        ("--file", "x.yaml", "a: [1", "describes no deployment"),
        ("--file", "x.yaml", "name: green", "instance_type"),
        ("--gates", "gates.py", None, "cannot be read. FileNotFoundError"),
        ("--gates", "gates.py", "def (", "cannot be read. SyntaxError"),
        ("--gates", "gates.py", "1 / 0", "cannot be read. ZeroDivisionError"),
        ("--gates", "gates.py", "from os.path import join\ndef _mine(): pass\n", "no gate in"),
        ("--gates", "gates.txt", "", "must end in .py"),
        ("--examples", "x.json", None, "FileNotFoundError"),
        ("--examples", "x.json", "[]", "no digits with their truth"),
        ("--examples", "x.json", '{"data": [], "digits": []}', "has no digits."),
        ("--examples", "x.json", '{"data": [[]], "digits": [1, 2]}', "ValueError"),
        ("--examples", "x.json", '{"data": [[]], "digits": ["a"]}', "ValueError"),
    ],
)
def test_files(
    option: str,
    name: str,
    content: str | None,
    why: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    assert main(["x", "--version", "v2", option, str(file)]) == Exit.USAGE
    problem = capsys.readouterr().err
    assert why in problem
    assert str(file) in problem
    assert "Traceback" not in problem


def test_on_github_the_version_is_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SHA", "0" * 40)
    assert parse(["x"]).version == "0" * 40


def test_a_roll_back_needs_no_version() -> None:
    assert parse(["x", "--roll-back"]).roll_back


def test_help_names_every_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    codes = [*Exit, *Stopped]
    assert [code.value for code in codes] == list(range(len(codes)))
    for code in codes:
        assert f"{code.value} {code.meaning}" in printed


def test_the_examples_are_digits_that_no_model_was_trained_on(split: DigitsSplit) -> None:
    examples = read_examples(HERE / "examples.json")
    held_out = {
        (image.tobytes(), int(label))
        for image, label in zip(split.test_images, split.test_labels, strict=True)
    }
    import numpy as np

    named = {(np.array(e.image, np.float32).tobytes(), e.truth) for e in examples}
    assert len(named) == len(examples) == 100
    assert named <= held_out
    assert {example.truth for example in examples} == set(range(10))


def test_the_files_beside_the_program_are_what_it_takes_by_default() -> None:
    options = parse(["x", "--version", "v2"])
    for file in (options.file, options.gates, options.examples):
        assert file.is_file()
        assert os.path.dirname(file) == str(HERE)
