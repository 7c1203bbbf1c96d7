"""The parts of a resource's id.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ResourceId:
    """`type` has the namespace and all types, as Microsoft.App/containerApps."""

    text: str
    group: str
    type: str
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> ResourceId:
        """Raises ValueError where the text is not the id of a resource in a group."""
        parts = text.strip("/").split("/")
        if len(parts) < 8 or len(parts) % 2 or parts[2].lower() != "resourcegroups":
            raise ValueError(f"{text} is not the id of a resource.")
        namespace, below = parts[5], parts[6:]
        return cls(text, parts[3], "/".join((namespace, *below[::2])), tuple(below[1::2]))

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def parent(self) -> str:
        """The id without its last type and name."""
        return self.text.rstrip("/").rsplit("/", 2)[0]
