"""The catalogue of providers, and the versions that they have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emulator.defaults import SUBSCRIPTION

SCOPE = f"/subscriptions/{SUBSCRIPTION}"


def test_a_provider_lists_its_types_with_regions_and_versions(client):
    provider = client.providers.get("microsoft.app")
    assert provider.namespace == "Microsoft.App"
    types = {found.resource_type: found for found in provider.resource_types}
    assert {"containerApps", "managedEnvironments", "jobs"} <= set(types)
    assert "West Europe" in types["jobs"].locations
    assert "2024-03-01" in types["jobs"].api_versions
    assert types["containerApps"].api_versions[0] == "2026-07-01"


def test_every_provider_of_the_catalogue_can_be_registered(client):
    listed = [provider.namespace for provider in client.providers.list()]
    assert {"Microsoft.App", "Microsoft.ContainerInstance", "Microsoft.Insights"} <= set(listed)
    states = {client.providers.register(namespace).registration_state for namespace in listed}
    assert states == {"Registered"}


def test_an_unknown_provider_is_named(call):
    answer = call("GET", f"{SCOPE}/providers/Microsoft.Nothing")
    assert answer.json()["error"]["code"] == "InvalidResourceNamespace"
    assert "Microsoft.Nothing" in answer.json()["error"]["message"]


def test_a_type_that_is_not_emulated_is_a_501_that_names_it(call):
    path = f"{SCOPE}/resourceGroups/rg-deploying-models/providers/Microsoft.KeyVault/vaults/v"
    answer = call("GET", path, version="2023-07-01")
    assert answer.status_code == 501
    assert "Microsoft.KeyVault/vaults" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Microsoft.App/containerApps/a", "containerApps"),
        ("microsoft.containerinstance/containerGroups/a/restart", "containerGroups"),
        ("Microsoft.MachineLearningServices/workspaces/w/models/m", "workspaces/models"),
    ],
)
def test_a_version_that_the_provider_never_had_is_refused(call, path, kind):
    method = "POST" if path.endswith("restart") else "GET"
    answer = call(
        method,
        f"{SCOPE}/resourceGroups/rg-deploying-models/providers/{path}",
        version="1999-01-01",
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "NoRegisteredProviderFound")
    assert f"for type '{kind}'" in error["message"]
    assert "2024-" in error["message"] or "2023-" in error["message"]


def test_a_version_that_came_out_after_the_catalogue_was_read_is_served(call):
    """The next az CLI asks in it: 2.91 asks for registries in 2026-09-01-preview."""
    path = f"{SCOPE}/providers/Microsoft.ContainerRegistry/registries"
    today = datetime.now(UTC).date().isoformat()
    assert call("GET", path, version=f"{today}-preview").status_code == 200
    refused = call("GET", path, version="2999-01-01")
    assert refused.json()["error"]["code"] == "NoRegisteredProviderFound"
