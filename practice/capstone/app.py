"""A container app; version 2 is a revision without traffic.

https://learn.microsoft.com/azure/container-apps/revisions
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers.models import ContainerApp, Revision, Template

from practice.capstone.door import Door
from practice.capstone.service import Beside, NoAddressError, Size
from practice.capstone.terms import AT_ONCE, PER_DAY, REGION, WORK
from practice.pricing import costs, prices
from practice.pricing.decision import APP


@dataclass(frozen=True)
class AppService:
    client: ContainerAppsAPIClient
    resource_group: str
    name: str
    kind: str = APP

    def door(self) -> Door:
        properties = self._get().properties
        configuration = properties.configuration if properties else None
        ingress = configuration.ingress if configuration else None
        if ingress is None or not ingress.external:
            raise NoAddressError(
                f"Nobody reaches the app {self.name}: it needs an external ingress."
            )
        return Door(f"https://{ingress.fqdn}/score")

    def trouble(self) -> str:
        properties = self._get().properties
        if properties is None or properties.provisioning_state != "Succeeded":
            state = properties.provisioning_state if properties else "without properties"
            return f"The app {self.name} is {state}. Its log says why."
        for each in self._answering():
            kinds = {
                str(getattr(probe.type, "value", probe.type))
                for container in _template(each).containers or []
                for probe in container.probes or []
                if probe.http_get
            }
            if "Readiness" not in kinds:
                return (
                    f"The revision {each.name} has no readiness probe that asks the API: Azure's "
                    "own only sees that a port is open. Give it one with http_get."
                )
        return ""

    def exposed_key(self, key: str) -> str:
        for revision in self._revisions():
            if key in json.dumps(_template(revision).as_dict(), default=str):
                return (
                    "Anyone who can look at the app can read the key in its revision "
                    f"{revision.name}. Make a new key, put it into a secret of the app, and let "
                    "secret_ref name it."
                )
        secrets = self.client.container_apps.list_secrets(self.resource_group, self.name).value
        kept = {str(secret.name) for secret in secrets if secret.value == key}
        named = {
            variable.secret_ref
            for revision in self._answering()
            for container in _template(revision).containers or []
            for variable in container.env or []
        }
        if not kept & named:
            return (
                "None of the app's secrets that a variable names with secret_ref is the key. So "
                "the key is in the image, or you handed in another one."
            )
        return ""

    def cold_start(self) -> str:
        for each in self._answering():
            if _least(each) < 1:
                return (
                    f"The revision {each.name} has min_replicas=0. After a quiet night, the first "
                    "branch waits until a container has started and the model is loaded: keep one."
                )
        return ""

    def crowd(self) -> str:
        most = ", ".join(
            f"{each.name} has max_replicas={_most(each)}" for each in self._answering()
        )
        return f"{most}; {AT_ONCE} come at the same moment. Look at the app's log."

    def gone(self) -> str:
        return ""  # Azure starts a replica's container again, always

    def beside(self) -> list[Beside]:
        revisions = sorted(self._revisions(), key=_weight, reverse=True)
        return [
            Beside(
                str(each.name),
                Door(f"https://{each.properties.fqdn}/score"),
                per_cent=_weight(each),
                closed="" if each.properties.active else "it is not active",
            )
            for each in revisions[1:]
            if each.properties
        ]

    def size(self) -> Size:
        usd, what = 0.0, []
        for each in self._answering():
            asked = [c.resources for c in _template(each).containers or [] if c.resources]
            vcpu = sum(one.cpu or 0 for one in asked)
            memory = sum(float(str(one.memory).removesuffix("Gi")) for one in asked)
            service = costs.ContainerApp(
                prices.container_apps(REGION),
                WORK,
                vcpu=vcpu,
                memory_gib=memory,
                min_replicas=_least(each),
                free=costs.NO_GRANTS,
            )
            usd += service.bill(PER_DAY).per_month
            what.append(f"{_least(each)} kept, {vcpu:g} cores and {memory:g} GiB each")
        return Size(usd, " and ".join(what))

    def _get(self) -> ContainerApp:
        return self.client.container_apps.get(self.resource_group, self.name)

    def _revisions(self) -> list[Revision]:
        found = self.client.container_apps_revisions
        return list(found.list_revisions(self.resource_group, self.name))

    def _answering(self) -> list[Revision]:
        return [each for each in self._revisions() if _weight(each)]


def _weight(revision: Revision) -> int:
    return int((revision.properties and revision.properties.traffic_weight) or 0)


def _template(revision: Revision) -> Template:
    assert revision.properties
    assert revision.properties.template
    return revision.properties.template


def _least(revision: Revision) -> int:
    scale = _template(revision).scale
    return int((scale and scale.min_replicas) or 0)


def _most(revision: Revision) -> int:
    scale = _template(revision).scale
    return int((scale and scale.max_replicas) or 10)  # Azure's default
