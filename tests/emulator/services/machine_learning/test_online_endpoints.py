"""Online endpoints through MLClient: their life, keys, tokens, traffic rules."""

from __future__ import annotations

import time

import jwt
import pytest
import requests
from azure.ai.ml import load_online_endpoint
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.ai.ml.exceptions import ValidationException
from azure.core.exceptions import ResourceNotFoundError

from emulator.defaults import REGION
from tests.emulator.services.arm import WORKSPACES, call
from tests.waiting import until


def test_the_life_of_an_endpoint(ml_client, unique):
    name = f"life-{unique}"
    made = ml_client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name=name, description="a test", tags={"a": "b"}, auth_mode="key")
    ).result()
    assert made.provisioning_state == "Succeeded"
    assert made.scoring_uri == f"https://{name}.{REGION}.inference.ml.azure.com/score"
    assert made.openapi_uri == f"https://{name}.{REGION}.inference.ml.azure.com/swagger.json"
    assert (made.description, made.tags, made.traffic) == ("a test", {"a": "b"}, {})
    assert name in [endpoint.name for endpoint in ml_client.online_endpoints.list()]
    ml_client.online_endpoints.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError, match=name):
        ml_client.online_endpoints.get(name)


def test_creation_is_a_long_running_operation(ml_client, unique, bench):
    """The first answer is 201 Creating without a scoring URI; the poller brings the rest."""
    wanted = ManagedOnlineEndpoint(name=f"lro-{unique}", auth_mode="key")
    poller = ml_client.online_endpoints.begin_create_or_update(wanted)
    bench.endpoints.append(wanted.name)
    assert poller.result().scoring_uri
    first = poller.polling_method()._initial_response.http_response
    assert first.status_code == 201
    body = first.json()["properties"]
    assert (body["provisioningState"], body["scoringUri"]) == ("Creating", None)
    assert first.headers["Azure-AsyncOperation"].startswith("https://management.azure.com/")
    assert first.headers["Retry-After"]


def test_an_endpoint_from_yaml_and_through_the_client_itself(ml_client, unique, tmp_path, bench):
    file = tmp_path / "endpoint.yml"
    file.write_text(f"name: yaml-{unique}\nauth_mode: aml_token\ndescription: from a file\n")
    made = ml_client.begin_create_or_update(load_online_endpoint(file)).result()
    bench.endpoints.append(made.name)
    assert made.auth_mode == "aml_token"
    assert made.description == "from a file"


@pytest.mark.parametrize("name", ["ab", "1abc", "a" * 33, "two--dashes", "ends-", "under_score"])
def test_a_bad_name_is_refused_with_the_rule(ml_client, name):
    with pytest.raises(Exception, match=r"name|Name") as refused:
        ml_client.online_endpoints.begin_create_or_update(
            ManagedOnlineEndpoint(name=name, auth_mode="key")
        ).result()
    assert "500" not in str(refused.value)


def test_a_missing_endpoint_is_a_404_naming_it(ml_client):
    with pytest.raises(ResourceNotFoundError, match="never-made"):
        ml_client.online_endpoints.get("never-made")


def test_an_update_keeps_keys_and_changes_what_was_asked(ml_client, bench):
    endpoint = bench.endpoint(description="old")
    before = ml_client.online_endpoints.get_keys(endpoint.name)
    endpoint.description, endpoint.tags = "new", {"stage": "test"}
    changed = ml_client.online_endpoints.begin_create_or_update(endpoint).result()
    after = ml_client.online_endpoints.get_keys(endpoint.name)
    assert (changed.description, changed.tags) == ("new", {"stage": "test"})
    assert (before.primary_key, before.secondary_key) == (after.primary_key, after.secondary_key)


@pytest.mark.parametrize("which", ["primary", "secondary"])
def test_regenerating_a_key_replaces_that_key_alone(ml_client, bench, which):
    name = bench.endpoint().name
    before = ml_client.online_endpoints.get_keys(name)
    ml_client.online_endpoints.begin_regenerate_keys(name, key_type=which).result()
    after = ml_client.online_endpoints.get_keys(name)
    other = "secondary" if which == "primary" else "primary"
    assert getattr(after, f"{which}_key") != getattr(before, f"{which}_key")
    assert getattr(after, f"{other}_key") == getattr(before, f"{other}_key")


def test_a_token_endpoint_gives_tokens_and_no_keys(ml_client, bench):
    name = bench.endpoint("aml_token").name
    token = ml_client.online_endpoints.get_keys(name)
    assert token.token_type == "Bearer"
    claims = jwt.decode(token.access_token, options={"verify_signature": False})
    assert claims["exp"] == token.expiry_time_utc
    assert time.time() < token.refresh_after_time_utc < token.expiry_time_utc
    with pytest.raises(ValidationException, match="does not use keys"):
        ml_client.online_endpoints.begin_regenerate_keys(name).result()


def test_the_tag_shortens_a_tokens_life(ml_client, bench):
    name = bench.endpoint("aml_token", tags={"local-azure-token-seconds": "7"}).name
    token = ml_client.online_endpoints.get_keys(name)
    assert 0 < token.expiry_time_utc - time.time() <= 7


def test_without_a_deployment_the_endpoint_answers_404(ml_client, bench):
    answer = bench.caller(bench.endpoint().name)({})
    assert answer.status_code == 404


def test_a_wrong_key_is_a_401_even_without_deployments(ml_client, bench):
    assert bench.caller(bench.endpoint().name)({}, key="wrong").status_code == 401


def test_a_deleted_endpoint_answers_no_more(ml_client, bench):
    name = bench.endpoint().name
    call = bench.caller(name)
    ml_client.online_endpoints.begin_delete(name).result()
    assert call({}).status_code == 404


@pytest.mark.parametrize(
    ("traffic", "said"),
    [
        ({"ghost": 100}, "ghost"),
        ({"blue": 50}, "0 or 100"),
        ({"blue": 150}, "0 to 100"),
        ({"blue": -1}, "0 to 100"),
    ],
)
def test_bad_traffic_is_refused_and_changes_nothing(ml_client, bench, traffic, said):
    endpoint = bench.endpoint()
    bench.deploy(endpoint.name, "blue")
    bench.send_traffic(endpoint.name, blue=100)
    with pytest.raises(Exception, match=said):
        bench.send_traffic(endpoint.name, **traffic)
    assert ml_client.online_endpoints.get(endpoint.name).traffic == {"blue": 100}


def test_the_rules_of_mirror_traffic(ml_client, bench):
    endpoint = bench.endpoint()
    for name in ("blue", "green"):
        bench.deploy(endpoint.name, name)
    found = bench.send_traffic(endpoint.name, blue=100)
    for mirror, said in (({"green": 51}, "50 per cent"), ({"blue": 10}, "live")):
        found.mirror_traffic = mirror
        with pytest.raises(Exception, match=said):
            ml_client.online_endpoints.begin_create_or_update(found).result()
    found.mirror_traffic = {"green": 50}
    kept = ml_client.online_endpoints.begin_create_or_update(found).result()
    assert kept.mirror_traffic == {"green": 50}


def test_an_unknown_auth_mode_is_refused_by_the_service(ml_client, local_azure, unique):
    """The SDK sends `token` on; older teaching material has it."""
    with pytest.raises(Exception, match=r"aml_token|AMLToken|auth"):
        ml_client.online_endpoints.begin_create_or_update(
            ManagedOnlineEndpoint(name=f"mode-{unique}", auth_mode="token")
        ).result()


def test_aad_tokens_open_an_aad_endpoint_only(ml_client, bench):
    """An Entra token for another audience does not."""
    endpoint = bench.endpoint("aad_token")
    bench.deploy(endpoint.name, "blue")
    bench.send_traffic(endpoint.name, blue=100)
    token = ml_client.online_endpoints.get_keys(endpoint.name).access_token
    wrong = ml_client._credential.get_token("https://management.azure.com/.default").token
    answers = [
        requests.post(
            endpoint.scoring_uri, json={}, headers={"Authorization": f"Bearer {t}"}, timeout=30
        ).status_code
        for t in (token, wrong)
    ]
    assert answers == [200, 401]


def test_a_name_that_is_taken_is_refused_in_azures_words(bench):
    taken = bench.endpoint().name
    other = f"{WORKSPACES}/other-{taken}"[: len(WORKSPACES) + 33]
    assert call("PUT", other, {"location": REGION, "properties": {}}).status_code in (200, 201, 202)
    until(lambda: call("GET", other).json()["properties"]["provisioningState"] == "Succeeded")
    body = {"location": REGION, "properties": {"authMode": "Key"}}
    answer = call("PUT", f"{other}/onlineEndpoints/{taken}", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "BadRequest")
    assert error["details"][0]["code"] == "InferencingClientCallFailed"
    assert "needs to be unique within a region" in error["details"][0]["message"]
    assert call("GET", f"{other}/onlineEndpoints/{taken}").status_code == 404
    call("DELETE", other)
