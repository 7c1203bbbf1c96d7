"""Container Apps: revision v1 has all the traffic, v2 is active beside it and has none."""

from __future__ import annotations

import secrets

from azure.mgmt.appcontainers import models as aca

from scoring.azure_clients import Azure
from scoring.container_image import Image

AT_ONCE = 20  # requests that may come at the same moment


def deploy(azure: Azure, name: str, image: Image) -> str:
    """Make the environment and the app with both revisions, and return the key."""
    key = secrets.token_hex()
    apps = azure.apps
    environment = apps.managed_environments.begin_create_or_update(
        azure.resource_group, name, aca.ManagedEnvironment(location=azure.location)
    ).result()
    for version, least in (("1", 1), ("2", 0)):
        app = aca.ContainerApp(
            location=azure.location,
            properties=aca.ContainerAppProperties(
                environment_id=environment.id,
                configuration=configuration(name, image, key),
                template=template(image, version, least),
            ),
        )
        apps.container_apps.begin_create_or_update(azure.resource_group, name, app).result()
    return key


def configuration(name: str, image: Image, key: str) -> aca.Configuration:
    """Describe who may come in: all traffic goes to v1, whatever comes later."""
    return aca.Configuration(
        active_revisions_mode="Multiple",
        ingress=aca.Ingress(
            external=True,
            target_port=8080,
            traffic=[aca.TrafficWeight(revision_name=f"{name}--v1", weight=100)],
        ),
        secrets=[
            aca.Secret(name="registry-password", value=image.password),
            aca.Secret(name="api-key", value=key),
        ],
        registries=[
            aca.RegistryCredentials(
                server=image.server,
                username=image.username,
                password_secret_ref="registry-password",
            )
        ],
    )


def template(image: Image, version: str, min_replicas: int) -> aca.Template:
    """Describe what runs: a version of the model, with the key from the app's secret."""
    return aca.Template(
        revision_suffix=f"v{version}",
        containers=[
            aca.Container(
                name="wine",
                image=image.reference,
                env=[
                    aca.EnvironmentVar(name="MODEL", value=f"wine-{version}"),
                    aca.EnvironmentVar(name="API_KEY", secret_ref="api-key"),
                ],
                resources=aca.ContainerResources(cpu=0.5, memory="1Gi"),
                probes=[
                    aca.ContainerAppProbe(
                        type="Readiness",
                        http_get=aca.ContainerAppProbeHttpGet(path="/", port=8080),
                        period_seconds=2,
                    )
                ],
            )
        ],
        scale=aca.Scale(
            min_replicas=min_replicas,
            max_replicas=2,
            rules=[
                aca.ScaleRule(
                    name="http",
                    http=aca.HttpScaleRule(metadata={"concurrentRequests": str(AT_ONCE)}),
                )
            ],
        ),
    )
