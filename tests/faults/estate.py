"""The few resources that all clients work on: their ids, and bodies that say which version it is.

A version is a number, in the resource's tags and in what runs of it, so that both can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-faults"
_WORKSPACES = "/providers/Microsoft.MachineLearningServices/workspaces"
COURSE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}{_WORKSPACES}/{WORKSPACE}"
OTHER = f"{GROUP}{_WORKSPACES}/ws-faults"

ENDPOINTS = (f"{COURSE}/onlineEndpoints/fault-a", f"{OTHER}/onlineEndpoints/fault-b")
COLOURS = ("blue", "green")
DEPLOYMENTS = tuple(f"{one}/deployments/{colour}" for one in ENDPOINTS for colour in COLOURS)
CONTAINER_GROUPS = tuple(
    f"{GROUP}/providers/Microsoft.ContainerInstance/containerGroups/{name}"
    for name in ("cg-one", "cg-two")
)
ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env-faults"
APPS = tuple(f"{GROUP}/providers/Microsoft.App/containerApps/{n}" for n in ("app-one", "app-two"))
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/faultsregistry"
CLUSTERS = (f"{COURSE}/computes/cluster-a", f"{OTHER}/computes/cluster-b")
# Azure wants to be told whether a deleted cluster's machines are deleted with it.
WITH_NODES = "?underlyingResourceAction=Delete"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/identity-faults"

ALL = (
    *(*DEPLOYMENTS, *ENDPOINTS, *CLUSTERS, *CONTAINER_GROUPS, *APPS, ENVIRONMENT),
    *(REGISTRY, IDENTITY, OTHER, GROUP),
)

SCRIPT = """\
import os

def init():
    pass

def run(raw_data):
    return {"version": os.environ["VERSION"]}
"""
IMAGE = "mcr.microsoft.com/azureml/minimal-ubuntu22.04-py311-cpu-inference:latest"
CONDA = "dependencies:\n- python=3.11\n- pip:\n  - azureml-inference-server-http\n"


@dataclass(frozen=True)
class Prepared:
    """What was made before the first round: where the script is, and an image with its password."""

    code_uri: str
    image: str
    registry: dict[str, str]


def tags(version: int) -> dict[str, str]:
    return {"version": str(version)}


def group(version: int) -> dict[str, Any]:
    return {"location": REGION, "tags": tags(version)}


def workspace(version: int) -> dict[str, Any]:
    return {"location": REGION, "tags": tags(version), "properties": {}, "identity": _IDENTITY}


_IDENTITY = {"type": "SystemAssigned"}


def code(prepared: Prepared) -> dict[str, Any]:
    return {"properties": {"codeUri": prepared.code_uri, "properties": {}}}


def environment_version() -> dict[str, Any]:
    return {"properties": {"image": IMAGE, "condaFile": CONDA}}


def endpoint(version: int, traffic: dict[str, int]) -> dict[str, Any]:
    return {
        "location": REGION,
        "tags": tags(version),
        "identity": _IDENTITY,
        "properties": {"authMode": "Key", "traffic": traffic},
    }


def deployment(deployment_id: str, version: int, capacity: int) -> dict[str, Any]:
    workspace_id = deployment_id.partition("/onlineEndpoints/")[0]
    return {
        "location": REGION,
        "tags": tags(version),
        "sku": {"name": "Default", "capacity": capacity},
        "properties": {
            "endpointComputeType": "Managed",
            "instanceType": "Standard_DS2_v2",
            "codeConfiguration": {
                "codeId": f"{workspace_id}/codes/score/versions/1",
                "scoringScript": "score.py",
            },
            "environmentId": f"{workspace_id}/environments/plain/versions/1",
            "environmentVariables": {"VERSION": str(version)},
        },
    }


def cluster(version: int) -> dict[str, Any]:
    scale = {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT120S"}
    return {
        "location": REGION,
        "tags": tags(version),
        "properties": {
            "computeType": "AmlCompute",
            "properties": {"vmSize": "STANDARD_DS3_V2", "scaleSettings": scale},
        },
    }


def container_group(version: int, prepared: Prepared) -> dict[str, Any]:
    return {
        "location": REGION,
        "tags": tags(version),
        "properties": {
            "osType": "Linux",
            "restartPolicy": "Always",
            "imageRegistryCredentials": [prepared.registry],
            "ipAddress": {"type": "Public", "ports": [{"port": 80}]},
            "containers": [
                {
                    "name": "web",
                    "properties": {
                        "image": prepared.image,
                        "ports": [{"port": 80}],
                        "environmentVariables": [{"name": "VERSION", "value": str(version)}],
                        "resources": {"requests": {"cpu": 1.0, "memoryInGB": 1.0}},
                    },
                }
            ],
        },
    }


def environment(version: int) -> dict[str, Any]:
    return {"location": REGION, "tags": tags(version), "properties": {}}


def app(version: int, prepared: Prepared) -> dict[str, Any]:
    registry = {key: prepared.registry[key] for key in ("server", "username")}
    return {
        "location": REGION,
        "tags": tags(version),
        "properties": {
            "environmentId": ENVIRONMENT,
            "configuration": {
                "secrets": [{"name": "password", "value": prepared.registry["password"]}],
                "registries": [{**registry, "passwordSecretRef": "password"}],
                "ingress": {"external": True, "targetPort": 80},
            },
            "template": {
                "containers": [
                    {
                        "name": "web",
                        "image": prepared.image,
                        "env": [{"name": "VERSION", "value": str(version)}],
                        "resources": {"cpu": 0.25, "memory": "0.5Gi"},
                    }
                ],
                "scale": {"minReplicas": 1, "maxReplicas": 1},
            },
        },
    }


def registry(version: int) -> dict[str, Any]:
    return {"location": REGION, "tags": tags(version), "sku": {"name": "Basic"}, "properties": {}}


def identity(version: int) -> dict[str, Any]:
    return {"location": REGION, "tags": tags(version)}
