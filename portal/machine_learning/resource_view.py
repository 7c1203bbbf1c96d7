"""A resource as Azure describes it: what endpoints, deployments and assets have in common.

https://learn.microsoft.com/rest/api/azureml/online-endpoints/get
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.azure import Json


@dataclass(frozen=True)
class ResourceView:
    """Fields that Azure left out are empty."""

    body: Json

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def properties(self) -> Json:
        found: Json = self.body["properties"]
        return found

    @property
    def state(self) -> str:
        return str(self.properties.get("provisioningState") or "")

    @property
    def created(self) -> str:
        return str((self.body.get("systemData") or {}).get("createdAt") or "")

    @property
    def changed(self) -> str:
        """When its last change began."""
        return str((self.body.get("systemData") or {}).get("lastModifiedAt") or self.created)

    @property
    def tags(self) -> Mapping[str, str]:
        """An endpoint's are beside its properties, an asset's among them."""
        return self.body.get("tags") or self.properties.get("tags") or {}
