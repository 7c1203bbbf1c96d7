"""One change of a resource while it is under way: what its work is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.store import Resource, Store


class SupersededError(Exception):
    """The resource has gone, or was changed since: what comes late counts for nothing."""


@dataclass(eq=False)
class Change:
    """One change under way. `id` is its operation's id and the resource's generation."""

    id: str
    resource_id: str
    name: str
    arguments: Mapping[str, Any]
    store: Store = field(repr=False)

    @property
    def is_current(self) -> bool:
        found = self.store.get(self.resource_id)
        return found is not None and found.generation == self.id

    def resource(self) -> Resource:
        """The resource as it is stored now. Raises SupersededError."""
        found = self.store.get(self.resource_id)
        if found is None or found.generation != self.id:
            raise SupersededError(self.resource_id)
        return found

    def save(self, edit: Callable[[Resource], None]) -> Resource:
        """Change what is stored, while the change is under way. Raises SupersededError."""
        resource = self.resource()
        edit(resource)
        return self.store.put(resource)
