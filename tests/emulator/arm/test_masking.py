"""What the logs do not show, and what they go on showing."""

from __future__ import annotations

import base64
import json
import secrets

import pytest

from emulator.arm.masking import HIDDEN, issues_secrets, mask, mask_text


@pytest.mark.parametrize(
    "body",
    [
        {"keys": [{"keyName": "key1", "value": "hush", "permissions": "FULL"}]},
        {"primaryKey": "hush", "secondaryKey": "hush"},
        {"passwords": [{"name": "password", "value": "hush"}]},
        {"imageRegistryCredentials": [{"server": "a.azurecr.io", "password": "hush"}]},
        {"environmentVariables": [{"name": "A", "secureValue": "hush"}]},
        {"env": [{"name": "API_KEY", "value": "hush"}]},
        {"environmentVariables": {"DB_CONNECTION_STRING": "hush"}},
        {"configuration": {"secrets": [{"name": "a", "value": "hush"}]}},
        {"volumes": [{"name": "v", "secret": {"name": "hush", "deep": {"id": ["hush"]}}}]},
        {"credentials": {"secrets": {"key": "hush", "secretsType": "AccountKey"}}},
        {"azureFile": {"storageAccountKey": "hush"}},
        {"parameters": {"adminPassword": {"value": "hush"}}},
        {"pin": {"token": 123456, "accessToken": "hush"}},
        {"sharedKey": "hush", "workspaceKey": "hush", "client_secret": "hush"},
        {"blobReferenceForConsumption": {"credential": {"sasUri": "https://a/?hush"}}},
    ],
)
def test_a_field_that_holds_a_secret_is_known_by_its_name(body: dict[str, object]) -> None:
    shown = json.dumps(mask(body))
    assert "hush" not in shown
    assert "123456" not in shown
    assert HIDDEN in shown


def test_the_answer_to_an_action_that_issues_secrets_is_masked_whatever_its_fields_are() -> None:
    answer = {"value": [{"name": "db", "value": "hush"}], "webSocketUri": "wss://hush"}
    for action in (
        "listSecrets",
        "listKeys",
        "sharedKeys",
        "regenerateCredential",
        "exec",
        "token",
    ):
        assert issues_secrets(f"/subscriptions/s/x/{action}")
    assert mask(answer, issued=True) == {
        "value": [{"name": "db", "value": HIDDEN}],
        "webSocketUri": HIDDEN,
    }
    assert not issues_secrets("/subscriptions/s/resourceGroups/token/providers/x/y/start")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a.blob.core.windows.net/c?sp=r&sig=ab%2Fc%3D&se=1", "?sp=r&sig=********&se=1"),
        ("AccountName=a;AccountKey=hush==;EndpointSuffix=b", ";AccountKey=********;EndpointSuffix"),
        ("Server=a;Password=hush;", "Password=********;"),
        ("amqps://me:hush@host:5671", "amqps://me:********@host:5671"),
        ("got Bearer hush.hush", "got Bearer ********"),
        ("-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\nx", "********\nx"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.hush-_", "token ********"),
    ],
)
def test_it_is_known_by_its_shape_wherever_it_is(text: str, shown: str) -> None:
    masked = mask({"message": [text]})["message"][0]
    assert "hush" not in masked
    assert shown in masked


def test_a_random_key_is_known_by_its_look() -> None:
    for key in (secrets.token_urlsafe(96), base64.b64encode(secrets.token_bytes(64)).decode()):
        assert mask_text(f"is '{key}' right?") == f"is '{HIDDEN}' right?"


@pytest.mark.parametrize(
    "plain",
    [
        "/subscriptions/1e121103-0ba6-4300-ac9d-952bb5d0c80f/resourceGroups/rg-Deploying1Models2",
        "azureml://registries/azureml/environments/AzureML-sklearn-1.5-ubuntu22.04-py311/versions/1",
        "CliV2AnonymousEnvironment-1e121103-0ba6-4300-ac9d-952bb5d0c80f",
        "sha256:3d1cc67ae4d0c36b2e2a1ba0d7eb73d9e1b7f5b6d7d1cf0cbe3a4b1d6f7a8b9c",
        "https://digits.westeurope.inference.ml.azure.com/score",
        {"authMode": "Key", "secretRef": "db", "keyVaultUrl": "https://v", "tags": {"a": "b"}},
        {"sku": {"name": "Basic"}, "adminUserEnabled": True, "count": 3, "nothing": None},
    ],
)
def test_what_is_no_secret_is_shown(plain: object) -> None:
    assert mask(plain) == plain
