"""The digit model behind all three services, on one instance each, to be measured: lesson 08.

Lessons 04, 06 and 07 make each of them step by step; here they are in one place, as alike as they
can be. One thing is added to each: an *emergency exit*, a request that ends its process as a crash
does. A real service must not have one.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    OnlineRequestSettings,
)
from azure.core.polling import LROPoller
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers import models as aca
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance import models as aci

from scoring.container_image import Image
from scoring.service_address import ServiceAddress

SCRIPT = """
import json, os, sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
import score

init = score.init

def run(raw_data):
    if json.loads(raw_data) == {"exit": True}:
        os._exit(1)  # at once, as a crash does
    return score.run(raw_data)
"""
PROGRAM = """
import os, uvicorn
from app.main import app

@app.post("/exit")
async def leave():
    os._exit(1)

host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", 8080))
uvicorn.run(app, host=host, port=port)
"""

Wait = Callable[[LROPoller[Any], str], Any]


@dataclass(frozen=True)
class ThreeServices:
    """The three services of one `name`. `wait` returns the result of a long-running operation."""

    ml_client: MLClient
    instances: ContainerInstanceManagementClient
    apps: ContainerAppsAPIClient
    image: Image
    name: str
    instance_type: str
    wait: Wait

    @property
    def resource_group(self) -> str:
        """The workspace's, which has all three."""
        return self.ml_client.resource_group_name

    @property
    def location(self) -> str:
        """The workspace's region."""
        return str(self.ml_client.workspaces.get(self.ml_client.workspace_name).location)

    def create_endpoint(self) -> ServiceAddress:
        """Endpoint, deployment, traffic: lessons 02 to 05."""
        endpoints, name = self.ml_client.online_endpoints, self.name
        endpoint = ManagedOnlineEndpoint(name=name, auth_mode="key")
        self.wait(endpoints.begin_create_or_update(endpoint), "endpoint")
        self.deploy(workers=1)
        endpoint = endpoints.get(name)
        endpoint.traffic = {"blue": 100}
        self.wait(endpoints.begin_create_or_update(endpoint), "traffic")
        url, key = str(endpoint.scoring_uri), endpoints.get_keys(name).primary_key
        return ServiceAddress(url, url, {"Authorization": f"Bearer {key}"})

    def deploy(self, workers: int) -> None:
        """Create or change the deployment: one machine, the script in so many processes."""
        with tempfile.TemporaryDirectory() as scratch:
            code = Path(scratch) / "code"
            shutil.copytree(Path(__file__).parent / "pytorch", code)
            (code / "score_with_exit.py").write_text(SCRIPT)
            deployment = ManagedOnlineDeployment(
                name="blue",
                endpoint_name=self.name,
                model=self.ml_client.models.get("digits-pytorch", label="latest"),
                environment=self.ml_client.environments.get("digits-pytorch-env", label="latest"),
                code_configuration=CodeConfiguration(
                    code=str(code), scoring_script="score_with_exit.py"
                ),
                environment_variables={"WORKER_COUNT": str(workers)},
                instance_type=self.instance_type,
                instance_count=1,
                # Group and app have no such limit; with the default, 1, most of sixteen clients
                # would be answered with 429.
                request_settings=OnlineRequestSettings(max_concurrent_requests_per_instance=16),
            )
            poller = self.ml_client.online_deployments.begin_create_or_update(deployment)
        self.wait(poller, f"blue, {workers} worker" + "s" * (workers > 1))

    def create_group(self) -> ServiceAddress:
        """A container group with lesson 06's image, whose command is replaced."""
        group = aci.ContainerGroup(
            location=self.location,
            os_type="Linux",
            restart_policy="Always",
            image_registry_credentials=[
                aci.ImageRegistryCredential(
                    server=self.image.server,
                    username=self.image.username,
                    password=self.image.password,
                )
            ],
            containers=[
                aci.Container(
                    name="digits",
                    image=self.image.reference,
                    command=["python", "-c", PROGRAM],
                    ports=[aci.ContainerPort(port=8080)],
                    resources=aci.ResourceRequirements(
                        requests=aci.ResourceRequests(cpu=1.0, memory_in_gb=1.5)
                    ),
                )
            ],
            ip_address=aci.IpAddress(
                type="Public",
                dns_name_label=self.name,
                ports=[aci.Port(port=8080, protocol="TCP")],
            ),
        )
        groups = self.instances.container_groups
        poller = groups.begin_create_or_update(self.resource_group, self.name, group)
        made = self.wait(poller, "container group")
        url = f"http://{made.ip_address.fqdn}:8080"
        return ServiceAddress(f"{url}/predict", f"{url}/exit")

    def create_app(self) -> ServiceAddress:
        """An environment, and in it an app with the same image and command: lesson 07."""
        environment = self.wait(
            self.apps.managed_environments.begin_create_or_update(
                self.resource_group, self.name, aca.ManagedEnvironment(location=self.location)
            ),
            "environment",
        )
        container = aca.Container(
            name="digits",
            image=self.image.reference,
            command=["python", "-c", PROGRAM],
            resources=aca.ContainerResources(cpu=1.0, memory="2Gi"),
            probes=[
                aca.ContainerAppProbe(
                    type="Readiness",
                    http_get=aca.ContainerAppProbeHttpGet(path="/", port=8080),
                    period_seconds=2,
                )
            ],
        )
        configuration = aca.Configuration(
            ingress=aca.Ingress(external=True, target_port=8080),
            secrets=[aca.Secret(name="registry-password", value=self.image.password)],
            registries=[
                aca.RegistryCredentials(
                    server=self.image.server,
                    username=self.image.username,
                    password_secret_ref="registry-password",
                )
            ],
        )
        properties = aca.ContainerAppProperties(
            environment_id=environment.id,
            configuration=configuration,
            template=aca.Template(
                containers=[container], scale=aca.Scale(min_replicas=0, max_replicas=1)
            ),
        )
        poller = self.apps.container_apps.begin_create_or_update(
            self.resource_group,
            self.name,
            aca.ContainerApp(location=self.location, properties=properties),
        )
        made = self.wait(poller, "container app")
        url = f"https://{made.properties.configuration.ingress.fqdn}"
        return ServiceAddress(f"{url}/predict", f"{url}/exit")

    def left(self) -> list[str]:
        """Which of the three are there."""
        found = {
            "managed endpoint": self.ml_client.online_endpoints.list(),
            "container group": self.instances.container_groups.list_by_resource_group(
                self.resource_group
            ),
            "container app": self.apps.container_apps.list_by_resource_group(self.resource_group),
            "environment": self.apps.managed_environments.list_by_resource_group(
                self.resource_group
            ),
        }
        return [what for what, all_of in found.items() if self.name in [o.name for o in all_of]]

    def delete(self) -> None:
        """Delete what is there of the three, and wait until it is gone."""
        group, name, left = self.resource_group, self.name, self.left()
        pollers: dict[str, LROPoller[Any]] = {}  # all three on their way before one is waited for
        if "managed endpoint" in left:
            pollers["endpoint"] = self.ml_client.online_endpoints.begin_delete(name)
        if "container group" in left:
            pollers["container group"] = self.instances.container_groups.begin_delete(group, name)
        if "container app" in left:
            pollers["container app"] = self.apps.container_apps.begin_delete(group, name)
        for what, poller in pollers.items():
            self.wait(poller, f"deleting the {what}")
        if "environment" in left:  # refused while it has an app
            poller = self.apps.managed_environments.begin_delete(group, name)
            self.wait(poller, "deleting its environment")
