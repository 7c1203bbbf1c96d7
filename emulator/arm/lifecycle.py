"""The states of one type of resource and the moves between them: a table that is executed.

Every service writes its table with `Move`; `Changes` (changes.py) runs it. A move that the table
does not have is refused, so a state is reached by the moves written there and in no other way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from emulator.arm.change import Change
from emulator.arm.errors import ArmError, conflict
from emulator.store import Resource

ABSENT = ""  # the state of a resource that does not exist
GONE = ""  # where a delete leads
TIME_LIMIT = 1800.0  # seconds that a change may take before it has failed

# Puts the end of a change into the stored resource, within the transaction that ends it.
Finish = Callable[[Resource], None]
# What a change does, once it is its turn. Raises ArmError when it fails.
Work = Callable[[Change], Awaitable[Finish | None]]


async def nothing(change: Change) -> None:
    """The work of a change that is done as soon as it is stored."""


@dataclass(frozen=True)
class Move:
    """One change of a resource: from one of `sources`, through `during`, to `done` or `failed`.

    `work` runs while the resource is in `during`, for `limit` seconds at most. A move to GONE ends
    what is under way on the resource and below it, and removes all of that: its `work` is `nothing`
    as a rule. `resumes` says what a restart does with a change that was under way: it is run again
    from what is stored and `Change.arguments`, or it has failed, and its state is `interrupted`
    where that differs from `failed`.
    """

    name: str
    sources: tuple[str, ...]
    during: str
    done: str
    failed: str = "Failed"
    work: Work = nothing
    resumes: bool = False
    limit: float = TIME_LIMIT
    interrupted: str = ""

    @property
    def cut_short(self) -> str:
        """The state after the emulator's end has interrupted it."""
        return self.interrupted or self.failed

    @property
    def deletes(self) -> bool:
        return self.done == GONE


# What is put, and changed, at once (`Changes.apply`), and deleted.
AT_ONCE = (
    Move("put", (ABSENT, "Succeeded", "Failed"), "Updating", "Succeeded"),
    Move("delete", ("Succeeded", "Failed"), "Deleting", GONE),
)


def show_provisioning_state(resource: Resource) -> None:
    """`properties.provisioningState` is the state's own name."""
    resource.properties["provisioningState"] = resource.state


def refuse_while_under_way(resource: Resource | None, _move: str) -> ArmError:
    name, state = (resource.name, resource.state) if resource else ("", "absent")
    return conflict(
        f"'{name}' is {state}, so it can't be changed now. Wait until that has ended.",
        code="OperationInProgress",
    )


@dataclass(frozen=True)
class Lifecycle:
    """The table of one type, and what its service does at the moments that all types share.

    `show` writes the state into the body as Azure shows it; `refuse` makes the error for a move
    (its name) that the resource's present state does not allow, None for one that is absent.
    `withdraw` is called as soon as the resource, or one above it, begins to be deleted: nothing
    new is answered from then on. `remove` then ends and deletes what there is of the resource
    outside the database; those below it were removed before it. `revive` brings back what was
    running, after a restart; when it raises ArmError the resource's state becomes `lost`.
    """

    type: str
    moves: tuple[Move, ...]
    show: Callable[[Resource], None] = show_provisioning_state
    refuse: Callable[[Resource | None, str], ArmError] = refuse_while_under_way
    withdraw: Callable[[Resource], None] | None = None
    remove: Callable[[Resource], Awaitable[None]] | None = None
    revive: Callable[[Resource], Awaitable[None]] | None = None
    lost: str = "Failed"
    _by_name: dict[str, Move] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        check(self.moves)
        self._by_name.update({move.name: move for move in self.moves})

    def move(self, name: str) -> Move:
        """The move of a name. Raises KeyError for one that the table does not have."""
        return self._by_name[name]

    def under_way(self, state: str) -> Move | None:
        """The move whose `during` is the state; None when nothing is under way in it."""
        return next((move for move in self.moves if move.during == state), None)


def check(moves: Iterable[Move]) -> None:
    """Raises ValueError for a table in which a state cannot be left, or one is never reached."""
    moves = tuple(moves)
    during = {move.during for move in moves}
    settled = {end for move in moves for end in (move.done, move.failed, move.cut_short)}
    names = [move.name for move in moves]
    if len(names) != len(set(names)):
        raise ValueError(f"A name stands for two moves: {names}")
    if both := during & settled:
        raise ValueError(f"A change is under way in {both}, and it is where another one ends")
    sources = {state for move in moves for state in move.sources}
    if unknown := sources - during - settled - {ABSENT}:
        raise ValueError(f"No move leads to {unknown}")
    if stuck := settled - {GONE} - sources:
        raise ValueError(f"No move leads out of {stuck}")
