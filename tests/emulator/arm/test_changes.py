"""The one owner of every long-running change, run by a small table of the test's own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from emulator.arm.change import Change
from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError
from emulator.arm.lifecycle import ABSENT, GONE, Finish, Lifecycle, Move, check
from emulator.arm.operations import Operations
from emulator.arm.recovery import recover
from emulator.store import Resource, Store
from tests.waiting import until_async

GROUP = "/subscriptions/s/resourceGroups/g"
BOX = f"{GROUP}/providers/Microsoft.Test/boxes/one"
LID = f"{BOX}/lids/top"
BOX_TYPE, LID_TYPE = "Microsoft.Test/boxes", "Microsoft.Test/boxes/lids"
SETTLED = ("Succeeded", "Failed")

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": sys.platform != "win32"}


class Boxes:
    """A service of two types. `gate` holds the work up, `done` says what was done, in order.

    With `fails`, the work raises; with `stays`, a removal does; with `breaks`, what the work
    returns cannot be stored.
    """

    def __init__(self, path: Path, *, resumes: bool = False, limit: float = 60.0) -> None:
        self.store = Store(path)
        self.operations = Operations(self.store)
        self.changes = Changes(self.store, self.operations)
        self.gate = asyncio.Event()
        self.gate.set()
        self.done: list[str] = []
        self.fails = self.stays = self.breaks = False
        for kind in (BOX_TYPE, LID_TYPE):
            self.changes.register(
                Lifecycle(
                    kind,
                    moves=(
                        Move(
                            "create",
                            (ABSENT,),
                            "Creating",
                            "Succeeded",
                            work=self._work,
                            resumes=resumes,
                            limit=limit,
                        ),
                        Move("update", SETTLED, "Updating", "Succeeded", work=self._work),
                        Move("delete", (*SETTLED, "Creating", "Updating"), "Deleting", GONE),
                    ),
                    withdraw=lambda resource: self.done.append(f"withdraw {resource.name}"),
                    remove=self._remove,
                    revive=self._revive,
                )
            )

    async def _work(self, change: Change) -> Finish:
        self.done.append(f"{change.name} {change.resource_id.rsplit('/', 1)[-1]}")
        await self.gate.wait()
        if self.fails:
            raise ArmError(400, "BadBox", "It leaks.")
        value = object() if self.breaks else change.arguments.get("value")
        return lambda resource: resource.private.update(value=value)

    async def _remove(self, resource: Resource) -> None:
        self.done.append(f"remove {resource.name}")
        if self.stays:
            raise ArmError(409, "BadBox", "It sticks.")

    async def _revive(self, resource: Resource) -> None:
        self.done.append(f"revive {resource.name}")
        await self.gate.wait()
        if self.fails:
            raise ArmError(400, "BadBox", "It is gone.")

    def begin(self, name: str, resource_id: str = BOX, value: object = None) -> str:
        before = self.store.get(resource_id)
        kind = LID_TYPE if "/lids/" in resource_id else BOX_TYPE
        resource = before or Resource(resource_id, kind, {})
        return self.changes.begin(name, resource, before, value=value)

    async def change(self, name: str, resource_id: str = BOX, value: object = None) -> None:
        await self.changes.wait(self.begin(name, resource_id, value))

    def status(self, operation: str) -> str:
        (row,) = self.store.query("SELECT status FROM operations WHERE id = ?", operation)
        return str(row["status"])

    def state(self, resource_id: str = BOX) -> str | None:
        found = self.store.get(resource_id)
        return found.properties["provisioningState"] if found else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_change_goes_through_its_states_and_keeps_what_its_work_returns(path: Path) -> None:
    boxes = Boxes(path)
    boxes.gate.clear()
    operation = boxes.begin("create", value=7)
    assert (boxes.state(), boxes.status(operation)) == ("Creating", "InProgress")
    boxes.gate.set()
    await boxes.changes.wait(operation)
    assert (boxes.state(), boxes.status(operation)) == ("Succeeded", "Succeeded")
    found = boxes.store.get(BOX)
    assert found is not None
    assert found.private == {"value": 7}


async def test_a_failure_is_the_operations_error_and_the_resources_state(path: Path) -> None:
    boxes = Boxes(path)
    boxes.fails = True
    operation = boxes.begin("create")
    with pytest.raises(ArmError, match="It leaks") as caught:
        await boxes.changes.wait(operation)
    assert (caught.value.status, caught.value.code) == (400, "BadBox")
    assert (boxes.state(), boxes.status(operation)) == ("Failed", "Failed")


async def test_what_the_table_does_not_have_is_refused_and_changes_nothing(path: Path) -> None:
    boxes = Boxes(path)
    boxes.gate.clear()
    operation = boxes.begin("create")
    with pytest.raises(ArmError, match="is Creating") as caught:
        boxes.begin("update")
    assert caught.value.status == 409
    assert boxes.status(operation) == "InProgress"
    assert len(boxes.operations.under_way()) == 1
    boxes.gate.set()
    await boxes.changes.wait(operation)


async def test_a_change_made_from_what_has_changed_since_is_refused(path: Path) -> None:
    boxes = Boxes(path)
    await boxes.change("create")
    stale = boxes.store.get(BOX)
    await boxes.change("update", value=2)
    assert stale is not None
    with pytest.raises(ArmError) as caught:
        boxes.changes.begin("update", stale, stale, value=1)
    assert caught.value.status == 409
    found = boxes.store.get(BOX)
    assert found is not None
    assert found.private == {"value": 2}


async def test_a_delete_cancels_what_is_under_way_below_it(path: Path) -> None:
    boxes = Boxes(path)
    await boxes.change("create")
    boxes.gate.clear()
    lid = boxes.begin("create", LID)
    await settle()
    delete = boxes.begin("delete")
    with pytest.raises(ArmError, match="is being deleted"):
        boxes.begin("update", LID)
    await boxes.changes.wait(delete)
    assert (boxes.status(lid), boxes.status(delete)) == ("Canceled", "Succeeded")
    assert (boxes.state(), boxes.state(LID)) == (None, None)
    assert boxes.done[-4:] == ["withdraw one", "withdraw top", "remove top", "remove one"]


async def test_a_change_cancelled_before_its_first_step_ends_too(path: Path) -> None:
    boxes = Boxes(path)
    create = boxes.begin("create")
    delete = boxes.begin("delete")
    await boxes.changes.wait(delete)
    assert (boxes.status(create), boxes.status(delete)) == ("Canceled", "Succeeded")
    assert boxes.state() is None


async def test_what_a_cancelled_delete_was_about_can_be_made_again(path: Path) -> None:
    boxes = Boxes(path)
    await boxes.change("create")
    await boxes.change("create", LID)
    lid = boxes.begin("delete", LID)
    await boxes.changes.wait(boxes.begin("delete"))  # before the other's first step
    assert boxes.status(lid) == "Canceled"
    await boxes.change("create")
    await boxes.change("create", LID)
    assert boxes.state(LID) == "Succeeded"


async def test_a_delete_that_fails_leaves_nothing_on_its_way(path: Path) -> None:
    boxes = Boxes(path)
    await boxes.change("create")
    boxes.gate.clear()
    lid = boxes.begin("create", LID)
    await settle()
    boxes.gate.set()
    boxes.stays = True
    with pytest.raises(ArmError, match="It sticks"):
        await boxes.change("delete")
    assert (boxes.status(lid), boxes.state(LID), boxes.state()) == ("Canceled", "Failed", "Failed")
    boxes.stays = False
    await boxes.change("update", LID)
    await boxes.change("delete")
    assert boxes.state(LID) is None


async def test_a_bug_in_the_end_of_a_change_fails_it(path: Path) -> None:
    boxes = Boxes(path)
    boxes.breaks = True
    with pytest.raises(ArmError, match="emulator logs"):
        await boxes.change("create")
    assert boxes.state() == "Failed"


async def test_a_second_delete_joins_the_first(path: Path) -> None:
    boxes = Boxes(path)
    await boxes.change("create")
    first, second = boxes.begin("delete"), boxes.begin("delete")
    assert first == second
    await boxes.changes.wait(first)
    assert boxes.done.count("remove one") == 1


async def test_nothing_is_begun_below_what_is_not_there(path: Path) -> None:
    boxes = Boxes(path)
    with pytest.raises(ArmError) as caught:
        boxes.begin("create", LID)
    assert caught.value.status == 404
    assert boxes.state(LID) is None


async def test_what_is_made_anew_takes_nothing_from_what_was_there(path: Path) -> None:
    boxes = Boxes(path)
    boxes.gate.clear()
    boxes.begin("create", value="old")
    await settle()
    await boxes.changes.wait(boxes.begin("delete"))
    boxes.gate.set()
    await boxes.change("create", value="new")
    found = boxes.store.get(BOX)
    assert found is not None
    assert found.private == {"value": "new"}


async def test_every_change_has_a_limit(path: Path) -> None:
    boxes = Boxes(path, limit=0.05)
    boxes.gate.clear()
    with pytest.raises(ArmError) as caught:
        await boxes.change("create")
    assert caught.value.code == "OperationTimedOut"
    assert boxes.state() == "Failed"


def stop_like_a_kill(boxes: Boxes) -> None:
    """What a kill leaves: the database as it is, and none of the tasks."""
    for queue in boxes.changes._tasks.values():
        for task in queue:
            task.cancel()
    boxes.changes._closing = True
    boxes.store.close()


@pytest.mark.parametrize(("resumes", "state"), [(False, "Failed"), (True, "Succeeded")])
async def test_what_a_kill_interrupts_is_resumed_or_has_failed(
    path: Path, resumes: bool, state: str
) -> None:
    before = Boxes(path, resumes=resumes)
    before.gate.clear()
    operation = before.begin("create", value=3)
    await settle()
    stop_like_a_kill(before)
    boxes = Boxes(path, resumes=resumes)
    await recover(boxes.changes)
    await until_async(lambda: not boxes.operations.tasks)
    assert (boxes.state(), boxes.status(operation)) == (state, state)
    found = boxes.store.get(BOX)
    assert found is not None
    assert found.private == ({"value": 3} if resumes else {})


async def test_a_delete_that_a_kill_interrupts_is_done_when_the_start_is(path: Path) -> None:
    before = Boxes(path)
    await before.change("create")
    await before.change("create", LID)
    before.begin("delete")
    stop_like_a_kill(before)
    boxes = Boxes(path)
    await recover(boxes.changes)
    assert (boxes.state(), boxes.state(LID)) == (None, None)
    assert "revive one" not in boxes.done


async def test_what_is_on_its_way_without_an_operation_has_failed(path: Path) -> None:
    boxes = Boxes(path)
    stray = Resource(BOX, BOX_TYPE, {"properties": {}}, state="Creating", generation="nobody's")
    boxes.store.put_state(stray)
    await recover(boxes.changes)
    assert boxes.state() == "Failed"
    await boxes.change("delete")
    assert boxes.state() is None


async def test_a_change_waits_for_the_return_and_has_the_last_word(path: Path) -> None:
    before = Boxes(path)
    await before.change("create")
    before.store.close()
    boxes = Boxes(path)
    boxes.gate.clear()
    await recover(boxes.changes)
    await settle()
    operation = boxes.begin("update")
    await settle()
    assert boxes.done == ["revive one"]
    boxes.gate.set()
    await boxes.changes.wait(operation)
    assert boxes.done == ["revive one", "update one"]


async def test_what_does_not_come_back_is_lost(path: Path) -> None:
    before = Boxes(path)
    await before.change("create")
    before.store.close()
    boxes = Boxes(path)
    boxes.fails = True
    await recover(boxes.changes)
    await until_async(lambda: not boxes.changes._tasks)
    assert boxes.state() == "Failed"


async def test_a_bug_in_the_work_fails_the_operation_and_names_the_log(path: Path) -> None:
    boxes = Boxes(path)

    async def raises(change: Change) -> None:
        raise KeyError("a bug")

    lifecycle = boxes.changes.lifecycles[BOX_TYPE.lower()]
    moves = tuple(
        Move(move.name, move.sources, move.during, move.done, work=raises)
        if move.name == "create"
        else move
        for move in lifecycle.moves
    )
    boxes.changes.register(Lifecycle(BOX_TYPE, moves))
    with pytest.raises(ArmError, match="emulator logs"):
        await boxes.change("create")
    assert boxes.state() == "Failed"


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ((Move("a", (ABSENT,), "On", "Done"),), "leads out"),
        (
            (Move("a", ("Lost",), "On", GONE, "Lost"), Move("b", ("Never",), "Off", GONE)),
            "leads to",
        ),
        ((Move("a", (ABSENT,), "On", GONE, "On"),), "under way"),
        ((Move("a", (ABSENT,), "On", GONE), Move("a", (ABSENT,), "Off", GONE)), "two moves"),
    ],
)
def test_a_table_that_cannot_hold_is_refused(moves: tuple[Move, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(moves)


def test_finished_operations_are_pruned(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.arm.operations.MOST_KEPT", 3)
    store = Store(path)
    operations = Operations(store)
    for number in range(10):
        operations.insert(f"op{number}", BOX, "create", {})
        if number:
            operations.end(f"op{number}", "Succeeded")
    operations.prune()
    left = {row["id"] for row in store.query("SELECT id FROM operations")}
    assert "op0" in left  # under way
    assert left >= {"op7", "op8", "op9"}
    assert len(left) <= 5
