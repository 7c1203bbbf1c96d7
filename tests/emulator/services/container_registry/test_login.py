"""A registry's login server, as the az CLI and docker ask it."""

from __future__ import annotations

import os

import pytest
import requests
from azure.identity import DefaultAzureCredential

from emulator.defaults import RESOURCE_GROUP
from tests.emulator.services.container_machine import Machine


@pytest.fixture
def name(machine: Machine, unique: str):
    machine.registry(f"reg{unique}")
    machine.build(f"reg{unique}", "web:1")
    machine.build(f"reg{unique}", "web:2")
    machine.build(f"reg{unique}", "team/api:latest")
    yield f"reg{unique}"
    machine.registries.begin_delete(RESOURCE_GROUP, f"reg{unique}").result()


def admin(machine: Machine, name: str) -> tuple[str, str]:
    found = machine.credentials(name)
    return found["username"], found["password"]


def ask(name: str, path: str, auth: object = None, **more: object) -> requests.Response:
    return requests.get(f"https://{name}.azurecr.io{path}", auth=auth, timeout=10, **more)


def test_nobody_gets_in_without_a_password(machine, name):
    user, password = admin(machine, name)
    refused = ask(name, "/v2/")
    assert refused.status_code == 401
    assert f'service="{name}.azurecr.io"' in refused.headers["www-authenticate"]
    assert refused.json()["errors"][0]["code"] == "UNAUTHORIZED"
    assert ask(name, "/v2/", (user, "wrong")).status_code == 401
    assert ask(name, "/v2/", ("other", password)).status_code == 401
    assert ask(name, "/v2/", (user, password)).status_code == 200
    service_principal = os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
    assert ask(name, "/v2/", service_principal).status_code == 200


def test_an_entra_token_is_traded_for_an_access_token(machine, name):
    server = f"https://{name}.azurecr.io"
    credential = DefaultAzureCredential()
    token = credential.get_token("https://containerregistry.azure.net/.default").token
    asked = {"grant_type": "access_token", "service": f"{name}.azurecr.io", "access_token": token}
    exchanged = requests.post(f"{server}/oauth2/exchange", data=asked, timeout=10)
    refresh = exchanged.json()["refresh_token"]
    trade = {
        "grant_type": "refresh_token",
        "service": f"{name}.azurecr.io",
        "scope": "registry:catalog:*",
        "refresh_token": refresh,
    }
    access = requests.post(f"{server}/oauth2/token", data=trade, timeout=10).json()["access_token"]
    bearer = {"Authorization": f"Bearer {access}"}
    assert ask(name, "/v2/_catalog", headers=bearer).json() == {"repositories": ["team/api", "web"]}
    # A refresh token is no access token, and what is signed for elsewhere is neither.
    for wrong in (refresh, token, "nonsense"):
        headers = {"Authorization": f"Bearer {wrong}"}
        assert ask(name, "/v2/_catalog", headers=headers).status_code == 401
    forged = {**asked, "access_token": access}
    assert requests.post(f"{server}/oauth2/exchange", data=forged, timeout=10).status_code == 401


def test_docker_login_gets_a_token_by_password(machine, name):
    path = f"/oauth2/token?service={name}.azurecr.io&scope=repository:web:pull"
    assert ask(name, path).status_code == 401
    access = ask(name, path, admin(machine, name)).json()["access_token"]
    headers = {"Authorization": f"Bearer {access}"}
    assert ask(name, "/v2/web/tags/list", headers=headers).json() == {
        "name": "web",
        "tags": ["1", "2"],
    }


def test_repositories_tags_and_digests(machine, name):
    user = admin(machine, name)
    repository = ask(name, "/acr/v1/web", user).json()
    assert (repository["tagCount"], repository["manifestCount"]) == (2, 1)
    tags = ask(name, "/acr/v1/web/_tags", user).json()["tags"]
    assert [tag["name"] for tag in tags] == ["1", "2"]
    [manifest] = ask(name, "/acr/v1/web/_manifests", user).json()["manifests"]
    assert manifest["tags"] == ["1", "2"]
    assert {tag["digest"] for tag in tags} == {manifest["digest"]}
    assert ask(name, "/acr/v1/none", user).status_code == 404


def test_a_long_list_comes_in_pages(machine, name):
    user = admin(machine, name)
    first = ask(name, "/v2/_catalog?n=1", user)
    assert first.json() == {"repositories": ["team/api"]}
    following = first.headers["link"].partition("<")[2].partition(">")[0]
    second = ask(name, following, user)
    assert second.json() == {"repositories": ["web"]}
    assert "link" not in second.headers


def test_a_tag_can_be_deleted(machine, name):
    user = admin(machine, name)
    url = f"https://{name}.azurecr.io/acr/v1/web/_tags/1"
    assert requests.delete(url, auth=user, timeout=10).status_code == 202
    assert ask(name, "/v2/web/tags/list", user).json()["tags"] == ["2"]
    assert requests.delete(url, auth=user, timeout=10).status_code == 404


def test_layers_are_not_pushed_or_pulled(machine, name):
    user = admin(machine, name)
    url = f"https://{name}.azurecr.io/v2/web/blobs/uploads/"
    refused = requests.post(url, auth=user, timeout=10)
    assert refused.status_code == 501
    assert "counts as pushed" in refused.json()["errors"][0]["message"]


def test_a_server_without_a_registry_says_so(machine):
    assert ask("nobodyhasthis", "/v2/").status_code == 404


def test_the_images_go_with_the_registry(machine, unique):
    name = f"gone{unique}"
    machine.registry(name)
    machine.build(name, "web:1")
    machine.registries.begin_delete(RESOURCE_GROUP, name).result()
    machine.registry(name)
    assert ask(name, "/v2/_catalog", admin(machine, name)).json() == {"repositories": []}
    machine.registries.begin_delete(RESOURCE_GROUP, name).result()
