"""Roles: built-in ones are found by name, assignments are kept."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from emulator.defaults import STORAGE_ACCOUNT, SUBSCRIPTION
from tests.emulator.services.arm import GROUP, call
from tests.emulator.services.managed_identities import Identities

SUBSCRIPTION_ID = f"/subscriptions/{SUBSCRIPTION}"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{STORAGE_ACCOUNT}"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/models"
AUTHORIZATION = "/providers/Microsoft.Authorization"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
DEFINITION = f"{SUBSCRIPTION_ID}{AUTHORIZATION}/roleDefinitions/{READER}"


def assign(scope: str, principal: str, name: str = "", **more: Any) -> requests.Response:
    properties = {"roleDefinitionId": DEFINITION, "principalId": principal, **more}
    path = f"{scope}{AUTHORIZATION}/roleAssignments/{name or uuid.uuid4()}"
    return call("PUT", path, {"properties": properties})


def listed(scope: str, **query: str) -> list[str]:
    answer = call("GET", f"{scope}{AUTHORIZATION}/roleAssignments", **query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["value"]]


def test_a_role_is_found_by_its_name(local_azure):
    where = f"{ACCOUNT}{AUTHORIZATION}/roleDefinitions"
    answer = call("GET", where, **{"$filter": "roleName eq 'storage blob data reader'"})
    [role] = answer.json()["value"]
    assert (role["id"], role["name"]) == (DEFINITION, READER)
    [permission] = role["properties"]["permissions"]
    assert [action.rpartition("/")[2] for action in permission["dataActions"]] == ["read"]
    assert call("GET", role["id"]).json() == role
    custom = call("GET", where, **{"$filter": "type eq 'CustomRole'"})
    assert custom.json()["value"] == []


@pytest.mark.parametrize("text", ["", "atScopeAndBelow()", "type eq 'BuiltInRole'"])
def test_all_of_the_built_in_roles_are_listed(local_azure, text: str):
    where = f"{GROUP}{AUTHORIZATION}/roleDefinitions"
    answer = call("GET", where, **({"$filter": text} if text else {})).json()
    found = answer["value"]
    while link := answer.get("nextLink"):
        url = urlsplit(link)
        answer = call("GET", url.path, **dict(parse_qsl(url.query))).json()
        found += answer["value"]
    names = {one["properties"]["roleName"] for one in found}
    assert {"Owner", "AcrPull", "Monitoring Reader", "Key Vault Secrets User"} <= names
    assert len(names) > 500


def test_a_role_that_does_not_exist_and_a_filter_that_is_none(local_azure):
    where = f"{GROUP}{AUTHORIZATION}/roleDefinitions"
    none = call("GET", f"{where}/{uuid.uuid4()}")
    assert (none.status_code, none.json()["error"]["code"]) == (404, "RoleDefinitionDoesNotExist")
    named = call("GET", where, **{"$filter": "roleName eq 'No Such Role'"})
    assert named.json()["value"] == []
    assert call("GET", where, **{"$filter": "colour eq 'red'"}).status_code == 400


def test_the_life_of_an_assignment(identities: Identities):
    identity = identities.create("reads")
    principal, name = identity["properties"]["principalId"], str(uuid.uuid4())
    answer = assign(ACCOUNT, principal, name, principalType="ServicePrincipal")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["properties"]["scope"] == ACCOUNT
    assert made["properties"]["roleDefinitionId"] == DEFINITION
    assert call("GET", made["id"]).json() == made
    below = assign(CONTAINER, principal).json()
    mine = {"$filter": f"principalId eq '{principal}'"}
    assert set(listed(SUBSCRIPTION_ID, **mine)) == {made["id"], below["id"]}
    assert listed(ACCOUNT, **{"$filter": f"atScope() and assignedTo('{principal}')"}) == [
        made["id"]
    ]
    assert set(listed(CONTAINER, **{"$filter": "atScope()"})) >= {made["id"], below["id"]}
    assert listed(GROUP, **{"$filter": f"atScope() and assignedTo('{principal}')"}) == []

    again = assign(ACCOUNT, principal)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "RoleAssignmentExists")
    identities.delete(identity)
    # The assignment of somebody who is gone stays.
    assert call("GET", made["id"]).status_code == 200
    for one in (made, below):
        assert call("DELETE", one["id"]).status_code == 200
        assert call("DELETE", one["id"]).status_code == 204
    missing = call("GET", made["id"])
    assert (missing.status_code, missing.json()["error"]["code"]) == (
        404,
        "RoleAssignmentNotFound",
    )


def test_an_assignment_goes_with_its_scope(identities: Identities, unique: str):
    principal = identities.create("one")["properties"]["principalId"]
    scope = identities.create("scope")
    made = assign(scope["id"], principal).json()
    identities.delete(scope)
    assert listed(SUBSCRIPTION_ID, **{"$filter": f"principalId eq '{principal}'"}) == []
    assert call("GET", made["id"]).status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"name": "reader"}, 400, "InvalidRoleAssignmentId"),
        ({"principal": str(uuid.uuid4())}, 400, "PrincipalNotFound"),
        ({"scope": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/none"}, 404, None),
        ({"roleDefinitionId": f"{DEFINITION[:-1]}0"}, 404, "RoleDefinitionDoesNotExist"),
        ({"roleDefinitionId": None}, 400, "InvalidRequestContent"),
    ],
)
def test_what_is_wrong_is_refused(
    identities: Identities, change: dict[str, Any], status: int, code: str | None
):
    principal = identities.create("somebody")["properties"]["principalId"]
    answer = assign(**{"scope": ACCOUNT, "principal": principal, **change})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == (code or "ResourceNotFound")
