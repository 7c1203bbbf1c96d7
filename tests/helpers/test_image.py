"""The learner's image; that it is really built is tested with the lessons' exercises."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from helpers import image as module
from helpers.image import RegistryImage, ensure_image


def test_the_password_is_not_shown() -> None:
    image = RegistryImage("r.azurecr.io", "r.azurecr.io/digits:1", "r", "not-to-be-seen")
    assert "not-to-be-seen" not in repr(image)


def test_what_stays_to_be_read_is_the_same_with_and_without_a_build(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    image = RegistryImage("r.azurecr.io", "r.azurecr.io/digits:1", "r", "p")
    found = iter([None, image, image])
    monkeypatch.setattr(module, "_image", lambda *_: next(found))
    monkeypatch.setattr(module, "_is_there", lambda *_: True)
    built = SimpleNamespace(returncode=0)
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: built)
    shown = []
    for _ in ("a build", "none"):
        assert ensure_image("", "group", "abc", "1") is image
        shown.append(capsys.readouterr().out)
    assert shown[0].startswith("Building the image digits:1 in the registry digitsabc.\r")
    assert shown[0].rpartition("\r")[2] == shown[1] == "digits:1 is in the registry digitsabc.\n"


def test_a_build_that_fails_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_image", lambda *_: None)
    for variable in ("AZUREML_WORKSPACE", "AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP"):
        monkeypatch.setenv(variable, "")
    with pytest.raises(RuntimeError, match=r"(?s)could not be built.*give --"):
        ensure_image("", "group", "abc", "1")
    assert "Building the image digits:1 in the registry digitsabc." in capsys.readouterr().out
