"""After a start: what was under way is ended or resumed, and what was running comes back.

Every service has said in its lifecycles what that means for its types; nothing is ordered here but
what holds for all of them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

from emulator.arm.change import Change, SupersededError
from emulator.arm.changes import Changes, preempted
from emulator.arm.errors import ArmError
from emulator.arm.lifecycle import Lifecycle, Move

# Seconds that a start waits for the deletes that it resumes.
RESUME_LIMIT = 30.0
_log = logging.getLogger(__name__)


async def recover(changes: Changes) -> None:
    """End or resume what was under way, seed, bring back what was running.

    Deletes are resumed first, and waited for: what is there from the beginning comes after
    them. What else takes long goes on in the background when this returns.
    """
    changes.operations.prune()
    resumed = _settle_interrupted(changes)
    for change, lifecycle, move in resumed:
        if move.deletes:
            changes.start(change, lifecycle, move)
    # Nothing but the deletes has been started yet.
    if deletes := set(changes.operations.tasks.values()):
        await asyncio.wait(deletes, timeout=RESUME_LIMIT)
    for step in changes.starters:
        step()
    for lifecycle in changes.lifecycles.values():
        for resource in changes.store.of_type(lifecycle.type):
            changes.settle_stray(resource)
            if lifecycle.revive and not changes.is_being_deleted(resource.id):
                changes.enqueue(resource.id.lower(), _revive(changes, lifecycle, resource.id))
    for change, lifecycle, move in resumed:
        if move.deletes:
            continue
        if changes.is_being_deleted(change.resource_id):
            changes.operations.end(change.id, "Canceled", preempted(change))
        else:
            changes.start(change, lifecycle, move)


def _settle_interrupted(changes: Changes) -> list[tuple[Change, Lifecycle, Move]]:
    resumed = []
    for row in changes.operations.under_way():
        change = Change(
            row["id"],
            row["resource"],
            row["kind"],
            json.loads(row["arguments"]),
            changes.store,
        )
        resource = changes.store.get(change.resource_id)
        lifecycle = changes.lifecycle_of(resource) if resource else None
        move = lifecycle.under_way(resource.state) if lifecycle and resource else None
        error = _interrupted()
        if not (resource and lifecycle and move and resource.generation == change.id):
            changes.operations.end(change.id, "Failed", error)
        elif move.resumes or move.deletes:
            resumed.append((change, lifecycle, move))
        else:
            changes.end(change, lifecycle, replace(move, failed=move.cut_short), None, error)
    return resumed


async def _revive(changes: Changes, lifecycle: Lifecycle, resource_id: str) -> None:
    assert lifecycle.revive
    resource = changes.store.get(resource_id)
    if resource is None:
        return
    generation, reason = resource.generation, ""
    try:
        async with asyncio.timeout(max(move.limit for move in lifecycle.moves)):
            await lifecycle.revive(resource)
        return
    except ArmError as error:
        reason = error.message
    except TimeoutError:
        reason = "it took too long"
    except SupersededError:
        return
    except Exception:
        _log.exception("%s did not come back", resource_id)
    _log.warning("%s did not come back: %s", resource_id, reason)
    found = changes.store.get(resource_id)
    # A change that was begun meanwhile has the say.
    if found and found.generation == generation and not lifecycle.under_way(found.state):
        changes.turn(found, lifecycle, lifecycle.lost)


def _interrupted() -> ArmError:
    return ArmError(
        500,
        "OperationInterrupted",
        "Local Azure was stopped while this was under way. Send the request again.",
    )
