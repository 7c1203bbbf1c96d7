"""What a client does next, at random: one request that changes something of the estate."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.faults import estate
from tests.faults.estate import Prepared
from tests.faults.model import ABSENT, Model

# A method, the resource it is about, an action below it, the body, and the resource's next version.
# An action that makes no new version has the value "".
Move = tuple[str, str, str, Any, str]


# Stands for the path of an app's latest revision, which the client has to ask for.
LATEST = "/revisions/{latest}"
# What a round may have most of; "" is everything alike.
FOCUSES = ("", "machine learning", "container instances", "container apps")
MORE = 4  # times


class Moves:
    """`focus` is one of FOCUSES: what the round has more of, so that more of it crosses."""

    def __init__(self, model: Model, prepared: Prepared, focus: str = "") -> None:
        self.model = model
        self.prepared = prepared
        weights: dict[str, dict[Callable[[Random], Move], int]] = {
            "machine learning": {
                self.put_endpoint: 2,
                self.send_traffic: 4,
                self.regenerate_keys: 1,
                self.delete_endpoint: 2,
                self.put_deployment: 10,
                self.scale: 5,
                self.delete_deployment: 4,
                self.put_cluster: 2,
                self.delete_cluster: 1,
            },
            "container instances": {
                self.put_container_group: 5,
                self.switch_container_group: 5,
                self.delete_container_group: 3,
            },
            "container apps": {
                self.put_app: 5,
                self.switch_app: 4,
                self.switch_revision: 2,
                self.delete_app: 3,
                self.put_environment: 1,
                self.delete_environment: 1,
            },
            "": {
                self.put_registry: 2,
                self.delete_registry: 2,
                self.put_identity: 2,
                self.delete_identity: 1,
                self.put_workspace: 1,
                self.delete_workspace: 1,
                self.put_group: 1,
                self.delete_group: 1,
            },
        }
        self.kinds, self.weights = [], []
        for service, moves in weights.items():
            for move, weight in moves.items():
                self.kinds.append(move)
                self.weights.append(weight * (MORE if focus and service == focus else 1))

    def choose(self, random: Random) -> Move:
        return random.choices(self.kinds, self.weights)[0](random)

    def first(self) -> list[Move]:
        """What every round begins with, so that there is ground to stand on."""
        random = Random(0)
        return [
            self.put_group(random),
            self.put_workspace(random),
            self.put_environment(random),
            *(self._put_endpoint(endpoint) for endpoint in estate.ENDPOINTS),
        ]

    # Endpoints

    def put_endpoint(self, random: Random) -> Move:
        return self._put_endpoint(random.choice(estate.ENDPOINTS))

    def _put_endpoint(self, endpoint: str) -> Move:
        version = self.model.version()
        return "PUT", endpoint, "", estate.endpoint(version, {}), str(version)

    def send_traffic(self, random: Random) -> Move:
        version = self.model.version()
        traffic = random.choice(({"blue": 100}, {"green": 100}, {"blue": 50, "green": 50}, {}))
        endpoint = random.choice(estate.ENDPOINTS)
        return "PUT", endpoint, "", estate.endpoint(version, traffic), str(version)

    def regenerate_keys(self, random: Random) -> Move:
        endpoint = random.choice(estate.ENDPOINTS)
        return "POST", endpoint, "/regenerateKeys", {"keyType": "Primary"}, ""

    def delete_endpoint(self, random: Random) -> Move:
        return "DELETE", random.choice(estate.ENDPOINTS), "", None, ABSENT

    # Deployments

    def put_deployment(self, random: Random) -> Move:
        deployment, version = random.choice(estate.DEPLOYMENTS), self.model.version()
        body = estate.deployment(deployment, version, random.choice((1, 1, 2)))
        return "PUT", deployment, "", body, str(version)

    def scale(self, random: Random) -> Move:
        body = {"sku": {"name": "Default", "capacity": random.choice((1, 2, 3))}}
        return "PATCH", random.choice(estate.DEPLOYMENTS), "", body, ""

    def delete_deployment(self, random: Random) -> Move:
        return "DELETE", random.choice(estate.DEPLOYMENTS), "", None, ABSENT

    # Clusters

    def put_cluster(self, random: Random) -> Move:
        version = self.model.version()
        return "PUT", random.choice(estate.CLUSTERS), "", estate.cluster(version), str(version)

    def delete_cluster(self, random: Random) -> Move:
        return "DELETE", random.choice(estate.CLUSTERS), estate.WITH_NODES, None, ABSENT

    # Container groups

    def put_container_group(self, random: Random) -> Move:
        version = self.model.version()
        body = estate.container_group(version, self.prepared)
        return "PUT", random.choice(estate.CONTAINER_GROUPS), "", body, str(version)

    def switch_container_group(self, random: Random) -> Move:
        action = random.choice(("/start", "/stop", "/restart"))
        return "POST", random.choice(estate.CONTAINER_GROUPS), action, None, ""

    def delete_container_group(self, random: Random) -> Move:
        return "DELETE", random.choice(estate.CONTAINER_GROUPS), "", None, ABSENT

    # Container apps

    def put_app(self, random: Random) -> Move:
        version = self.model.version()
        body = estate.app(version, self.prepared)
        return "PUT", random.choice(estate.APPS), "", body, str(version)

    def switch_app(self, random: Random) -> Move:
        action = random.choice(("/start", "/stop"))
        return "POST", random.choice(estate.APPS), action, None, ""

    def switch_revision(self, random: Random) -> Move:
        action = random.choice(("/activate", "/deactivate", "/restart"))
        return "POST", random.choice(estate.APPS), LATEST + action, None, ""

    def delete_app(self, random: Random) -> Move:
        return "DELETE", random.choice(estate.APPS), "", None, ABSENT

    def put_environment(self, random: Random) -> Move:
        version = self.model.version()
        return "PUT", estate.ENVIRONMENT, "", estate.environment(version), str(version)

    def delete_environment(self, random: Random) -> Move:
        return "DELETE", estate.ENVIRONMENT, "", None, ABSENT

    # The rest

    def put_registry(self, random: Random) -> Move:
        version = self.model.version()
        return "PUT", estate.REGISTRY, "", estate.registry(version), str(version)

    def delete_registry(self, random: Random) -> Move:
        return "DELETE", estate.REGISTRY, "", None, ABSENT

    def put_identity(self, random: Random) -> Move:
        version = self.model.version()
        return "PUT", estate.IDENTITY, "", estate.identity(version), str(version)

    def delete_identity(self, random: Random) -> Move:
        return "DELETE", estate.IDENTITY, "", None, ABSENT

    def put_workspace(self, random: Random) -> Move:
        version = self.model.version()
        return "PUT", estate.OTHER, "", estate.workspace(version), str(version)

    def delete_workspace(self, random: Random) -> Move:
        return "DELETE", estate.OTHER, "", None, ABSENT

    def put_group(self, random: Random) -> Move:
        version = self.model.version()
        return "PUT", estate.GROUP, "", estate.group(version), str(version)

    def delete_group(self, random: Random) -> Move:
        return "DELETE", estate.GROUP, "", None, ABSENT
