"""Compute clusters, whose nodes are processes of this machine while a job runs on them.

https://learn.microsoft.com/rest/api/azureml/compute

Nodes that `minNodeCount` keeps are shown as idle; no process stands behind an idle node.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.ids import now, stable_guid, system_data
from emulator.arm.lifecycle import ABSENT, GONE, Lifecycle, Move
from emulator.arm.locations import check_location
from emulator.arm.managed_identity import NO_IDENTITY, shown_identity
from emulator.arm.operations import Operations
from emulator.arm.resources import page, require, shown
from emulator.services.machine_learning.cluster_sizes import CLUSTER_SIZES
from emulator.services.machine_learning.compute_spec import (
    DEDICATED,
    ComputeSpec,
    compute_of,
    read_compute,
    with_scale,
)
from emulator.services.machine_learning.deployment_rules import CORE_QUOTA
from emulator.services.machine_learning.errors import bad_argument
from emulator.services.machine_learning.paths import (
    COMPUTE,
    COMPUTE_TYPE,
    COMPUTES,
    require_workspace,
)
from emulator.store import Resource, Store

# https://learn.microsoft.com/azure/machine-learning/how-to-create-attach-compute-cluster
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])")


class Computes:
    ROUTES = (
        ("GET", COMPUTES, "list"),
        ("DELETE", COMPUTE, "delete"),
        ("GET", COMPUTE, "get"),
        ("PATCH", COMPUTE, "update"),
        ("PUT", COMPUTE, "create_or_update"),
        ("POST", COMPUTE + "/listNodes", "list_nodes"),
    )

    def __init__(
        self,
        store: Store,
        operations: Operations,
        changes: Changes,
        *,
        runs_on: Callable[[str], dict[str, int]],
        forget: Sequence[Callable[[str], None]],
    ) -> None:
        """`runs_on` returns the jobs that have nodes of a compute, by its id, and how many;
        each of `forget` is called with the id of one that is to go."""
        self.store = store
        self.operations = operations
        self.changes = changes
        self.runs_on = runs_on
        self.forget = forget
        settled = ("Succeeded", "Failed")
        changes.register(
            Lifecycle(
                COMPUTE_TYPE,
                moves=(
                    Move("create", (ABSENT, "Failed"), "Creating", "Succeeded", resumes=True),
                    Move("update", ("Succeeded",), "Updating", "Succeeded", resumes=True),
                    Move("delete", ("Creating", "Updating", *settled), "Deleting", GONE),
                ),
                remove=self._remove,
            )
        )

    async def list(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        found = self.store.of_type(COMPUTE_TYPE, workspace.id)
        return page(request, [self._shown(compute) for compute in found])

    async def delete(self, request: ArmRequest) -> ArmResponse:
        require_workspace(self.store, request)
        action = request.query.get("underlyingResourceAction", "")
        if action.lower() not in ("delete", "detach"):
            raise bad_request(
                "underlyingResourceAction is Delete or Detach.", target="underlyingResourceAction"
            )
        compute = self.store.get(request.id)
        if compute is None:
            return ArmResponse(None, 204)
        if action.lower() == "detach":
            raise bad_request(
                f"The compute '{compute.name}' was made by Azure Machine Learning and can only be "
                "deleted, not detached.",
                target="underlyingResourceAction",
            )
        operation = self.changes.begin("delete", compute, compute)
        return self.operations.accepted(operation, request, compute.body["location"], status=202)

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(self._shown(self._compute(request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        """PATCH: the scale of a cluster."""
        compute = self._compute(request)
        properties = Fields(request.body, refuse=bad_argument).object("properties")
        scale = properties.object("properties").object("scaleSettings")
        spec = with_scale(compute_of(compute.body), scale)
        return self._put(request, compute, spec, compute.body["location"])

    async def create_or_update(self, request: ArmRequest) -> ArmResponse:
        workspace = require_workspace(self.store, request)
        name = request.params["computeName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"The compute name '{name}' is invalid: 2 to 32 letters, digits and hyphens, "
                "beginning with a letter and not ending with a hyphen.",
                target="computeName",
            )
        body = Fields(request.body, refuse=bad_argument)
        spec = read_compute(body)
        before = self.store.get(request.id)
        location = check_location(
            body.object("properties").text("computeLocation")
            or body.text("location")
            or workspace.body["location"]
        )
        if before:
            _check_unchanged(before, spec, location)
        return self._put(request, before, spec, location)

    def _put(
        self, request: ArmRequest, before: Resource | None, spec: ComputeSpec, location: str
    ) -> ArmResponse:
        _check_quota(spec)
        compute_id = before.id if before else request.id
        identity = shown_identity(
            spec.identity, self.store, compute_id, before.body if before else None
        )
        body: dict[str, Any] = {
            "location": location,
            **spec.to_body(),
            "identity": identity if spec.identity != NO_IDENTITY else None,
        }
        moment = now()
        body["properties"] |= {
            "computeLocation": location,
            "createdOn": before.properties["createdOn"] if before else moment,
            "modifiedOn": moment,
        }
        body["systemData"] = system_data(
            request.claims, before.body["systemData"] if before else None
        )
        compute = Resource(compute_id, COMPUTE_TYPE, body)
        operation = self.changes.begin("update" if before else "create", compute, before)
        return self.operations.accepted(
            operation,
            request,
            location,
            status=200 if before else 201,
            body=self._shown(compute),
        )

    async def list_nodes(self, request: ArmRequest) -> ArmResponse:
        compute = require(self.store, request.parent)
        jobs = [job for job, count in self.runs_on(compute.id).items() for _ in range(count)]
        idle = max(0, compute_of(compute.body).scale.least - len(jobs))
        return ArmResponse(
            {
                "nodes": [
                    {
                        "nodeId": _node_id(compute, number),
                        "privateIpAddress": f"10.0.{number // 250}.{4 + number % 250}",
                        "publicIpAddress": None,
                        "port": None,
                        "nodeState": "running" if job else "idle",
                        "runId": job,
                    }
                    for number, job in enumerate([*jobs, *[None] * idle])
                ]
            }
        )

    # Parts

    async def _remove(self, compute: Resource) -> None:
        for forget in self.forget:
            forget(compute.id)

    def _compute(self, request: ArmRequest) -> Resource:
        require_workspace(self.store, request)
        return require(self.store, request.id)

    def _shown(self, compute: Resource) -> dict[str, Any]:
        """With the nodes that it has at this moment."""
        running = sum(self.runs_on(compute.id).values())
        nodes = max(running, compute_of(compute.body).scale.least)
        body = shown(compute)
        cluster = {
            **body["properties"]["properties"],
            "allocationState": "Steady",
            "allocationStateTransitionTime": body["properties"]["modifiedOn"],
            "currentNodeCount": nodes,
            "targetNodeCount": nodes,
            "nodeStateCounts": {
                "idleNodeCount": nodes - running,
                "runningNodeCount": running,
                "preparingNodeCount": 0,
                "unusableNodeCount": 0,
                "leavingNodeCount": 0,
                "preemptedNodeCount": 0,
            },
        }
        body["properties"] = {**body["properties"], "properties": cluster}
        return body


def _node_id(compute: Resource, number: int) -> str:
    return f"tvmps_{stable_guid(f'{compute.id}/{number}').replace('-', '')}_d"


def _check_unchanged(before: Resource, spec: ComputeSpec, location: str) -> None:
    """Raises ArmError 400 for what a cluster keeps as long as it lives.

    https://learn.microsoft.com/azure/machine-learning/how-to-create-attach-compute-cluster
    """
    present = compute_of(before.body)
    kept = {
        "vmSize": (present.size, spec.size),
        "vmPriority": (present.priority, spec.priority),
        "computeLocation": (before.body["location"], location),
    }
    for name, (there, asked) in kept.items():
        if there != asked:
            raise bad_request(
                f"'{name}' of the compute '{before.name}' is {there} and can't be changed to "
                f"{asked}. Delete the compute and create it anew.",
                target=name,
            )


def _check_quota(spec: ComputeSpec) -> None:
    """Raises ArmError 400 when the quota does not hold the nodes that are always there, or one.

    https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#azure-machine-learning-compute
    Nodes of low priority have a quota of their own, which is looked at when a job runs.
    """
    size = CLUSTER_SIZES[spec.size]
    least = max(1, spec.scale.least)
    if spec.priority == DEDICATED and least * size.vcpus > CORE_QUOTA:
        raise ArmError(
            400,
            "ClusterMinNodesExceedCoreQuota",
            f"The specified subscription has a {size.family} vCPU quota of {CORE_QUOTA} and cannot "
            f"accomodate for at least {least} requested managed compute nodes which maps to "
            f"{least * size.vcpus} vCPUs.",
        )
