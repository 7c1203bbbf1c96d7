"""Where a browser is sent; that the link opens is tried in test_create_container.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.browser_link import browser_link

URL = "http://digits-ada.westeurope.azurecontainer.io/docs"


def test_on_live_azure_it_is_the_address_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_LOCAL_PROXY", raising=False)
    assert browser_link(URL) == URL


def test_there_is_none_where_local_azure_does_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AZURE_LOCAL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AZURE_LOCAL_HOME", str(tmp_path))
    assert browser_link(URL) is None
