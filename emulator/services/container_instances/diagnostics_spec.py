"""Where a container group's logs go beside its own: a Log Analytics workspace.

Nothing arrives in it here, and it answers no queries, as with environments of container apps.

https://learn.microsoft.com/azure/container-instances/container-instances-log-analytics
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.arm.fields import Fields

LOG_TYPES = ("ContainerInsights", "ContainerInstanceLogs")


@dataclass(frozen=True)
class GroupDiagnostics:
    """`properties.diagnostics.logAnalytics`; "" and nothing where none was given."""

    workspace_id: str
    workspace_key: str
    log_type: str
    resource_id: str
    metadata: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, properties: Fields) -> GroupDiagnostics | None:
        """None for a group that names no workspace. Raises ArmError 400 naming the field."""
        fields = properties.object("diagnostics").object("logAnalytics")
        if not fields.names():
            return None
        return cls(
            fields.required_text("workspaceId"),
            fields.required_text("workspaceKey"),
            fields.choice("logType", LOG_TYPES) or "",
            fields.text("workspaceResourceId") or "",
            tuple(fields.mapping("metadata").items()),
        )

    def to_body(self, *, secrets: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "workspaceId": self.workspace_id,
            "workspaceKey": self.workspace_key if secrets else "",
            "logType": self.log_type,
            "workspaceResourceId": self.resource_id,
            "metadata": dict(self.metadata),
        }
        return {"logAnalytics": {name: value for name, value in body.items() if value}}
