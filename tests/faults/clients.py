"""Clients that change the estate at the same time, and follow every operation to its end."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.faults import estate
from tests.faults.arm_client import Answer, ArmClient
from tests.faults.estate import Prepared
from tests.faults.model import ABSENT, FAILED, LOST, REFUSED, SUCCEEDED, Change, Model
from tests.faults.moves import LATEST, Move, Moves

LIMIT = 120.0  # seconds within which every operation must end
RETURN = 20.0  # seconds after a start in which what ran before may still be coming back
PERIOD = 0.1  # seconds between two polls
# Refusals that say that the resource is not in a state for it, and not that it is being changed.
OTHER_CONFLICTS = {
    "ManagedEnvironmentHasContainerApps",
    "ManagedEnvironmentNotProvisioned",
    "ContainerGroupQuotaReached",
    "ContainerGroupStopped",
}

Report = Callable[[str, str], None]


@dataclass
class Clients:
    """`report(kind, details)` is told of what must not be."""

    client: ArmClient
    model: Model
    prepared: Prepared
    report: Report
    focus: str = ""
    running: threading.Event = field(default_factory=threading.Event)
    followers: list[threading.Thread] = field(default_factory=list)

    def work(self, seed: str, steps: int) -> None:
        """One client: `steps` moves, each after a short while or when the last one has ended."""
        random, moves = Random(seed), Moves(self.model, self.prepared, self.focus)
        for _ in range(steps):
            self.running.wait(LIMIT)
            follower = self.make(moves.choose(random))
            if random.random() < 0.4 and follower:
                follower.join(LIMIT)
            else:
                time.sleep(random.choice((0, 0.05, 0.3)))

    def make(self, move: Move) -> threading.Thread | None:
        """Send the request. Returns the thread that follows its operation, if there is one."""
        method, resource, action, body, value = move
        if method == "PUT" and "/deployments/" in resource:
            self._bring_assets(resource)
        if action.startswith(LATEST):
            action = self._latest_revision(resource) + action.removeprefix(LATEST)
        what = f"{method} {action.rpartition('/')[2]}".strip()
        change = Change(resource, what, value, time.monotonic())
        self.model.add(change)
        answer = self.client.call(method, resource + action, body)
        self._note(change, answer)
        if not change.operation:
            return None
        follower = threading.Thread(target=self._follow, args=(change,), daemon=True)
        with self.model.lock:
            self.followers.append(follower)
        follower.start()
        return follower

    def _note(self, change: Change, answer: Answer) -> None:
        now = time.monotonic()
        change.status, change.code = answer.status, answer.code
        if answer.hung:
            self.report("a request hangs", str(change))
        if answer.status == 0:
            return  # lost: `settle` says until when it may have happened
        change.accepted = now
        if answer.status >= 500:
            self.report(f"{change.what} is answered {answer.status}", f"{change} {answer.body}")
            change.outcome = LOST
        elif not answer.ok:
            change.outcome, change.ended = REFUSED, now
        else:
            location = answer.headers.get("Location", "") if answer.status in (201, 202) else ""
            change.operation = answer.headers.get("Azure-AsyncOperation") or location
            change.outcome = FAILED if change.operation else SUCCEEDED
            change.ended = math.inf if change.operation else now
            if change.value == ABSENT and answer.status == 204:
                change.outcome = SUCCEEDED

    def _follow(self, change: Change) -> None:
        """Poll until the operation has ended; it goes on doing so over restarts."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            self.running.wait(LIMIT)
            answer = self.client.call("GET", change.operation)
            if answer.status not in (0, 200, 202, 204, 409):
                self.report(f"a poll is answered {answer.status}", f"{change}: {answer.body}")
                change.ended = time.monotonic()
                return
            if answer.status and (outcome := _outcome(answer)):
                change.outcome, change.ended = outcome, time.monotonic()
                change.code = answer.code or change.code
                return
            time.sleep(PERIOD)
        self.report("an operation does not end", f"{change}, after {LIMIT:g} s")

    def _bring_assets(self, deployment: str) -> None:
        """The script and the environment of a deployment, in case its workspace is a new one."""
        workspace = deployment.partition("/onlineEndpoints/")[0]
        if workspace == estate.OTHER:
            self.client.call("PUT", f"{workspace}/codes/score/versions/1", self._code())
            environment = f"{workspace}/environments/plain/versions/1"
            self.client.call("PUT", environment, estate.environment_version())

    def _latest_revision(self, app: str) -> str:
        answer = self.client.call("GET", app)
        found = answer.body["properties"]["latestRevisionName"] if answer.ok else None
        return f"/revisions/{found or 'none'}"

    def _code(self) -> dict[str, object]:
        return estate.code(self.prepared)

    def settle(self, ends: list[float]) -> None:
        """Wait for all operations. `ends` are the moments at which the emulator was stopped:

        a request whose answer was lost at one of them can have happened no later.
        """
        for follower in list(self.followers):
            follower.join(LIMIT + 10)
        for change in self.model.changes:
            if change.outcome == LOST:
                later = [end for end in ends if end >= change.sent]
                change.accepted = change.ended = min(later, default=math.inf)

    def check_conflicts(self, restarts: list[float]) -> None:
        """409 only while something else is under way at the same resource."""
        for change in self.model.changes:
            if change.status != 409 or change.code in OTHER_CONFLICTS:
                continue
            # Bringing back what ran is a change like another.
            returning = any(0 <= change.accepted - restart < RETURN for restart in restarts)
            if not returning and not self.model.under_way(change):
                self.report("409 though nothing is under way", str(change))


def _outcome(answer: Answer) -> str:
    """How the operation ended, "" as long as it has not.

    One that is polled by its Location answers 202, then 200 or 204, or 409 with the error.
    """
    if answer.status in (202, 409):
        return "" if answer.status == 202 else FAILED
    status = answer.body.get("status") if isinstance(answer.body, dict) else None
    if status in ("InProgress", "Waiting"):
        return ""
    return FAILED if status in (FAILED, "Canceled") else SUCCEEDED
