"""What is asked of endpoints and deployments: mistakes, Azure's leniency, what is not there."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from emulator.defaults import REGION
from tests.emulator.services.arm import HOME, WORKSPACES, call
from tests.emulator.services.deployments import IMAGE, Workbench
from tests.emulator.services.managed_identities import IDENTITIES
from tests.waiting import until

ENDPOINT: dict[str, Any] = {"location": REGION, "properties": {"authMode": "Key"}}
DEPLOYMENT: dict[str, Any] = {
    "location": REGION,
    "sku": {"name": "Default", "capacity": 1},
    "properties": {
        "endpointComputeType": "Managed",
        "instanceType": "Standard_D4as_v4",
        "environmentId": "azureml:nothing:1",
        "codeConfiguration": {"codeId": "azureml:nothing:1", "scoringScript": "score.py"},
    },
}


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The body with a value in the place that the path names."""
    whole = copy.deepcopy(body)
    *above, last = path.split(".")
    inner = whole
    for name in above:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return whole


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties", None),
        ("properties", []),
        ("properties.authMode", None),
        ("properties.authMode", 7),
        ("properties.authMode", "token"),
        ("properties.traffic", [100]),
        ("properties.traffic.blue", "all"),
        ("properties.traffic.blue", 50.5),
        ("properties.traffic.blue", {}),
        ("properties.mirrorTraffic", "blue"),
        ("properties.description", {}),
        ("properties.properties", "text"),
        ("properties.publicNetworkAccess", "Sometimes"),
        ("properties.keys", []),
        ("properties.keys.primaryKey", []),
        ("properties.compute", []),
        ("identity", "SystemAssigned"),
        ("identity.type", "Somebody"),
        ("identity.userAssignedIdentities", []),
        ("kind", "Unmanaged"),
        ("location", "mars"),
        ("location", []),
        ("tags", ["a"]),
        ("tags.a", ["b"]),
    ],
)
def test_a_wrong_endpoint_is_refused_by_its_field(local_azure, unique, path, value):
    endpoint = f"{HOME}/onlineEndpoints/wrong-{unique}"
    answer = call("PUT", endpoint, changed(ENDPOINT, path, value))
    assert answer.status_code == 400, answer.text
    assert path in answer.json()["error"]["message"]
    assert call("GET", endpoint).status_code == 404


@pytest.fixture(scope="module")
def endpoint(local_azure) -> str:
    path = f"{HOME}/onlineEndpoints/bodies"
    assert call("PUT", path, ENDPOINT).status_code == 201
    until(lambda: call("GET", path).json()["properties"]["provisioningState"] == "Succeeded")
    return path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties", None),
        ("properties", "text"),
        ("properties.endpointComputeType", None),
        ("properties.endpointComputeType", "Mainframe"),
        ("properties.instanceType", None),
        ("properties.instanceType", {}),
        ("properties.environmentId", {"name": "a"}),
        ("properties.codeConfiguration", "score.py"),
        ("properties.codeConfiguration.codeId", []),
        ("properties.codeConfiguration.scoringScript", None),
        ("properties.codeConfiguration.scoringScript", "sc\0re.py"),
        ("properties.model", ["a"]),
        ("properties.environmentVariables", ["A=1"]),
        ("properties.environmentVariables", "A=1"),
        ("properties.environmentVariables.A", {"value": "1"}),
        ("properties.environmentVariables.A", "1\0"),
        ("properties.requestSettings", 5000),
        ("properties.requestSettings.requestTimeout", 5000),
        ("properties.requestSettings.requestTimeout", "5s"),
        ("properties.requestSettings.requestTimeout", "PT0S"),
        ("properties.requestSettings.requestTimeout", "PT181S"),
        ("properties.requestSettings.requestTimeout", "-PT5S"),
        ("properties.requestSettings.maxQueueWait", "soon"),
        ("properties.requestSettings.maxConcurrentRequestsPerInstance", 0),
        ("properties.requestSettings.maxConcurrentRequestsPerInstance", "many"),
        ("properties.requestSettings.maxConcurrentRequestsPerInstance", 1.5),
        ("properties.livenessProbe", "PT10S"),
        ("properties.livenessProbe.period", "PT0S"),
        ("properties.livenessProbe.timeout", 2),
        ("properties.livenessProbe.initialDelay", "-PT1S"),
        ("properties.livenessProbe.failureThreshold", 0),
        ("properties.readinessProbe.successThreshold", "once"),
        ("properties.scaleSettings", "Default"),
        ("properties.scaleSettings.scaleType", "Sometimes"),
        ("properties.appInsightsEnabled", "perhaps"),
        ("properties.egressPublicNetworkAccess", "Maybe"),
        ("properties.dataCollector", True),
        ("properties.modelMountPath", []),
        ("properties.properties", []),
        ("properties.description", []),
        ("sku", "Default"),
        ("sku.name", "Premium"),
        ("sku.capacity", 0),
        ("sku.capacity", 51),
        ("sku.capacity", "two"),
        ("sku.capacity", True),
        ("kind", "Unmanaged"),
        ("tags", "a=b"),
    ],
)
def test_a_wrong_deployment_is_refused_by_its_field(endpoint, path, value):
    answer = call("PUT", f"{endpoint}/deployments/blue", changed(DEPLOYMENT, path, value))
    assert answer.status_code == 400, answer.text
    assert path in answer.json()["error"]["message"]
    assert answer.json()["error"]["target"]
    assert call("GET", f"{endpoint}/deployments/blue").status_code == 404


def test_a_variable_that_is_no_name_is_named(endpoint):
    wrong = changed(DEPLOYMENT, "properties.environmentVariables", {"A=B": "1"})
    answer = call("PUT", f"{endpoint}/deployments/blue", wrong)
    assert answer.status_code == 400
    assert "'A=B' in 'properties.environmentVariables'" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("properties.appInsightsEnabled", True, "appInsightsEnabled"),
        ("properties.egressPublicNetworkAccess", "Disabled", "egressPublicNetworkAccess"),
        ("properties.privateNetworkConnection", True, "privateNetworkConnection"),
        (
            "properties.dataCollector",
            {"collections": {"model_inputs": {"dataCollectionMode": "Enabled"}}},
            "dataCollector",
        ),
        ("properties.modelMountPath", "/var/model", "modelMountPath"),
        ("properties.model", "azureml://registries/azureml/models/a/versions/1", "registries"),
        ("properties.scaleSettings", {"scaleType": "TargetUtilization"}, "TargetUtilization"),
        ("properties.endpointComputeType", "Kubernetes", "Kubernetes"),
        ("identity", {"type": "SystemAssigned"}, "identity"),
    ],
)
def test_what_no_deployment_has_here_is_named(endpoint, path, value, words):
    answer = call("PUT", f"{endpoint}/deployments/blue", changed(DEPLOYMENT, path, value))
    assert answer.status_code == 501, answer.text
    assert words in answer.json()["error"]["message"]
    assert call("GET", f"{endpoint}/deployments/blue").status_code == 404


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("properties.publicNetworkAccess", "disabled", "private endpoints"),
        ("properties.compute", f"{HOME}/computes/cluster", "Kubernetes"),
        ("kind", "K8S", "Kubernetes"),
    ],
)
def test_what_no_endpoint_has_here_is_named(local_azure, unique, path, value, words):
    wanted = f"{HOME}/onlineEndpoints/lacking-{unique}"
    answer = call("PUT", wanted, changed(ENDPOINT, path, value))
    assert answer.status_code == 501, answer.text
    assert words in answer.json()["error"]["message"]
    assert call("GET", wanted).status_code == 404


def test_what_stays_where_it_is_cannot_be_moved(endpoint):
    for resource, body in ((endpoint, ENDPOINT), (f"{endpoint}/deployments/blue", DEPLOYMENT)):
        answer = call("PUT", resource, {**body, "location": "eastus2"})
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "InvalidResourceLocation"
    assert call("GET", endpoint).json()["location"] == REGION


@pytest.mark.parametrize(
    ("action", "body", "words"),
    [
        ("regenerateKeys", None, "must be an object"),
        ("regenerateKeys", [], "must be an object"),
        ("regenerateKeys", {}, "'keyType' is required"),
        ("regenerateKeys", {"keyType": "Third"}, "'keyType' must be one of Primary, Secondary"),
        ("regenerateKeys", {"keyType": "Primary", "keyValue": []}, "'keyValue'"),
    ],
)
def test_a_wrong_request_for_a_key_changes_none(endpoint, action, body, words):
    before = call("POST", f"{endpoint}/listKeys").json()
    answer = call("POST", f"{endpoint}/{action}", body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert call("POST", f"{endpoint}/listKeys").json() == before


def test_an_endpoint_takes_the_keys_that_it_is_made_with(local_azure, unique):
    path = f"{HOME}/onlineEndpoints/keys-{unique}"
    made = call("PUT", path, changed(ENDPOINT, "properties.keys", {"primaryKey": "a" * 32}))
    assert "a" * 32 not in made.text
    keys = call("POST", f"{path}/listKeys").json()
    assert keys["primaryKey"] == "a" * 32
    assert len(keys["secondaryKey"]) > 32
    assert "a" * 32 not in call("GET", path).text
    call("DELETE", path)


def test_what_azure_takes_in_another_spelling_is_taken(ml_client, bench: Workbench):
    """Names and enums without case, numbers as texts, texts as numbers; and shown as Azure does."""
    endpoint = bench.endpoint()
    bench.deploy(endpoint.name, "blue")
    first = call("GET", f"{endpoint.id}/deployments/blue").json()["properties"]
    lenient = {
        "location": "West Europe" if REGION == "westeurope" else REGION,
        "SKU": {"Name": "default", "capacity": "1"},
        "properties": {
            "ENDPOINTCOMPUTETYPE": "managed",
            "instanceType": "standard_d4AS_V4",
            "model": first["model"],
            "environmentid": first["environmentId"],
            "CodeConfiguration": first["codeConfiguration"],
            "environmentVariables": {"DEPLOYED_AS": 7, "FLAG": True},
            "requestSettings": {"requestTimeout": "PT90S", "maxConcurrentRequestsPerInstance": "3"},
            "readinessProbe": None,
            "notAProperty": {"of": "a deployment"},
        },
    }
    path = f"{endpoint.id}/deployments/green"
    answer = call("PUT", path, lenient)
    assert answer.status_code == 201, answer.text
    until(lambda: call("GET", path).json()["properties"]["provisioningState"] == "Succeeded")
    found = call("GET", path).json()
    properties = found["properties"]
    assert properties["instanceType"] == "Standard_D4as_v4"
    assert properties["environmentVariables"] == {"DEPLOYED_AS": "7", "FLAG": "true"}
    assert properties["requestSettings"] == {
        "maxConcurrentRequestsPerInstance": 3,
        "maxQueueWait": "PT0.5S",
        "requestTimeout": "PT1M30S",
    }
    assert found["sku"] == {"name": "Default", "capacity": 1}
    assert "notAProperty" not in properties
    traffic = changed(ENDPOINT, "properties.traffic", {"GREEN": "100", "blue": 0})
    assert call("PUT", endpoint.id, traffic).status_code == 200
    until(
        lambda: (
            call("GET", endpoint.id).json()["properties"]["traffic"] == {"green": 100, "blue": 0}
        )
    )
    assert bench.caller(endpoint.name)({}).json()["name"] == "7"


def test_what_is_latest_is_settled_when_a_deployment_is_made(ml_client, bench: Workbench):
    endpoint = bench.endpoint()
    bench.deploy(endpoint.name, "blue")
    body = call("GET", f"{endpoint.id}/deployments/blue").json()
    body["properties"]["model"] = "azureml:greeting@latest"
    path = f"{endpoint.id}/deployments/green"
    shown = call("PUT", path, body).json()["properties"]
    assert shown["model"].startswith(f"{HOME}/models/greeting/versions/")
    until(lambda: call("GET", path).json()["properties"]["provisioningState"] == "Succeeded")


@pytest.mark.parametrize(
    ("path", "properties", "words"),
    [
        ("models/m/versions/1", {"modelUri": {}}, "properties.modelUri"),
        ("models/m/versions/1", {"tags": [1]}, "properties.tags"),
        ("models/m/versions/1", {"isArchived": "perhaps"}, "properties.isArchived"),
        (f"models/m/versions/{'9' * 400}", {}, "positive integer"),
        ("models/m", {"tags": {"a": {}}}, "properties.tags.a"),
        ("models/m", {"properties": 3}, "properties.properties"),
        ("codes/c/versions/1", {"codeUri": "https://["}, "not the address of a blob"),
        ("codes/c/versions/1", {"properties": []}, "properties.properties"),
        ("data/d/versions/1", {"dataType": "uri_file", "dataUri": 1}, "does not say where"),
        ("data/d/versions/1", {"dataType": "table"}, "properties.dataType"),
        ("data/d", {}, "properties.dataType"),
        ("environments/e/versions/1", {"image": []}, "properties.image"),
        ("environments/e/versions/1", {"build": "."}, "properties.build"),
        ("environments/e/versions/1", {"image": IMAGE, "osType": "BeOS"}, "properties.osType"),
        (
            "environments/e/versions/1",
            {"image": IMAGE, "inferenceConfig": {"scoringRoute": {"path": "/", "port": "x"}}},
            "properties.inferenceConfig.scoringRoute.port",
        ),
        (
            "environments/e/versions/1",
            {
                "image": IMAGE,
                "condaFile": "a: &a [x, x, x, x, x, x, x, x, x]\n"
                + "".join(
                    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n"
                    for n in range(8)
                ),
            },
            "too large",
        ),
        ("environments/e/versions/1", {"image": IMAGE, "condaFile": "&a [*a]"}, "too large"),
        ("environments/e/versions/1", {"image": IMAGE, "condaFile": "[" * 9999}, "conda file"),
        ("environments/e/versions/1", {"image": IMAGE, "condaFile": "a: 2020-99-99"}, "conda file"),
        ("datastores/s", {"datastoreType": 7}, "'properties.datastoreType' must be one of"),
        ("datastores/s", {"datastoreType": "AzureBlob"}, "properties.accountName"),
        ("datastores/s", {"credentials": "none"}, "properties.datastoreType"),
    ],
)
def test_a_wrong_asset_is_refused_by_its_field(local_azure, path, properties, words):
    answer = call("PUT", f"{HOME}/{path}", {"properties": properties})
    assert answer.status_code in (400, 501), answer.text
    assert words in answer.json()["error"]["message"]
    assert call("GET", f"{HOME}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("properties", "text", 400),
        ("properties.friendlyName", [], 400),
        ("properties.publicNetworkAccess", "Perhaps", 400),
        ("properties.hbiWorkspace", "perhaps", 400),
        ("properties.managedNetwork", "Disabled", 400),
        ("properties.managedNetwork.isolationMode", "Perhaps", 400),
        ("tags", [], 400),
        ("identity", [], 400),
        ("sku", "Basic", 400),
        ("properties.publicNetworkAccess", "Disabled", 501),
        ("properties.managedNetwork", {"isolationMode": "AllowInternetOutbound"}, 501),
        ("properties.encryption", {"status": "Enabled"}, 501),
        ("properties.v1LegacyMode", True, 501),
        ("properties.serverlessComputeSettings", {"serverlessComputeNoPublicIP": True}, 501),
        (
            "identity",
            {"type": "UserAssigned", "userAssignedIdentities": {f"{IDENTITIES}/some": {}}},
            501,
        ),
    ],
)
def test_a_wrong_workspace_is_refused_by_its_field(local_azure, unique, path, value, status):
    workspace = f"{WORKSPACES}/wrong-{unique}"
    answer = call("PUT", workspace, changed({"location": REGION}, path, value))
    assert answer.status_code == status, answer.text
    assert status == 501 or path in answer.json()["error"]["message"]
    assert call("GET", workspace).status_code == 404


def test_names_that_begin_with_an_underscore_survive_a_change(ml_client, bench: Workbench):
    """Read, change, write, as the SDK does it: tags and variables of any name are the user's."""
    name = bench.endpoint(tags={"_x": "1", "y": "2"}).name
    bench.deploy(name, "blue", environment_variables={"_MODE": "a", "DEPLOYED_AS": "blue"})
    endpoint = ml_client.online_endpoints.get(name)
    endpoint.description = "changed"
    ml_client.online_endpoints.begin_create_or_update(endpoint).result()
    deployment = ml_client.online_deployments.get("blue", name)
    deployment.description = "changed"
    ml_client.online_deployments.begin_create_or_update(deployment).result()
    assert ml_client.online_endpoints.get(name).tags == {"_x": "1", "y": "2"}
    found = ml_client.online_deployments.get("blue", name)
    assert found.description == "changed"
    assert found.environment_variables == {"_MODE": "a", "DEPLOYED_AS": "blue"}


def test_no_secret_is_shown(ml_client, bench: Workbench, unique: str):
    endpoint = bench.endpoint()
    keys = ml_client.online_endpoints.get_keys(endpoint.name)
    datastore = f"{HOME}/datastores/secretive_{unique}"
    place = call("GET", f"{HOME}/datastores/workspaceblobstore").json()["properties"]
    credentials = {"credentialsType": "Sas", "secrets": {"sasToken": "sig=of-nobody"}}
    body = {
        "datastoreType": "AzureBlob",
        "accountName": place["accountName"],
        "containerName": place["containerName"],
        "credentials": credentials,
    }
    assert call("PUT", datastore, {"properties": body}).status_code == 201
    for path in (endpoint.id, f"{HOME}/onlineEndpoints", datastore, f"{HOME}/datastores"):
        shown = call("GET", path).text
        for secret in (keys.primary_key, keys.secondary_key, "sig=of-nobody"):
            assert secret not in shown
    secrets = call("POST", f"{datastore}/listSecrets").json()
    assert secrets == {"secretsType": "Sas", "sasToken": "sig=of-nobody"}
    assert call("DELETE", datastore).status_code == 200


def test_an_error_of_machine_learning_says_who_answered(local_azure):
    error = call("GET", f"{HOME}/models/nothing").json()["error"]
    said = {each["type"]: each["info"]["value"] for each in error["additionalInfo"]}
    assert said["ComponentName"] == "managementfrontend"
    assert said["Environment"] == said["Location"] == REGION
    assert [len(said["Correlation"][name]) for name in ("operation", "request")] == [32, 16]
    assert said["Time"].endswith("+00:00")
    assert said["InnerError"]["innerError"]["code"] == error["details"][0]["code"]


@pytest.mark.parametrize("path", [f"{HOME}x/models/a", f"{HOME}/onlineEndpoints/nothing"])
def test_an_error_of_resource_manager_does_not(local_azure, path):
    answer = call("GET", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
    assert "additionalInfo" not in answer.json()["error"]
