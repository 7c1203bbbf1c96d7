"""Lists of resources of any type, filtered, and their tags through the SDK."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resource.resources.models import Tags, TagsPatchResource, TagsResource

from emulator.defaults import SUBSCRIPTION

STORAGE = "Microsoft.Storage/storageAccounts"


@pytest.fixture
def group(client, unique):
    name = f"rg-any-{unique}"
    client.resource_groups.create_or_update(name, {"location": "westeurope", "tags": {"a": "1"}})
    yield name
    client.resource_groups.begin_delete(name).result()


@pytest.fixture
def account(call, group, unique) -> str:
    path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/{STORAGE}/any{unique}"
    made = call(
        "PUT",
        path,
        {
            "location": "Sweden Central",
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "tags": {"Course": "05", "_mine": "x"},
        },
        version="2023-01-01",
    )
    assert made.status_code == 200, made.text
    return path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("resourceType eq 'Microsoft.Storage/storageAccounts'", True),
        ("resourceType eq 'microsoft.storage/STORAGEACCOUNTS' and name eq '{name}'", True),
        ("substringof('any', name)", True),
        ("location eq 'swedencentral'", True),
        ("name eq 'another'", False),
        ("resourceType ne 'Microsoft.Storage/storageAccounts'", False),
        ("tagName eq 'course' and tagValue eq '05'", True),
        ("tagName eq 'course' and tagValue eq '06'", False),
        ("tagName eq '_mine'", True),
    ],
)
def test_a_list_honours_its_filter(client, group, account, text, found):
    name = account.rsplit("/", 1)[-1]
    listed = client.resources.list_by_resource_group(group, filter=text.replace("{name}", name))
    assert [item.name for item in listed] == ([name] if found else [])


def test_a_filter_by_group_and_the_first_few(client, group, account):
    everywhere = client.resources.list(filter=f"resourceGroup eq '{group}'")
    assert [item.id for item in everywhere] == [account]
    assert len(list(client.resources.list(top=1))) == 1


@pytest.mark.parametrize("text", ["name", "name gt 'a'", "color eq 'red'", "(" * 50, "name eq 'a"])
def test_a_filter_that_is_not_understood_is_refused(client, text):
    with pytest.raises(HttpResponseError) as refused:
        list(client.resources.list(filter=text))
    assert (refused.value.status_code, refused.value.error.code) == (
        400,
        "InvalidFilterInQueryString",
    )


def test_a_list_shows_more_when_it_is_asked_to(client, call, group, account):
    (plain,) = client.resources.list_by_resource_group(group)
    assert plain.provisioning_state is None
    (whole,) = client.resources.list_by_resource_group(group, expand="provisioningState")
    assert whole.provisioning_state == "Succeeded"
    assert whole.sku.name == "Standard_LRS"
    path = f"/subscriptions/{SUBSCRIPTION}/resources"
    assert call("GET", path, expand="everything").status_code == 400


def test_groups_are_listed_by_tag(client, group):
    def listed(text: str) -> list[str]:
        return [found.name for found in client.resource_groups.list(filter=text)]

    assert group in listed("tagName eq 'a' and tagValue eq '1'")
    assert group not in listed("tagName eq 'a' and tagValue eq '2'")


def test_the_life_of_tags(client, call, account):
    def tags() -> dict[str, str]:
        return dict(client.tags.get_at_scope(account).properties.tags)

    def patch(operation: str, **given: str) -> None:
        client.tags.begin_update_at_scope(
            account, TagsPatchResource(operation=operation, properties=Tags(tags=given))
        ).result()

    assert tags() == {"Course": "05", "_mine": "x"}
    patch("Merge", owner="me")
    assert tags() == {"Course": "05", "_mine": "x", "owner": "me"}
    patch("Delete", owner="me", Course="not its value")
    assert tags() == {"Course": "05", "_mine": "x"}
    patch("Replace", only="this")
    assert tags() == {"only": "this"}
    client.tags.begin_create_or_update_at_scope(
        account, TagsResource(properties=Tags(tags={"all": "new"}))
    ).result()
    assert call("GET", account, version="2023-01-01").json()["tags"] == {"all": "new"}
    client.tags.begin_delete_at_scope(account).result()
    assert tags() == {}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({f"t{number}": "x" for number in range(51)}, "InvalidTagCount"),
        ({"a/b": "x"}, "InvalidTagNameCharacters"),
        ({"long": "x" * 257}, "InvalidTagValueLength"),
        ({"deep": {"a": 1}}, "InvalidRequestContent"),
    ],
)
def test_what_cannot_be_a_tag_is_refused_and_changes_nothing(call, account, tags, code):
    path = f"{account}/providers/Microsoft.Resources/tags/default"
    answer = call("PUT", path, {"properties": {"tags": tags}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert call("GET", path).json()["properties"]["tags"] == {"Course": "05", "_mine": "x"}


def test_a_resource_can_be_deleted_by_its_id(call, account):
    assert call("DELETE", account, version="2023-01-01").status_code == 200
    assert call("GET", account, version="2023-01-01").status_code == 404


def test_the_subscription_has_tags(client, call, unique):
    scope = f"/subscriptions/{SUBSCRIPTION}"
    assert client.tags.get_at_scope(scope).properties.tags == {}
    wanted = TagsResource(properties=Tags(tags={"course": unique}))
    made = client.tags.begin_create_or_update_at_scope(scope, wanted).result()
    assert made.id == f"{scope}/providers/Microsoft.Resources/tags/default"
    assert client.tags.get_at_scope(scope).properties.tags == {"course": unique}
    assert call("GET", scope).json()["tags"] == {"course": unique}
    # They are those of no resource in it.
    assert (
        list(client.resources.list(filter=f"tagName eq 'course' and tagValue eq '{unique}'")) == []
    )
    client.tags.begin_delete_at_scope(scope).result()
    assert client.tags.get_at_scope(scope).properties.tags == {}
