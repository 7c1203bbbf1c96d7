"""Data assets through MLClient."""

from __future__ import annotations

import pytest
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Data
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError


@pytest.fixture
def digits(ml_client, tmp_path, unique) -> Data:
    path = tmp_path / "digits.csv"
    path.write_text(f"label,{unique}\n")
    wanted = Data(name=f"d-{unique}", path=str(path), type=AssetTypes.URI_FILE, description="some")
    return ml_client.data.create_or_update(wanted)


def test_the_life_of_a_data_asset(ml_client, digits, tmp_path):
    assert digits.version == "1"
    found = ml_client.data.get(digits.name, label="latest")
    assert (found.path, found.type, found.description) == (digits.path, "uri_file", "some")
    folder = Data(name=digits.name, path=str(tmp_path), type=AssetTypes.URI_FOLDER)
    assert ml_client.data.create_or_update(folder).version == "2"
    assert [one.version for one in ml_client.data.list(digits.name)] == ["2", "1"]
    assert digits.name in [one.name for one in ml_client.data.list()]
    ml_client.data.archive(digits.name, "1")
    assert [one.version for one in ml_client.data.list(digits.name)] == ["2"]


def test_data_that_cannot_be(ml_client, digits, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("other")
    wanted = Data(name=digits.name, version="1", path=str(other), type=AssetTypes.URI_FILE)
    with pytest.raises(HttpResponseError, match="A data version with this name and version"):
        ml_client.data.create_or_update(wanted)
    with pytest.raises(ResourceNotFoundError, match="Data asset with name: nothing not found"):
        ml_client.data.get("nothing", "1")
