"""Compute clusters through MLClient."""

from __future__ import annotations

import pytest
from azure.ai.ml.entities import AmlCompute, ComputeInstance
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.emulator.services.arm import HOME, call


def test_the_life_of_a_cluster(ml_client, unique):
    name = f"cpu-{unique}"
    wanted = AmlCompute(
        name=name,
        description="for batches",
        size="STANDARD_D4AS_v4",
        min_instances=1,
        max_instances=3,
        idle_time_before_scale_down=120,
        tags={"of": unique},
    )
    made = ml_client.compute.begin_create_or_update(wanted).result()
    assert (made.provisioning_state, made.size, made.tier) == (
        "Succeeded",
        "Standard_D4as_v4",
        "dedicated",
    )
    assert (made.min_instances, made.max_instances) == (1, 3)
    assert (made.idle_time_before_scale_down, made.tags) == (120, {"of": unique})
    assert name in [compute.name for compute in ml_client.compute.list(compute_type="amlcompute")]
    (node,) = call("POST", f"{HOME}/computes/{name}/listNodes").json()["nodes"]
    assert (node["nodeState"], node["runId"]) == ("idle", None)

    made.max_instances = 5
    made.min_instances = 0
    ml_client.compute.begin_update(made).result()
    found = ml_client.compute.get(name)
    assert (found.min_instances, found.max_instances, found.description) == (0, 5, "for batches")
    assert list(ml_client.compute.list_nodes(name)) == []
    scale = {"properties": {"properties": {"scaleSettings": {"maxNodeCount": 7}}}}
    assert call("PATCH", f"{HOME}/computes/{name}", scale).status_code == 200
    assert ml_client.compute.get(name).max_instances == 7

    ml_client.compute.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        ml_client.compute.get(name)


@pytest.mark.parametrize(
    ("settings", "status", "reason"),
    [
        ({"size": "Standard_Huge"}, 400, "not a supported VM size"),
        ({"size": "Standard_NC6s_v3"}, 501, "size Standard_NC6s_v3"),
        ({"size": "Standard_D96a_v4", "min_instances": 2}, 400, "vCPU quota of 100"),
        ({"min_instances": 5, "max_instances": 4}, 400, "minNodeCount"),
        ({"name": "-c"}, 400, "compute name"),
        ({"ssh_public_access_enabled": True}, 501, "SSH"),
    ],
)
def test_clusters_that_cannot_be(ml_client, unique, settings, status, reason):
    wanted = AmlCompute(**{"name": f"c-{unique}", "size": "Standard_D4as_v4", **settings})
    with pytest.raises(HttpResponseError, match=reason) as refusal:
        ml_client.compute.begin_create_or_update(wanted).result()
    assert refusal.value.status_code == status


def test_low_priority_has_a_quota_of_its_own(ml_client, unique):
    wanted = AmlCompute(
        name=f"low-{unique}", size="Standard_D96a_v4", min_instances=2, tier="low_priority"
    )
    made = ml_client.compute.begin_create_or_update(wanted).result()
    assert made.tier == "low_priority"
    wanted.size = "Standard_D4as_v4"
    with pytest.raises(HttpResponseError, match="can't be changed"):
        ml_client.compute.begin_create_or_update(wanted).result()
    ml_client.compute.begin_delete(made.name).result()


def test_other_computes_are_named(ml_client, unique):
    wanted = ComputeInstance(name=f"ci-{unique}", size="Standard_D4as_v4")
    with pytest.raises(HttpResponseError, match="computes of the type ComputeInstance"):
        ml_client.compute.begin_create_or_update(wanted).result()
