from __future__ import annotations

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineEndpoint

from helpers.cleanup import delete_endpoints


def test_it_deletes_this_learners_endpoints_and_no_others(
    ml_client: MLClient, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = [f"digits-{unique}", f"digits-{unique}-aml"]
    others = f"digits-{unique}x"
    for name in (*mine, others):
        ml_client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name)).result()

    assert delete_endpoints(ml_client, unique) == mine
    left = {endpoint.name for endpoint in ml_client.online_endpoints.list()}
    assert others in left
    assert left.isdisjoint(mine)

    capsys.readouterr()
    assert delete_endpoints(ml_client, unique) == []
    assert capsys.readouterr().out == "Nothing to delete: you have no endpoint.\n"
    ml_client.online_endpoints.begin_delete(others).result()
