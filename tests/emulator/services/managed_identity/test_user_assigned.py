"""User-assigned managed identities in Resource Manager."""

from __future__ import annotations

import pytest

from emulator.defaults import SUBSCRIPTION, TENANT
from tests.emulator.services.arm import GROUP, call
from tests.emulator.services.managed_identities import IDENTITIES, Identities


def test_the_life_of_an_identity(identities: Identities, unique: str):
    made = identities.create("one")
    assert made["type"] == "Microsoft.ManagedIdentity/userAssignedIdentities"
    assert made["location"] == "westeurope"
    assert made["properties"]["tenantId"] == TENANT
    again = call("PUT", made["id"].upper(), {"location": "West Europe", "tags": {"a": "b"}})
    assert (again.status_code, again.json()["tags"]) == (200, {"a": "b"})
    assert again.json()["properties"] == made["properties"]
    changed = call("PATCH", made["id"], {"tags": {"c": "d"}})
    assert (changed.status_code, changed.json()["tags"]) == (200, {"c": "d"})
    assert call("GET", made["id"]).json() == changed.json()
    subscription = f"/subscriptions/{SUBSCRIPTION}/{IDENTITIES.removeprefix(GROUP + '/')}"
    for scope in (subscription, IDENTITIES):
        assert made["id"] in [one["id"] for one in call("GET", scope).json()["value"]]
    identities.delete(made)
    assert call("GET", made["id"]).status_code == 404
    assert call("DELETE", made["id"]).status_code == 204
    assert (
        identities.create("one")["properties"]["principalId"] != (made["properties"]["principalId"])
    )


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("ab", {"location": "westeurope"}, 400, "InvalidResourceName"),
        ("-abc", {"location": "westeurope"}, 400, "InvalidResourceName"),
        ("mars", {"location": "mars"}, 400, "LocationNotAvailableForResourceType"),
        ("nowhere", {}, 400, "LocationRequired"),
        (
            "regional",
            {"location": "westeurope", "properties": {"isolationScope": "Regional"}},
            501,
            "NotEmulated",
        ),
    ],
)
def test_what_is_wrong_is_refused(
    identities: Identities, name: str, body: dict, status: int, code: str
):
    answer = call("PUT", f"{IDENTITIES}/{name}", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_an_identity_does_not_move(identities: Identities):
    made = identities.create("stays")
    answer = call("PUT", made["id"], {"location": "northeurope"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "InvalidResourceLocation")


def test_credentials_of_other_issuers_are_named(identities: Identities):
    made = identities.create("federated")
    path = f"{made['id']}/federatedIdentityCredentials/github"
    assert call("GET", path).status_code == 501
