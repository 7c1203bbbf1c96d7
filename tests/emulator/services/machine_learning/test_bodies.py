"""Whatever a body holds, the answer says what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emulator.defaults import REGION
from tests.emulator.services.arm import GROUP, HOME, WORKSPACES, call

# What REST clients send in the place of each other's values.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
FIELDS: dict[str, tuple[str, ...]] = {
    f"{HOME}/models/fuzz/versions/1": (
        "modelUri",
        "modelType",
        "flavors",
        "tags",
        "properties",
        "isArchived",
        "description",
        "stage",
    ),
    f"{HOME}/models/fuzz": ("tags", "properties", "isArchived", "description"),
    f"{HOME}/environments/fuzz/versions/1": ("image", "build", "condaFile", "osType", "tags"),
    f"{HOME}/codes/fuzz/versions/1": ("codeUri", "properties", "isAnonymous"),
    f"{HOME}/data/fuzz/versions/1": ("dataUri", "dataType", "tags"),
    f"{HOME}/datastores/fuzz": (
        "datastoreType",
        "accountName",
        "containerName",
        "credentials",
        "tags",
    ),
    f"{WORKSPACES}/fuzz-workspace": ("storageAccount", "keyVault", "description", "friendlyName"),
    f"{GROUP}/providers/Microsoft.Resources/deployments/fuzz": ("template", "parameters", "mode"),
}


@pytest.fixture
def swept(local_azure, path):
    """What a body did make is gone afterwards."""
    yield
    call("DELETE", path)


@pytest.mark.parametrize("path", FIELDS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_body_breaks_the_service(swept, path, data):
    fields = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS[path], VALUES))
    properties = data.draw(fields | VALUES)
    location = data.draw(st.sampled_from([REGION, None, 7]))
    answer = call("PUT", path, {"properties": properties, "location": location})
    assert answer.status_code in (200, 201, 202, 400, 404, 409, 501), answer.text
    if answer.status_code >= 400:
        assert answer.json()["error"]["message"]
        return
    # What was taken can be read back.
    assert call("GET", path).status_code == 200


@given(secret=VALUES)
@example(secret=[1])
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_request_for_secrets_breaks_the_service(local_azure, secret: Any):
    path = f"{HOME}/datastores/workspaceblobstore/listSecrets"
    body = {"expirableSecret": secret, "expireAfterHours": secret}
    assert call("POST", path, body).status_code in (200, 400)
