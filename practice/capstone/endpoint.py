"""A managed online endpoint.

https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online
"""

from __future__ import annotations

from dataclasses import dataclass

from azure.ai.ml import MLClient
from azure.ai.ml.entities import OnlineDeployment, OnlineEndpoint

from practice.capstone.door import Door
from practice.capstone.service import Beside, Size
from practice.capstone.terms import AT_ONCE, PER_DAY, REGION, WORK
from practice.pricing import costs, prices
from practice.pricing.decision import ENDPOINT

CHOOSE = "azureml-model-deployment"  # the header with which a client chooses a deployment


@dataclass(frozen=True)
class EndpointService:
    client: MLClient
    name: str
    kind: str = ENDPOINT

    def door(self) -> Door:
        return Door(str(self._endpoint().scoring_uri))

    def trouble(self) -> str:
        endpoint, answering = self._endpoint(), self._answering()
        if not answering:
            return (
                f"The endpoint {self.name} has no deployment with traffic, so everybody gets "
                "404. Give all of it to the deployment with version 1."
            )
        for what, state in (
            (f"The endpoint {self.name}", endpoint.provisioning_state),
            *((f"The deployment {each.name}", each.provisioning_state) for each in answering),
        ):
            if state != "Succeeded":
                return f"{what} is {state}. Its log says why: get_logs."
        return ""

    def exposed_key(self, key: str) -> str:
        endpoint = self._endpoint()
        if endpoint.auth_mode != "key":
            return (
                f"The endpoint's auth_mode is {endpoint.auth_mode}; the branches' program sends a "
                "key. Make the endpoint again, with auth_mode='key'."
            )
        keys = self.client.online_endpoints.get_keys(self.name)
        if key not in (keys.primary_key, keys.secondary_key):
            return "The key is neither of the endpoint's two. Fetch it again: get_keys."
        for each in self._deployments():
            if key in map(str, (each.environment_variables or {}).values()):
                return f"The key is an environment variable of {each.name}, which anyone can read."
        return ""

    def cold_start(self) -> str:
        return ""  # an endpoint never goes to zero

    def crowd(self) -> str:
        limits = [
            f"{each.name} has max_concurrent_requests_per_instance="
            f"{_at_once(each)} and "
            f"{each.instance_count} instances"
            for each in self._answering()
        ]
        return f"{', '.join(limits)}; {AT_ONCE} come at the same moment, and the rest get 429."

    def gone(self) -> str:
        return ""  # the inference server, or Azure, starts what died

    def beside(self) -> list[Beside]:
        endpoint = self._endpoint()
        traffic = endpoint.traffic or {}
        url = str(endpoint.scoring_uri)
        first = max(traffic, key=lambda name: traffic[name], default="")
        return [
            Beside(
                str(each.name),
                Door(url, {CHOOSE: str(each.name)}),
                per_cent=traffic.get(str(each.name), 0),
                closed=""
                if each.provisioning_state == "Succeeded"
                else f"it is {each.provisioning_state}",
            )
            for each in self._deployments()
            if each.name != first
        ]

    def size(self) -> Size:
        usd, what = 0.0, []
        for each in self._answering():
            machine = prices.machine(REGION, str(each.instance_type))
            count = int(each.instance_count or 1)
            service = costs.ManagedEndpoint(machine.usd, WORK, instances=count)
            usd += service.bill(PER_DAY).per_month
            what.append(f"{count} x {each.instance_type}")
        return Size(usd, " and ".join(what))

    def _endpoint(self) -> OnlineEndpoint:
        endpoint: OnlineEndpoint = self.client.online_endpoints.get(self.name)
        return endpoint

    def _deployments(self) -> list[OnlineDeployment]:
        return list(self.client.online_deployments.list(self.name))

    def _answering(self) -> list[OnlineDeployment]:
        traffic = self._endpoint().traffic or {}
        return [each for each in self._deployments() if traffic.get(str(each.name), 0)]


def _at_once(deployment: OnlineDeployment) -> int:
    settings = deployment.request_settings
    return int((settings and settings.max_concurrent_requests_per_instance) or 1)
