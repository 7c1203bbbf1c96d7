"""Entra ID: tokens through azure-identity, and every way in which one is refused."""

from __future__ import annotations

import os
import time

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, DefaultAzureCredential

from emulator.defaults import CLIENT_ID, TENANT
from emulator.services.identity import Identity

SCOPE = "https://management.azure.com/.default"
SUBSCRIPTIONS = "https://management.azure.com/subscriptions?api-version=2022-12-01"


def call(authorization: str | None) -> requests.Response:
    headers = {"Authorization": authorization} if authorization else {}
    return requests.get(SUBSCRIPTIONS, headers=headers, timeout=10)


@pytest.fixture
def token(local_azure) -> str:
    return DefaultAzureCredential().get_token(SCOPE).token


def test_the_default_credential_gets_a_token_that_resource_manager_takes(token):
    assert call(f"Bearer {token}").status_code == 200


def test_the_token_is_signed_and_says_for_whom_and_until_when(token):
    keys = requests.get(
        f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys", timeout=10
    ).json()["keys"]
    key = jwt.PyJWK(next(k for k in keys if k["kid"] == jwt.get_unverified_header(token)["kid"]))
    claims = jwt.decode(token, key, ["RS256"], audience="https://management.azure.com")
    assert claims["appid"] == CLIENT_ID
    assert claims["tid"] == TENANT
    assert 3000 < claims["exp"] - time.time() <= 3600


def test_a_wrong_secret_is_refused_with_azures_code(local_azure):
    credential = ClientSecretCredential(TENANT, CLIENT_ID, "guess")
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(SCOPE)


def test_an_unknown_client_is_refused(local_azure):
    credential = ClientSecretCredential(TENANT, "11111111-1111-4111-8111-111111111111", "x")
    with pytest.raises(ClientAuthenticationError, match="AADSTS700016"):
        credential.get_token(SCOPE)


def test_an_unknown_tenant_is_refused(local_azure):
    other = "11111111-1111-4111-8111-111111111111"
    credential = ClientSecretCredential(other, CLIENT_ID, os.environ["AZURE_CLIENT_SECRET"])
    with pytest.raises((ClientAuthenticationError, ValueError), match=r"90002|tenant"):
        credential.get_token(SCOPE)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "AuthenticationFailed"),
        ("Basic dXNlcjpwYXNz", "AuthenticationFailedInvalidHeader"),
        ("Bearer", "AuthenticationFailed"),
        ("Bearer nonsense", "InvalidAuthenticationToken"),
    ],
)
def test_a_call_without_a_valid_token_is_a_401_in_azures_shape(local_azure, authorization, code):
    answer = call(authorization)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == code
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")


def test_a_token_for_another_audience_is_refused(local_azure):
    token = DefaultAzureCredential().get_token("https://ml.azure.com/.default").token
    answer = call(f"Bearer {token}")
    assert answer.json()["error"]["code"] == "InvalidAuthenticationTokenAudience"


def test_a_tampered_token_is_refused(token):
    head, _, signature = token.split(".")
    body = jwt.utils.base64url_encode(b'{"aud":"https://management.azure.com"}').decode()
    assert call(f"Bearer {head}.{body}.{signature}").status_code == 401


def test_an_unsigned_token_is_refused(token):
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims, "", algorithm="none")
    assert call(f"Bearer {forged}").json()["error"]["code"] == "InvalidAuthenticationToken"


def test_an_expired_token_is_refused(local_azure):
    """Issued with the emulator's own key, as it would have been an hour ago."""
    identity = Identity(local_azure.home.identity)
    expired = identity.issue("https://management.azure.com", lifetime=-1)
    answer = call(f"Bearer {expired}")
    assert answer.json()["error"]["code"] == "ExpiredAuthenticationToken"


def test_only_client_credentials(local_azure):
    answer = requests.post(
        f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
        data={"grant_type": "password", "username": "a", "password": "b"},
        timeout=10,
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "unsupported_grant_type"
