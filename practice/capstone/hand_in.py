"""What a learner hands in: a name under which one of three services is found, a key, a client."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from practice.capstone.app import AppService
from practice.capstone.endpoint import EndpointService
from practice.capstone.group import GroupService
from practice.capstone.service import Service

AGAIN = ", and run the cell with HandIn again."

Classify = Callable[[list[list[float]]], Sequence[str]]


class NotHandedInError(LookupError):
    """Something is not there yet; the message says what."""


class SeveralServicesError(Exception):
    """More than one service has the name; the message says which."""


class HandIn:
    """A name in a resource group and workspace, with the clients that look there.

    `key` opens the service, `classify` is the learner's client: wines to growers. Either may still
    be `...`.
    """

    def __init__(
        self,
        subscription_id: str,
        resource_group: str,
        workspace_name: str,
        name: str,
        key: object = ...,
        classify: object = ...,
    ) -> None:
        credential = DefaultAzureCredential()
        self.name = name
        self._key = key
        self._classify = classify
        self.resource_group = resource_group
        self.models = MLClient(credential, subscription_id, resource_group, workspace_name)
        self.instances = ContainerInstanceManagementClient(credential, subscription_id)
        self.apps = ContainerAppsAPIClient(credential, subscription_id)

    @property
    def key(self) -> str:
        """The key. Raises NotHandedInError."""
        if not isinstance(self._key, str):
            raise NotHandedInError("key is not set yet. Set it in step 4" + AGAIN)
        return self._key

    @property
    def classify(self) -> Classify:
        """The client. Raises NotHandedInError."""
        if not callable(self._classify):
            raise NotHandedInError("classify is not a function yet. Write it in step 5" + AGAIN)
        return self._classify

    def services(self) -> list[Service]:
        """Return every service with the name."""
        group = self.resource_group
        looked_for: list[tuple[Service, Callable[[], object]]] = [
            (
                EndpointService(self.models, self.name),
                lambda: self.models.online_endpoints.get(self.name),
            ),
            (
                GroupService(self.instances, group, self.name),
                lambda: self.instances.container_groups.get(group, self.name),
            ),
            (
                AppService(self.apps, group, self.name),
                lambda: self.apps.container_apps.get(group, self.name),
            ),
        ]
        return [service for service, get in looked_for if _is_there(get)]

    def service(self) -> Service:
        """Return the one service. Raises NotHandedInError and SeveralServicesError."""
        found = self.services()
        if not found:
            raise NotHandedInError(
                f"No endpoint, container group or container app is named {self.name} yet."
            )
        if len(found) > 1:
            kinds = " and a ".join(each.kind for each in found)
            raise SeveralServicesError(
                f"A {kinds} are both named {self.name}, and you pay for both. Delete what you "
                "did not choose."
            )
        return found[0]


def _is_there(get: Callable[[], object]) -> bool:
    try:
        get()
    except ResourceNotFoundError:
        return False
    return True
