"""Every long-running change of every service, run by the tables of lifecycle.py.

What holds for all of them:

- A change begins with one transaction (the resource in its new state, and its operation) and ends
  with one, so that a kill at any moment leaves both or neither.
- The changes of one resource run one after another; so does its return after a restart.
- A delete cancels what is under way on the resource and below it, waits until that has ended, and
  has everything below removed before the resource is gone. Nothing can be begun there meanwhile.
- Nothing late is stored: a change whose resource has gone, or was changed since, leaves no trace.
- Each change ends: by itself, by its time limit, or with the emulator. One that the emulator's end
  interrupts is run again at the next start, or has failed then: the table says which.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from emulator.arm.change import Change, SupersededError
from emulator.arm.errors import ArmError, conflict, internal_error, not_found
from emulator.arm.ids import new_guid, parent_of
from emulator.arm.lifecycle import ABSENT, Finish, Lifecycle, Move
from emulator.arm.operations import Operations
from emulator.store import Resource, Store

# Seconds within which work that is cancelled must have ended. It is left to itself then, and
# whatever it stores is refused.
CANCEL_LIMIT = 60.0
_log = logging.getLogger(__name__)


class Changes:
    """Runs the changes of every registered type. Used from the event loop alone."""

    def __init__(self, store: Store, operations: Operations) -> None:
        self.store = store
        self.operations = operations
        self.lifecycles: dict[str, Lifecycle] = {}
        self.starters: list[Callable[[], None]] = []
        # What runs or waits for a resource, oldest first, by its id in lower case.
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        # Scopes that are being deleted, in lower case -> the operation.
        self._deleting: dict[str, str] = {}
        self._closing = False

    # What services register

    def register(self, lifecycle: Lifecycle) -> None:
        """Each service registers the lifecycles of its types when it is built."""
        self.lifecycles[lifecycle.type.lower()] = lifecycle

    def at_start(self, step: Callable[[], None]) -> None:
        """`step` is called at each start, before anything is resumed or revived: it puts there
        what is there from the beginning, and publishes what does not need to run."""
        self.starters.append(step)

    def lifecycle_of(self, resource: Resource) -> Lifecycle | None:
        """The lifecycle of the resource's type; None for a type that has none."""
        return self.lifecycles.get(resource.type.lower())

    # Beginning

    def begin(
        self,
        name: str,
        resource: Resource,
        before: Resource | None,
        **arguments: Any,
    ) -> str:
        """Begin a change and return its operation's id.

        `resource` is what is stored from now on, `before` what it was made from: the resource as
        it was read (which may be the same object), None when it was absent. `arguments` are kept
        with the operation, for the work, and are of JSON's types. A second delete joins the first.

        Raises ArmError 404 when the parent is gone, 409 or what the table's `refuse` makes when
        the change is not allowed now.
        """
        lifecycle = self.lifecycles[resource.type.lower()]
        move = lifecycle.move(name)
        present = self.store.get(resource.id)
        if move.deletes and present and (joined := self._deleting.get(resource.id.lower())):
            return joined
        self._check(lifecycle, move, present, resource, before)
        change = Change(new_guid(), resource.id, name, arguments, self.store)
        resource.generation = change.id
        with self.store.transaction():
            self.turn(resource, lifecycle, move.during)
            self.operations.insert(change.id, resource.id, name, arguments)
        self.start(change, lifecycle, move)
        return change.id

    def apply(self, name: str, resource: Resource, before: Resource | None) -> Resource:
        """Make a change that is done at once and has no operation. Raises ArmError as `begin`."""
        lifecycle = self.lifecycles[resource.type.lower()]
        move = lifecycle.move(name)
        self._check(lifecycle, move, self.store.get(resource.id), resource, before)
        resource.generation = new_guid()
        self.turn(resource, lifecycle, move.done)
        return resource

    async def run(
        self, name: str, resource: Resource, before: Resource | None, **arguments: Any
    ) -> None:
        """Begin a change and wait for its end. Raises ArmError as `begin` does, or its failure."""
        await self.wait(self.begin(name, resource, before, **arguments))

    async def wait(self, operation_id: str) -> None:
        """Wait for the end of a change. Raises ArmError when it failed."""
        task = self.operations.tasks.get(operation_id)
        if task:
            await asyncio.wait({task})
        if error := self.operations.error(operation_id):
            raise error

    def _check(
        self,
        lifecycle: Lifecycle,
        move: Move,
        present: Resource | None,
        resource: Resource,
        before: Resource | None,
    ) -> None:
        self.check_scope(resource.id)
        self._check_parent(resource.id)
        state = present.state if present else ABSENT
        if state not in move.sources or _generation(present) != _generation(before):
            raise lifecycle.refuse(present, move.name)

    def check_scope(self, resource_id: str) -> None:
        """Raises ArmError 409 when the resource, or one above it, is being deleted."""
        scope = self._scope_being_deleted(resource_id)
        if scope is None:
            return
        name = scope.rsplit("/", 1)[-1]
        if scope.rsplit("/", 2)[-2] == "resourcegroups":
            # https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
            raise conflict(
                f"The resource group '{name}' is in deprovisioning state and cannot perform this "
                "operation.",
                code="ResourceGroupBeingDeleted",
            )
        raise conflict(f"'{name}' is being deleted. Wait until that has ended.")

    def is_being_deleted(self, resource_id: str) -> bool:
        """Whether the resource, or one above it, is being deleted."""
        return self._scope_being_deleted(resource_id) is not None

    def _scope_being_deleted(self, resource_id: str) -> str | None:
        key = f"{resource_id.lower()}/"
        return next((scope for scope in self._deleting if key.startswith(f"{scope}/")), None)

    def _check_parent(self, resource_id: str) -> None:
        parent_id = parent_of(resource_id)
        # A resource group was looked up with the request.
        if "/" in parent_id.partition("/providers/")[2] and self.store.get(parent_id) is None:
            raise not_found(parent_id)

    # Running

    def start(self, change: Change, lifecycle: Lifecycle, move: Move) -> None:
        key = change.resource_id.lower()
        earlier: list[asyncio.Task[None]] = list(self._tasks.get(key, ()))
        if move.deletes:
            self._deleting[key] = change.id
            earlier = self._cancel_below(change.resource_id)
            for resource in self._at_or_below(change.resource_id):
                below = self.lifecycle_of(resource)
                if below and below.withdraw:
                    below.withdraw(resource)
        task = self.enqueue(key, self._run(change, lifecycle, move, earlier))
        self.operations.tasks[change.id] = task

        def done(_: asyncio.Task[None]) -> None:
            self.operations.tasks.pop(change.id, None)
            # Here and not in the task, which may have been cancelled before its first step.
            self._leave(change)
            if task.cancelled() and not self._closing:
                self.operations.end(change.id, "Canceled", preempted(change))

        task.add_done_callback(done)

    def enqueue(self, key: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        queue = self._tasks.setdefault(key, [])
        queue.append(task)

        def done(_: asyncio.Task[None]) -> None:
            queue.remove(task)
            if not queue and self._tasks.get(key) is queue:
                del self._tasks[key]

        task.add_done_callback(done)
        return task

    async def _run(
        self,
        change: Change,
        lifecycle: Lifecycle,
        move: Move,
        earlier: Iterable[asyncio.Task[None]],
    ) -> None:
        finish: Finish | None = None
        error: ArmError | None = None
        try:
            async with asyncio.timeout(move.limit):
                await _ended(earlier)
                if move.deletes:
                    await self._remove_below(change.resource_id)
                finish = await move.work(change)
        except ArmError as failure:
            error = failure
        except TimeoutError:
            error = _timed_out(change, move)
        except SupersededError:
            self.operations.end(change.id, "Canceled", preempted(change))
            return
        except Exception:
            _log.exception("%s of %s", change.name, change.resource_id)
            error = internal_error()
        finally:
            self._leave(change)
        try:
            self.end(change, lifecycle, move, finish, error)
        except Exception:
            _log.exception("the end of %s of %s", change.name, change.resource_id)
            self.end(change, lifecycle, move, None, error or internal_error())

    def _leave(self, change: Change) -> None:
        """Its scope is not being deleted any more, if it was by this change."""
        key = change.resource_id.lower()
        if self._deleting.get(key) == change.id:
            del self._deleting[key]

    def end(
        self,
        change: Change,
        lifecycle: Lifecycle,
        move: Move,
        finish: Finish | None,
        error: ArmError | None,
    ) -> None:
        with self.store.transaction():
            resource = self.store.get(change.resource_id)
            if resource is None or resource.generation != change.id:
                self.operations.end(change.id, "Canceled", preempted(change))
                return
            if move.deletes and error is None:
                self.store.delete(resource.id)
            else:
                if finish:
                    finish(resource)
                self.turn(resource, lifecycle, move.failed if error else move.done)
            self.operations.end(change.id, "Failed" if error else "Succeeded", error)
            if move.deletes and error:
                # What was under way there was cancelled, and stays after all.
                for left in self.store.below(change.resource_id):
                    self.settle_stray(left)

    def settle_stray(self, resource: Resource) -> None:
        """What is on its way without an operation that is on its way has failed."""
        lifecycle = self.lifecycle_of(resource)
        move = lifecycle.under_way(resource.state) if lifecycle else None
        if lifecycle and move and not self.operations.is_under_way(resource.generation):
            self.turn(resource, lifecycle, move.cut_short)

    def turn(self, resource: Resource, lifecycle: Lifecycle, state: str) -> None:
        """Store the resource in another state, and shown in it."""
        resource.state = state
        lifecycle.show(resource)
        self.store.put_state(resource)

    # Deleting

    def _at_or_below(self, scope: str) -> list[Resource]:
        at = self.store.get(scope)
        return [*([at] if at else []), *self.store.below(scope)]

    def _cancel_below(self, scope: str) -> list[asyncio.Task[None]]:
        key = scope.lower()
        found = [
            task
            for resource_id, queue in self._tasks.items()
            if resource_id == key or resource_id.startswith(f"{key}/")
            for task in queue
        ]
        for task in found:
            task.cancel()
        return found

    async def _remove_below(self, scope: str) -> None:
        """Have everything at and below the scope removed by its service, the deepest first."""
        levels: dict[int, list[Resource]] = {}
        for resource in self._at_or_below(scope):
            levels.setdefault(resource.id.count("/"), []).append(resource)
        for level in sorted(levels, reverse=True):
            removals = [self._remove(resource, scope) for resource in levels[level]]
            for failure in await asyncio.gather(*removals, return_exceptions=True):
                if failure is not None:
                    raise failure

    async def _remove(self, resource: Resource, scope: str) -> None:
        lifecycle = self.lifecycle_of(resource)
        if lifecycle and lifecycle.remove:
            await lifecycle.remove(resource)
            if resource.id.lower() != scope.lower():  # that one goes with the operation's end
                self.store.delete(resource.id)

    # Stopping

    async def close(self) -> None:
        """Stop the work that is under way; the next start finds it interrupted."""
        self._closing = True
        tasks = [task for queue in self._tasks.values() for task in queue]
        for task in tasks:
            task.cancel()
        await _ended(tasks)


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait until all have ended; those that are cancelled and do not end are left alone."""
    waiting = set(tasks)
    while waiting:
        limit = CANCEL_LIMIT if all(task.cancelling() for task in waiting) else None
        done, waiting = await asyncio.wait(
            waiting, timeout=limit, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            with suppress(asyncio.CancelledError):
                if failure := task.exception():
                    _log.error("a change ended in %r", failure)
        if not done:
            _log.error("%d cancelled changes do not end", len(waiting))
            return


def _generation(resource: Resource | None) -> str | None:
    return resource.generation if resource else None


def _timed_out(change: Change, move: Move) -> ArmError:
    return ArmError(
        500,
        "OperationTimedOut",
        f"The operation '{change.name}' did not end within {move.limit:.0f} seconds.",
    )


def preempted(change: Change) -> ArmError:
    # https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
    return ArmError(
        409,
        "OperationPreempted",
        f"The operation '{change.name}' was preempted by a later operation on the same resource.",
    )
