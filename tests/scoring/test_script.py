"""What create_endpoint and create_container do alike: the way in, errors, exit codes."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.ai.ml import MLClient

from scoring import container_image, create_container, create_endpoint
from scoring.script import Exit, ExitCode

ROOT = Path(__file__).parent.parent.parent
CODES: dict[str, type[ExitCode]] = {
    "create_endpoint": create_endpoint.Failed,
    "create_container": container_image.Failed,
}
Main = Callable[[list[str]], ExitCode]


@pytest.fixture(params=[create_endpoint, create_container], ids=lambda each: each.__name__)
def main(request: pytest.FixtureRequest) -> Main:
    return request.param.main


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--model", "unheard-of"], Exit.MODEL, "unheard-of is not registered"),
        (["--model", "unheard-of", "--model-version", "3"], Exit.MODEL, "version 3, is not"),
        (["--model-path", "no/such/file"], Exit.MODEL, "no/such/file"),
        (["--workspace", "unheard-of"], Exit.WORKSPACE, "Workspace unheard-of in resource group"),
        (["--subscription-id", "0" * 8], Exit.WORKSPACE, "cannot be opened"),
    ],
)
def test_what_is_missing_is_named(
    main: Main,
    arguments: list[str],
    code: ExitCode,
    sentence: str,
    ml_client: MLClient,
    unique: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([f"digits-{unique}", *arguments]) == code
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert "Traceback" not in printed.err
    assert "created" not in printed.out


def test_wrong_secret(
    main: Main,
    ml_client: MLClient,
    unique: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not-the-secret")
    assert main([f"digits-{unique}"]) == Exit.CREDENTIAL
    problem = capsys.readouterr().err
    assert problem.startswith("No credential works. Sign in with `az login`")
    assert "not-the-secret" not in problem


def test_coordinates_are_asked_for(
    main: Main, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "00000000")
    monkeypatch.delenv("AZURE_RESOURCE_GROUP", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["digits-x"])
    assert ended.value.code == Exit.USAGE
    assert "give --resource-group or set AZURE_RESOURCE_GROUP" in capsys.readouterr().err


@pytest.mark.parametrize("name", CODES)
def test_help_names_every_exit_code_once(name: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", f"scoring.{name}", "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout
    codes = [*Exit, *CODES[name]]
    assert [code.value for code in codes] == list(range(len(codes)))
    told = " ".join(printed.partition("exit codes:")[2].split())
    assert [int(number) for number in re.findall(r"(?:^|, )(\d) ", told)] == codes
    for code in codes:
        assert f"{code.value} {code.meaning}" in told
    assert "--model-path" in printed
