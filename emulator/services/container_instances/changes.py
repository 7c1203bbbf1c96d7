"""One change of a container group at a time."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from emulator.arm.errors import conflict
from emulator.arm.operations import Operations
from emulator.store import Store


class Changes:
    def __init__(self, store: Store, operations: Operations) -> None:
        self.store = store
        self.operations = operations
        self.under_way: set[str] = set()  # ids in lower case

    @contextmanager
    def begin(self, group_id: str) -> Iterator[Change]:
        """Until the block, and the operation that it starts, have ended no other may begin.

        Raises ArmError 409 when one is under way. A stop or a delete need not wait for it.
        """
        key = group_id.lower()
        group = self.store.get(group_id)
        if key in self.under_way or (group and group.body.get("_deleting")):
            raise conflict(
                f"The container group '{group_id.rpartition('/')[2]}' is still transitioning, "
                "please retry later.",
                code="ContainerGroupTransitioning",
            )
        self.under_way.add(key)
        change = Change(self, group_id)
        try:
            yield change
        finally:
            if not change.started:
                self.under_way.discard(key)


class Change:
    """A change of a group, which may end in an operation of its own."""

    def __init__(self, changes: Changes, group_id: str) -> None:
        self.changes = changes
        self.group_id = group_id
        self.started = False

    def start(self, kind: str, work: Coroutine[Any, Any, None]) -> str:
        """Start the operation; answers its id."""
        self.started = True
        return self.changes.operations.start(kind, self.group_id, self._run(work))

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            self.changes.under_way.discard(self.group_id.lower())
