"""A managed online endpoint: blue has version 1 and all the traffic, green version 2 and none."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineRequestSettings,
)

HERE = Path(__file__).parent
BASE_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
AT_ONCE = 20  # requests that may come at the same moment


def deploy(client: MLClient, name: str, models: Path, instance_type: str) -> str:
    """Make the endpoint `name` with both versions, and return its key.

    `models` has wine-1 and wine-2.
    """
    client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name=name, auth_mode="key")
    ).result()
    environment = client.environments.create_or_update(
        Environment(name=f"{name}-env", image=BASE_IMAGE, conda_file=HERE / "conda.yaml")
    )
    with TemporaryDirectory() as code:
        shutil.copy(HERE / "score.py", code)
        shutil.copy(HERE.parent / "wine_model.py", code)
        for deployment, folder in (("blue", "wine-1"), ("green", "wine-2")):
            model = Model(
                name=f"{name}-{folder}", path=models / folder, type=AssetTypes.CUSTOM_MODEL
            )
            client.online_deployments.begin_create_or_update(
                ManagedOnlineDeployment(
                    name=deployment,
                    endpoint_name=name,
                    model=client.models.create_or_update(model),
                    environment=environment,
                    code_configuration=CodeConfiguration(code=code, scoring_script="score.py"),
                    instance_type=instance_type,
                    instance_count=1,
                    request_settings=OnlineRequestSettings(
                        max_concurrent_requests_per_instance=AT_ONCE
                    ),
                )
            ).result()
            if deployment == "blue":
                set_traffic(client, name, blue=100)
    return str(client.online_endpoints.get_keys(name).primary_key)


def set_traffic(client: MLClient, name: str, **traffic: int) -> None:
    endpoint = client.online_endpoints.get(name)
    endpoint.traffic = traffic
    client.online_endpoints.begin_create_or_update(endpoint).result()
