"""What an example presupposes: the resources above the one that it is about, and those it names.

Each type has the smallest body with which it works. What Azure names itself (a revision, a replica,
the run of a job) is not made but found.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import requests

from emulator.defaults import REGION, STORAGE_ACCOUNT
from tests.conformance.resource_manager import ResourceManager
from tests.emulator.services.apps_bench import REGISTRY, AppsBench
from tests.emulator.services.arm import GROUP
from tests.emulator.services.deployments import CONDA, IMAGE

ML = "microsoft.machinelearningservices/workspaces"
SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"
ID = re.compile(r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/.+", re.IGNORECASE)


# What Azure names itself is not made but found in the list above it.
FOUND = (
    "microsoft.app/containerapps/revisions",
    "microsoft.app/containerapps/revisions/replicas",
    "microsoft.app/jobs/executions",
)
# What has to be done to a resource first, for what is below it.
DONE_FIRST = {"microsoft.app/jobs": {"stop": "start", "executions": "start"}}


class MissingError(Exception):
    """What an example presupposes cannot be had."""


def type_of(resource_id: str) -> str:
    """Such as "microsoft.app/containerapps/revisions", in lower case."""
    namespace, *parts = resource_id.lower().rpartition("/providers/")[2].split("/")
    return "/".join([namespace, *parts[::2]])


class Presupposed:
    """Makes what is not there yet, and remembers by which name of ours an example's is known."""

    def __init__(self, arm: ResourceManager, bench: AppsBench, location: str = REGION) -> None:
        self.arm = arm
        self.bench = bench
        self.location = location
        self.groups: list[str] = []
        self.bodies: dict[str, Callable[[str, str], dict[str, Any]]] = {
            "microsoft.app/managedenvironments": self._managed_environment,
            "microsoft.app/containerapps": self._container_app,
            "microsoft.app/jobs": self._job,
            "microsoft.containerinstance/containergroups": self._container_group,
            "microsoft.containerregistry/registries": self._registry,
            "microsoft.managedidentity/userassignedidentities": self._located,
            "microsoft.operationalinsights/workspaces": self._located,
            "microsoft.storage/storageaccounts": self._storage_account,
            ML: self._located,
            f"{ML}/datastores": self._datastore,
            f"{ML}/codes": self._container,
            f"{ML}/codes/versions": self._code,
            f"{ML}/models": self._container,
            f"{ML}/models/versions": self._model,
            f"{ML}/environments": self._container,
            f"{ML}/environments/versions": self._environment,
            f"{ML}/data": self._data,
            f"{ML}/data/versions": self._data_version,
            f"{ML}/onlineendpoints": self._endpoint,
            f"{ML}/onlineendpoints/deployments": self._deployment,
            f"{ML}/computes": self._cluster,
            f"{ML}/batchendpoints": self._batch_endpoint,
            f"{ML}/batchendpoints/deployments": self._batch_deployment,
        }

    def ensure(self, path: str) -> str:
        """Make what a path leads to, and answer the path by the names that there are.

        The path may end in an action or a collection, which asks for nothing more.
        """
        group = re.match(r"(/subscriptions/[^/]+/resourceGroups/[^/]+)(/.*)?", path, re.IGNORECASE)
        if group is None:
            return path
        self._group(group[1])
        head, marker, rest = path.partition("/providers/")
        if not marker:
            return path
        namespace, *parts = rest.split("/")
        made = f"{head}/providers/{namespace}"
        while len(parts) >= 2:
            made = self._one(f"{made}/{parts[0]}", parts[1], "/".join(parts[2:]))
            parts = parts[2:]
        return "/".join([made, *parts])

    def ensure_above(self, path: str) -> str:
        """Make what is above the resource that a path leads to, and answer that path."""
        above, kind, name = path.rsplit("/", 2)
        if kind.lower() == "resourcegroups":
            self.groups.append(path)
        return f"{self.ensure(above)}/{kind}/{name}"

    def fill(self, path: str) -> None:
        """Put something into a collection, so that the list of it shows what it should."""
        if type_of(path) not in self.bodies:
            return
        if "/resourcegroups/" not in path.lower():
            path = path.replace("/providers/", "/resourceGroups/listed/providers/", 1)
        self.ensure(f"{path}/1" if path.endswith("/versions") else f"{path}/example1")

    def knows(self, resource_id: str) -> bool:
        return type_of(resource_id) in self.bodies

    def _group(self, path: str) -> None:
        if self.arm.call("GET", path).status != 200:
            self._succeed("PUT", path, {"location": self.location})
            self.groups.append(path)

    def tidy(self) -> None:
        """Delete the groups that were made here, with all that is in them."""
        for group in self.groups:
            self.arm.call("DELETE", group)

    def _one(self, collection: str, name: str, below: str) -> str:
        path = f"{collection}/{name}"
        kind = type_of(path)
        if kind in FOUND:
            return f"{collection}/{self._first(collection)}"
        if kind in self.bodies and self.arm.call("GET", path).status == 404:
            self._succeed("PUT", path, self.bodies[kind](path, below))
        action = DONE_FIRST.get(kind, {}).get(below.partition("/")[0])
        if action:
            self._succeed("POST", f"{path}/{action}", {})
        return path

    def _succeed(self, method: str, path: str, body: Any = None) -> Any:
        """What the call comes to. Raises MissingError when it fails."""
        answer = self.arm.call(method, path, body)
        if answer.error or answer.status >= 400:
            raise MissingError(f"{method} {path}: {answer.status} {answer.error}")
        return answer.result

    def _first(self, collection: str) -> str:
        listed = self._succeed("GET", collection)
        if not listed["value"]:
            raise MissingError(f"GET {collection}: the list is empty")
        return str(listed["value"][0]["name"])

    # Bodies, each of a resource with this id and with this path below it

    def _located(self, path: str, below: str) -> dict[str, Any]:
        return {"location": self.location}

    def _managed_environment(self, path: str, below: str) -> dict[str, Any]:
        profile = {"name": "Consumption", "workloadProfileType": "Consumption"}
        return {"location": self.location, "properties": {"workloadProfiles": [profile]}}

    def _container_app(self, path: str, below: str) -> dict[str, Any]:
        configuration = self.bench.configuration()
        template = {
            "containers": [self.bench.container()],
            "scale": {"minReplicas": 1, "maxReplicas": 1},
        }
        properties = {"configuration": configuration, "template": template}
        return {
            "location": self.location,
            "properties": {**self._environment_of(path), **properties},
        }

    def _environment_of(self, path: str) -> dict[str, str]:
        group = path.partition("/providers/")[0]
        environment = f"{group}/providers/Microsoft.App/managedEnvironments/demokube"
        return {"environmentId": self.ensure(environment)}

    def _job(self, path: str, below: str) -> dict[str, Any]:
        configuration = self.bench.configuration()
        del configuration["ingress"]
        configuration |= {"triggerType": "Manual", "replicaTimeout": 1800}
        container = self.bench.container(command=["python", "-c", "import time; time.sleep(600)"])
        properties = {"configuration": configuration, "template": {"containers": [container]}}
        return {
            "location": self.location,
            "properties": {**self._environment_of(path), **properties},
        }

    def _container_group(self, path: str, below: str) -> dict[str, Any]:
        named = re.match(r"containers/([^/]+)", below)
        container = {
            "name": named[1] if named else "web",
            "properties": {
                "image": self.bench.image,
                "ports": [{"port": 80}],
                "resources": {"requests": {"cpu": 1.0, "memoryInGB": 1.0}},
            },
        }
        properties = {
            "osType": "Linux",
            "containers": [container],
            "imageRegistryCredentials": [self.bench.machine.credentials(REGISTRY)],
            "ipAddress": {
                "type": "Public",
                "ports": [{"port": 80}],
                "dnsNameLabel": path.rpartition("/")[2].lower(),
            },
        }
        return {"location": self.location, "properties": properties}

    def _registry(self, path: str, below: str) -> dict[str, Any]:
        return {"location": self.location, "sku": {"name": "Basic"}}

    def _storage_account(self, path: str, below: str) -> dict[str, Any]:
        return {"location": self.location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}

    def _datastore(self, path: str, below: str) -> dict[str, Any]:
        properties = {
            "datastoreType": "AzureBlob",
            "accountName": STORAGE_ACCOUNT,
            "containerName": "azureml",
            "credentials": {
                "credentialsType": "AccountKey",
                "secrets": {"secretsType": "AccountKey", "key": self.account_key()},
            },
        }
        return {"properties": properties}

    def account_key(self) -> str:
        """Of the storage account that is there from the start."""
        account = f"Microsoft.Storage/storageAccounts/{STORAGE_ACCOUNT}"
        answer = self.arm.call("POST", f"{GROUP}/providers/{account}/listKeys", {})
        return str(answer.body["keys"][0]["value"])

    def _container(self, path: str, below: str) -> dict[str, Any]:
        return {"properties": {}}

    def _code(self, path: str, below: str) -> dict[str, Any]:
        return {"properties": {"codeUri": self.uploaded(path, "score.py", SCRIPT)}}

    def uploaded(self, path: str, name: str, content: str) -> str:
        """Put a file where the workspace keeps code, and answer the folder's URI."""
        workspace = path.partition("/workspaces/")[2].partition("/")[0]
        home = f"{path.partition('/workspaces/')[0]}/workspaces/{workspace}"
        action = f"{home}/codes/uploaded/versions/1/startPendingUpload"
        body = {"pendingUploadType": "TemporaryBlobReference"}
        place = self.arm.call("POST", action, body).body["blobReferenceForConsumption"]
        uri, _, sas = place["credential"]["sasUri"].partition("?")
        answer = requests.put(
            f"{uri}/files/{name}?{sas}",
            data=content.encode(),
            headers={"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-12-02"},
            timeout=30,
        )
        if not answer.ok:
            raise MissingError(f"PUT {uri}/files/{name}: {answer.status_code} {answer.text}")
        return f"{uri}/files"

    def _model(self, path: str, below: str) -> dict[str, Any]:
        return {
            "properties": {
                "modelType": "custom_model",
                "modelUri": self.uploaded(path, "model.txt", "a model"),
            }
        }

    def _environment(self, path: str, below: str) -> dict[str, Any]:
        return {"properties": {"image": IMAGE, "condaFile": CONDA}}

    def _data(self, path: str, below: str) -> dict[str, Any]:
        return {"properties": {"dataType": "uri_file"}}

    def _data_version(self, path: str, below: str) -> dict[str, Any]:
        uri = self.uploaded(path, "data.txt", "data")
        return {"properties": {"dataType": "uri_folder", "dataUri": uri}}

    def _endpoint(self, path: str, below: str) -> dict[str, Any]:
        return {
            "location": self.location,
            "identity": {"type": "SystemAssigned"},
            "properties": {"authMode": "AMLToken" if below == "token" else "Key"},
        }

    def _deployment(self, path: str, below: str) -> dict[str, Any]:
        home = path.partition("/onlineEndpoints/")[0]
        properties = {
            "endpointComputeType": "Managed",
            "model": self.ensure(f"{home}/models/made/versions/1"),
            "environmentId": self.ensure(f"{home}/environments/made/versions/1"),
            "codeConfiguration": {
                "codeId": self.ensure(f"{home}/codes/made/versions/1"),
                "scoringScript": "score.py",
            },
            "instanceType": "Standard_D4as_v4",
        }
        return {
            "location": self.location,
            "sku": {"name": "Default", "capacity": 1},
            "properties": properties,
        }

    def _cluster(self, path: str, below: str) -> dict[str, Any]:
        settings = {
            "vmSize": "STANDARD_DS3_V2",
            "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1},
        }
        properties = {"computeType": "AmlCompute", "properties": settings}
        return {"location": self.location, "properties": properties}

    def _batch_endpoint(self, path: str, below: str) -> dict[str, Any]:
        return {"location": self.location, "properties": {"authMode": "AADToken"}}

    def _batch_deployment(self, path: str, below: str) -> dict[str, Any]:
        home = path.partition("/batchEndpoints/")[0]
        properties = {
            "compute": self.ensure(f"{home}/computes/made"),
            "model": {
                "referenceType": "Id",
                "assetId": self.ensure(f"{home}/models/made/versions/1"),
            },
            "environmentId": self.ensure(f"{home}/environments/made/versions/1"),
            "codeConfiguration": {
                "codeId": self.ensure(f"{home}/codes/made/versions/1"),
                "scoringScript": "score.py",
            },
        }
        return {"location": self.location, "properties": properties}


def ids_in(node: Any) -> set[str]:
    """The ids of resources that a body names."""
    if isinstance(node, dict):
        return set().union(*(ids_in(one) for pair in node.items() for one in pair))
    if isinstance(node, list):
        return set().union(*(ids_in(one) for one in node))
    return {node} if isinstance(node, str) and ID.fullmatch(node) else set()
