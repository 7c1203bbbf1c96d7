"""The endpoint of the three services that are compared: asked, crashed, changed, deleted.

Lesson 08, which the tests run whole, has all three.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.entities import Model
from azure.core.polling import LROPoller
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from helpers.workspace import environment
from practice.facts import fact
from scoring import train
from scoring.container_image import Image
from scoring.three_services import ThreeServices
from scoring.train import DigitsSplit
from tests.waiting import until

DIGIT = {"data": [[0] * 64]}


def result(poller: LROPoller[Any], what: str) -> Any:
    return poller.result()


def test_an_endpoint_outlives_its_crash(
    ml_client: MLClient, unique: str, split: DigitsSplit, tmp_path: Path
) -> None:
    train.save(train.train_pytorch(split, epochs=1), tmp_path / "digits-pytorch")
    model = Model(name="digits-pytorch", path=str(tmp_path / "digits-pytorch"))
    ml_client.models.create_or_update(model)
    ml_client.environments.create_or_update(environment("pytorch"))
    credential, subscription = DefaultAzureCredential(), ml_client.subscription_id
    three = ThreeServices(
        ml_client,
        ContainerInstanceManagementClient(credential, subscription),
        ContainerAppsAPIClient(credential, subscription),
        Image("", "", "", ""),
        f"three-{unique}",
        fact("online_endpoints.instance_type").value,
        result,
    )
    three.delete()  # nothing there: nothing to do
    address = three.create_endpoint()
    assert three.left() == ["managed endpoint"]
    ask = address.client(DIGIT)
    until(ask, 60)
    address.end_process()
    until(ask, 60)
    three.deploy(workers=2)
    until(ask, 60)
    logs = ml_client.online_deployments.get_logs("blue", three.name, lines=400)
    assert "Worker Count: 2" in logs
    three.delete()
    assert three.left() == []
