"""The names that a lesson has defined when an exercise comes, made without running it whole.

Whatever an earlier answer changed on local Azure is as in the lesson again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import requests
import torch
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment, ManagedOnlineEndpoint, Model
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.mgmt.monitor import MonitorManagementClient
from sklearn.datasets import load_digits

from helpers.wait import wait
from helpers.workspace import BASE_IMAGE, ensure_deployment, ensure_endpoint
from practice.exercises import lesson_04, lesson_11
from practice.measure import TimedRequest
from practice.pricing import costs, prices
from scoring.train import load_digits_split
from tests.notebooks.conftest import INSTANCE_TYPE, ROOT, Names, code_of
from tests.notebooks.container_names import (
    define,
    names_06,
    names_06b,
    names_07,
    names_07b,
    run_cell,
)


def names_00(request: pytest.FixtureRequest) -> Names:
    client = request.getfixturevalue("workspace")
    confusion = np.diag([36] * 10)
    confusion[8, 1], confusion[9, 5], confusion[9, 3] = 2, 2, 1
    # As registered: an earlier answer's tag is gone.
    model = client.models.get("digits-pytorch", label="latest")
    if "accuracy" in model.tags:
        client.models.create_or_update(_version_after(client, model))
    return {
        "ml_client": client,
        "np": np,
        "keras": SimpleNamespace(confusion=confusion),
        "pytorch": SimpleNamespace(accuracy=0.9916666666, confusion=np.diag([36] * 10)),
        "suffix": request.getfixturevalue("unique"),
        "Environment": Environment,
        "base_image": BASE_IMAGE,
    }


def _version_after(client: MLClient, model: Any) -> Any:
    """A new version of the same files, without tags."""
    return Model(name=model.name, path=model.path, type=model.type)


def names_01(request: pytest.FixtureRequest) -> Names:
    client = request.getfixturevalue("workspace")
    return {
        "ml_client": client,
        "MLClient": MLClient,
        "HttpResponseError": HttpResponseError,
        "json": json,
        "credential": DefaultAzureCredential(),
        "subscription_id": client.subscription_id,
        "resource_group": client.resource_group_name,
        "workspace_name": client.workspace_name,
    }


def names_02(request: pytest.FixtureRequest) -> Names:
    client, suffix = (request.getfixturevalue(name) for name in ("workspace", "unique"))
    name = f"digits-{suffix}"
    ensure_endpoint(client, name)
    aad = ManagedOnlineEndpoint(name=f"{name}-aad", auth_mode="aad_token")
    client.online_endpoints.begin_create_or_update(aad).result()
    request.addfinalizer(lambda: _delete(client, name, aad.name, f"mine-{suffix}"))
    return {
        "ml_client": client,
        "ManagedOnlineEndpoint": ManagedOnlineEndpoint,
        "DefaultAzureCredential": DefaultAzureCredential,
        "wait": wait,
        "suffix": suffix,
        "endpoint_name": name,
        "aad": aad,
    }


def _delete(client: MLClient, *names: str) -> None:
    for name in names:
        client.online_endpoints.begin_delete(name).result()


def names_03(request: pytest.FixtureRequest) -> Names:
    names: Names = request.getfixturevalue("server")
    return names | {"np": np, "json": json, "torch": torch}


def names_04(request: pytest.FixtureRequest) -> Names:
    client, name = (request.getfixturevalue(each) for each in ("workspace", "endpoint_name"))
    split(client, name, blue=100)
    if "mystery" in {each.name for each in client.online_deployments.list(name)}:
        client.online_deployments.begin_delete("mystery", name).result()
    names: Names = {
        "ml_client": client,
        "endpoint_name": name,
        "endpoint": client.online_endpoints.get(name),
        "keys": client.online_endpoints.get_keys(name),
        "images": load_digits().images,
        "instance_type": INSTANCE_TYPE,
        "model": client.models.get("digits-pytorch", label="latest"),
        "env": client.environments.get("digits-pytorch-env", label="latest"),
        "build": request.getfixturevalue("tmp_path"),
    }
    define("04", names)
    lesson_04.copy_with_a_mistake(names["build"] / "mystery")
    return names


def names_05(request: pytest.FixtureRequest) -> Names:
    client, name = (request.getfixturevalue(each) for each in ("workspace", "endpoint_name"))
    split(client, name, blue=100, green=0)
    mine = f"mine-{request.getfixturevalue('suffix')}"
    _only_blue(client, mine)
    names: Names = {
        "ml_client": client,
        "endpoint_name": name,
        "my_endpoint": mine,
        "request_count": 400,
    }
    define("05", names)
    return names


def _only_blue(client: MLClient, name: str) -> None:
    """An endpoint with blue alone, of the PyTorch model, as the lesson's program makes it."""
    ensure_endpoint(client, name)
    for deployment in client.online_deployments.list(name):
        if deployment.name == "green" or "digits-keras" in str(deployment.model):
            split(client, name, **{deployment.name: 0})
            client.online_deployments.begin_delete(deployment.name, name).result()
    ensure_deployment(client, name, "blue", "pytorch", INSTANCE_TYPE)
    split(client, name, blue=100)


def split(client: MLClient, name: str, **traffic: int) -> None:
    endpoint = client.online_endpoints.get(name)
    endpoint.traffic, endpoint.mirror_traffic = traffic, {}
    client.online_endpoints.begin_create_or_update(endpoint).result()


def names_08(request: pytest.FixtureRequest) -> Names:
    times = np.random.default_rng(0).gamma(3.0, size=200)
    good = [TimedRequest(n / 20, 0.004, True) for n in range(-20, 60)]
    return {
        "milliseconds": {"managed endpoint": times, "container group": times + 1},
        "crashes": {
            "managed endpoint": good,
            # It failed from 0 to 1.45 s, but for one answer from the old process.
            "container group": [replace(c, ok=c.sent < 0.05 or c.sent > 1.46) for c in good],
            "container app": [replace(c, ok=not 0.02 < c.sent < 2.26) for c in good],
        },
    }


def names_08b(request: pytest.FixtureRequest) -> Names:
    request.getfixturevalue("workspace")  # local Azure, which knows prices
    work = costs.Work(seconds_per_request=0.02)
    app_prices = prices.container_apps("swedencentral")
    to_zero, kept = (
        costs.ContainerApp(app_prices, work, vcpu=1, memory_gib=2, min_replicas=least)
        for least in (0, 1)
    )
    return {
        "costs": costs,
        "to_zero": to_zero,
        "kept": kept,
        "in_group": costs.ContainerGroup(prices.container_instances("swedencentral"), work),
    }


def names_09(request: pytest.FixtureRequest) -> Names:
    endpoint, folder = request.getfixturevalue("watched"), request.getfixturevalue("tmp_path")
    client, patch = (request.getfixturevalue(each) for each in ("workspace", "monkeypatch"))
    (writing,) = (cell for cell in code_of("09") if '"noting.py").write' in cell)
    (folder / "noting.py").write_text(writing.split("'''")[1])
    patch.syspath_prepend(ROOT / "scoring" / "pytorch")
    patch.syspath_prepend(folder)
    names: Names = {
        "monitor": MonitorManagementClient(DefaultAzureCredential(), client.subscription_id),
        "endpoint": endpoint,
        "began": datetime.now(UTC) - timedelta(minutes=10),
        "session": requests.Session(),
        "split": load_digits_split(),
    }
    define("09", names)
    key = client.online_endpoints.get_keys(endpoint.name).primary_key
    names["session"].headers["Authorization"] = f"Bearer {key}"
    names["training"] = names["measures"](names["split"].train_images)
    return names


def names_09b(request: pytest.FixtureRequest) -> Names:
    client, endpoint = (request.getfixturevalue(each) for each in ("workspace", "watched"))
    monitor = MonitorManagementClient(DefaultAzureCredential(), client.subscription_id)
    names: Names = {
        "credential": DefaultAzureCredential(),
        "subscription_id": client.subscription_id,
        "monitor": monitor,
        "endpoint": endpoint,
        "endpoint_name": endpoint.name,
        "blue": client.online_deployments.get("blue", endpoint.name),
        "resource_group": client.resource_group_name,
    }
    define("09b", names)
    run_cell("09b", "by_requests = [", names)
    names["save"](names["usual"])
    request.addfinalizer(
        lambda: monitor.autoscale_settings.delete(names["resource_group"], endpoint.name)
    )
    return names


def names_10(request: pytest.FixtureRequest) -> Names:
    """The exercises are functions and a text: nothing is looked at but them."""
    return {}


def names_11(request: pytest.FixtureRequest) -> Names:
    wanted = ("workspace", "table_endpoint", "tmp_path")
    client, name, folder = (request.getfixturevalue(each) for each in wanted)
    lesson_11.write_archive(folder / "archive")
    return {
        "ml_client": client,
        "endpoint_name": name,
        "archive": folder / "archive",
        "columns": load_digits().feature_names,
        "np": np,
        "starting": 5,
        "idle": 2.0,
    }


NAMES: dict[str, Callable[[pytest.FixtureRequest], Names]] = {
    "00": names_00,
    "01": names_01,
    "02": names_02,
    "03": names_03,
    "04": names_04,
    "05": names_05,
    "06": names_06,
    "06b": names_06b,
    "07": names_07,
    "07b": names_07b,
    "08": names_08,
    "08b": names_08b,
    "09": names_09,
    "09b": names_09b,
    "10": names_10,
    "11": names_11,
}
