"""A scoring script calls Azure: through the real clients, as its endpoint's managed identity."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import IdentityConfiguration, ManagedIdentityConfiguration

from emulator.defaults import STORAGE_ACCOUNT, TENANT
from tests.azure import LocalAzure
from tests.emulator.services.arm import HOME
from tests.emulator.services.arm import call as call_arm
from tests.emulator.services.deployments import Workbench
from tests.emulator.services.managed_identities import IDENTITIES, Identities

# Runs what it is asked to, as a script of anybody's would.
SCRIPT = """
import json, os
import requests
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient

def init():
    global at_start
    at_start = ManagedIdentityCredential().get_token("https://management.azure.com/.default").token

def token_by_rest(resource, client_id=None):
    url = os.environ["MSI_ENDPOINT"] + f"?resource={resource}"
    if client_id:
        url += f"&clientid={client_id}"
    headers = {"secret": os.environ["MSI_SECRET"], "Metadata": "true"}
    answer = requests.get(url, headers=headers)
    answer.raise_for_status()
    return answer.json()["access_token"]

def token_by_metadata():
    answer = requests.get(
        "http://169.254.169.254/metadata/identity/oauth2/token",
        params={"api-version": "2018-02-01", "resource": "https://storage.azure.com/"},
        headers={"Metadata": "true"},
    )
    answer.raise_for_status()
    return answer.json()["access_token"]

def write_blob(account, container, text):
    service = BlobServiceClient(
        f"https://{account}.blob.core.windows.net", credential=DefaultAzureCredential()
    )
    service.create_container(container)
    blob = service.get_blob_client(container, "greeting.txt")
    blob.upload_blob(text)
    return blob.download_blob().readall().decode()

def ask_endpoint(url):
    token = ManagedIdentityCredential().get_token("https://ml.azure.com/.default").token
    answer = requests.post(url, json={"hop": 1}, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.text

def identity_of(client_id):
    try:
        credential = ManagedIdentityCredential(client_id=client_id)
        return credential.get_token("https://storage.azure.com/.default").token
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def run(raw_data):
    asked = json.loads(raw_data)
    if "call" in asked:
        return {"answer": globals()[asked["call"]](*asked.get("arguments", []))}
    return {"at_start": at_start, "environment": dict(os.environ)}
"""
CONDA = """
dependencies:
- python=3.11
- pip:
  - azureml-inference-server-http
  - azure-identity
  - azure-storage-blob
  - requests
"""


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@pytest.fixture
def caller_and_callee(bench: Workbench) -> tuple[Any, Any]:
    """Two endpoints with the script, and how each is called. The second takes Entra's tokens."""
    found = []
    for auth_mode in ("key", "aad_token"):
        endpoint = bench.endpoint(auth_mode)
        environment = bench.environment(CONDA)
        bench.deploy(endpoint.name, script=SCRIPT, environment=environment)
        bench.send_traffic(endpoint.name, blue=100)
        found.append(bench.client.online_endpoints.get(endpoint.name))
    return found[0], found[1]


def test_a_script_calls_azure_as_its_endpoint(
    bench: Workbench, caller_and_callee: tuple[Any, Any], local_azure: LocalAzure, unique: str
):
    endpoint, other = caller_and_callee
    call = bench.caller(endpoint.name)

    def do(name: str, *arguments: str) -> Any:
        answer = call({"call": name, "arguments": arguments})
        assert answer.status_code == 200, answer.text
        return answer.json()["answer"]

    principal = endpoint.identity.principal_id
    assert principal != other.identity.principal_id
    told = call().json()
    assert claims(told["at_start"])["oid"] == principal
    assert claims(told["at_start"])["xms_mirid"].endswith(endpoint.name)
    # It has none of the learner's own credentials: not the secret, nor the proxy's password.
    environment, mine = told["environment"], local_azure.environment
    password = mine["HTTPS_PROXY"].rpartition("@")[0].rpartition(":")[2]
    assert environment["HTTPS_PROXY"] != mine["HTTPS_PROXY"]
    for secret in (mine["AZURE_CLIENT_SECRET"], password):
        assert not [name for name, value in environment.items() if secret in value]

    assert do("write_blob", STORAGE_ACCOUNT, f"script-{unique}", "hello") == "hello"
    by_rest = claims(do("token_by_rest", "https://storage.azure.com/"))
    assert (by_rest["oid"], by_rest["aud"]) == (principal, "https://storage.azure.com/")
    assert claims(do("token_by_metadata"))["oid"] == principal
    status, text = do("ask_endpoint", other.scoring_uri)
    assert status == 200
    assert claims(json.loads(text)["at_start"])["oid"] == other.identity.principal_id
    refused = do("identity_of", "00000000-0000-4000-8000-00000000dead")
    assert "Identity not found" in refused


def test_the_principal_is_the_endpoints_own_for_as_long_as_it_is_there(
    bench: Workbench, ml_client: MLClient
):
    endpoint = bench.endpoint()
    first = endpoint.identity.principal_id
    assert endpoint.identity.tenant_id == TENANT
    assert bench.send_traffic(endpoint.name).identity.principal_id == first
    ml_client.online_endpoints.begin_delete(endpoint.name).result()
    bench.endpoints.remove(endpoint.name)
    again = bench.endpoint()
    assert again.name == endpoint.name
    assert again.identity.principal_id != first


def test_a_script_has_the_user_assigned_identities_of_its_endpoint_and_no_other(
    bench: Workbench, identities: Identities
):
    mine, other = identities.create("mine"), identities.create("other")
    wanted = IdentityConfiguration(
        type="user_assigned",
        user_assigned_identities=[ManagedIdentityConfiguration(resource_id=mine["id"])],
    )
    endpoint = bench.endpoint(identity=wanted)
    assert endpoint.identity.type == "user_assigned"
    assert endpoint.identity.principal_id is None
    principal, client_id = mine["properties"]["principalId"], mine["properties"]["clientId"]
    shown = call_arm("GET", endpoint.id).json()["identity"]["userAssignedIdentities"]
    assert shown == {mine["id"]: {"principalId": principal, "clientId": client_id}}
    bench.deploy(endpoint.name, script=SCRIPT, environment=bench.environment(CONDA))
    bench.send_traffic(endpoint.name, blue=100)
    call = bench.caller(endpoint.name)

    def token(client_id: str) -> str:
        return call({"call": "identity_of", "arguments": [client_id]}).json()["answer"]

    # It is the only one, so that which none is named for is it, too.
    for found in (call().json()["at_start"], token(client_id)):
        assert (claims(found)["oid"], claims(found)["appid"]) == (principal, client_id)
    assert "Identity not found" in token(other["properties"]["clientId"])
    identities.delete(mine)
    # The credential keeps a token; another one asks anew.
    call = bench.caller(endpoint.name)
    assert "Identity not found" in token(client_id)


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        ({"type": "UserAssigned"}, "BadArgument"),
        ({"type": "UserAssigned", "userAssignedIdentities": {"/an/identity": {}}}, "BadArgument"),
        (
            {"type": "SystemAssigned", "userAssignedIdentities": {f"{IDENTITIES}/some": {}}},
            "BadArgument",
        ),
        (
            {"type": "UserAssigned", "userAssignedIdentities": {f"{IDENTITIES}/nobody": {}}},
            "FailedIdentityOperation",
        ),
    ],
)
def test_an_endpoint_is_refused_what_cannot_be_its_identity(
    local_azure: LocalAzure, unique: str, identity: dict[str, Any], code: str
):
    body = {
        "location": "westeurope",
        "identity": identity,
        "properties": {"authMode": "Key"},
    }
    answer = call_arm("PUT", f"{HOME}/onlineEndpoints/e-{unique}", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_the_identity_of_an_endpoint_is_that_of_its_creation(bench: Workbench):
    endpoint = bench.endpoint()
    answer = call_arm("PATCH", endpoint.id, {"identity": {"type": "None"}})
    assert answer.status_code == 400
    assert answer.json()["error"]["target"] == "identity"


def test_nobody_else_gets_a_token(local_azure: LocalAzure):
    """Neither without the secret of a workload, nor from a notebook through the front door."""
    base = "http://169.254.169.254"
    asked = {"resource": "https://storage.azure.com/"}
    for path, header in (("/MSI/auth", "secret"), ("/msi/token", "X-IDENTITY-HEADER")):
        answer = requests.get(f"{base}{path}", asked, headers={header: "guess"}, timeout=10)
        assert answer.status_code == 403
    metadata = f"{base}/metadata/identity/oauth2/token"
    answer = requests.get(metadata, asked, headers={"Metadata": "true"}, timeout=10)
    assert (answer.status_code, answer.json()["error_description"]) == (400, "Identity not found")
    answer = requests.get(metadata, asked, timeout=10)
    assert "header" in answer.json()["error_description"]
    answer = requests.get(f"{base}/metadata/instance", headers={"Metadata": "true"}, timeout=10)
    assert answer.status_code == 501
