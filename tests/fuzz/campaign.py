"""Sends changed requests one after the other, and looks after each at what came of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from azure.identity import DefaultAzureCredential

from tests.api_versions import api_version
from tests.azure import LocalAzure
from tests.emulator.services.container_machine import settings
from tests.fuzz import world
from tests.fuzz.emulator_log import EmulatorLog
from tests.fuzz.findings import Findings
from tests.fuzz.message import Message
from tests.fuzz.mutations import mutate, places
from tests.fuzz.oracle import differences, problems
from tests.fuzz.recorder import recording
from tests.fuzz.routes import MANAGEMENT, Target, arm_routes, targets
from tests.fuzz.scope import flat, near, of_provider
from tests.fuzz.state import Lists, State, Wanted
from tests.fuzz.wire import Answer, Wire

# Tokens last as long as the longest campaign.
SETTINGS = {**settings("process"), "AZURE_LOCAL_TOKEN_LIFETIME": "86400"}
WRITES = ("PUT", "PATCH", "POST", "DELETE")
PLACES = 4  # values in a body for which its route is tried once more
SETTLE = 60.0  # seconds until an operation must have ended
REST = 10.0  # seconds until all must have come to rest
STRIDE = 7919  # a prime number
PROGRESS = 500  # requests after which the figures are written
EVERY = 50  # requests after which all of the state is compared
UNDO = {"stop": "start", "deactivate": "activate", "suspend": "resume"}
ACCOUNTS = ["sparestorage"]


class Campaign:
    """Against one emulator, whose settings must be in os.environ. Figures go to `output`."""

    def __init__(self, azure: LocalAzure, folder: Path, output: Path) -> None:
        self.output = output
        with recording() as sent:
            world.make(azure, folder)
        self.sent = sent
        self.targets = targets(sent)
        # The more there is to get wrong, the more often it is tried.
        self.order = [
            target
            for target in self.targets
            for _ in range(1 + max(map(places, target.seeds)) // PLACES)
        ]
        self.wire = Wire(azure.environment)
        credential = DefaultAzureCredential()
        self.state = State(
            self.wire,
            arm_routes(),
            lambda scope: f"Bearer {credential.get_token(scope).token}",
            ACCOUNTS,
        )
        self.log = EmulatorLog(azure.home.log)
        self.findings = Findings()
        self.statuses: Counter[int] = Counter()
        self.baseline = self.state.read()

    def run(self, seed: int, requests: int, first: int = 0) -> None:
        """What was found is in `findings`, and with the figures in `output`, as it goes on."""
        started = time.monotonic()
        for number in range(first, first + requests):
            self.case(seed, number)
            if number % EVERY == EVERY - 1:
                self._compare_all(seed, number)
            if number % PROGRESS == PROGRESS - 1:
                spent = time.monotonic() - started
                said = f"{number + 1} requests, {len(self.findings)} findings, {spent:.0f} s"
                print(said, flush=True)
                self._save(seed, first, number + 1 - first, started)
        self._save(seed, first, requests, started)
        self.wire.close()

    def _save(self, seed: int, first: int, requests: int, started: float) -> None:
        figures = {
            "seed": seed,
            "first": first,
            "requests": requests,
            "routes": len(self.targets),
            "recorded_routes": sum(target.recorded for target in self.targets),
            "seconds": round(time.monotonic() - started, 1),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }
        self.findings.save(self.output, figures)

    def case(self, seed: int, number: int) -> None:
        """One request, the same one for the same seed and number."""
        random = Random(f"{seed}/{number}")
        # A stride that has no divisor in common with most lengths mixes the services.
        target = self.order[number * STRIDE % len(self.order)]
        message = random.choice(target.seeds)
        if message.method == "PUT" and message.host == MANAGEMENT and random.random() < 0.5:
            # Something new, where the message was to change what is there.
            path = message.path.rpartition("/")[0]
            message = replace(message, path=f"{path}/fuzz{number}")
        message = mutate(message, random)
        answer = self.wire.send(message)
        self.statuses[answer.status] += 1
        case = f"seed {seed} case {number}: {message.curl()}"
        self._judge(target, message, answer, case)
        if message.method in WRITES and _changes_something(message):
            if answer.status < 300 and not answer.problem:
                self._undo(target, message, answer, case)
            else:
                self._compare(target, message, case)
        self._judge_lists(target, case)

    # What came of it

    def _judge(self, target: Target, message: Message, answer: Answer, case: str) -> None:
        found = list(problems(message, answer))
        raised = self.log.exceptions(expected=answer.status == 500)
        if raised and not found:
            found = ["a traceback in the log"]
        for problem in found:
            for cause in raised or [""]:
                self.findings.add(target.name, problem, cause, case)

    def _judge_lists(self, target: Target, case: str) -> None:
        for message, answer in self.state.unreadable:
            cause = (self.log.exceptions() or [""])[0]
            text = answer.body[:200].decode(errors="replace")
            problem = f"afterwards a list is answered {answer.status}"
            self.findings.add(target.name, problem, cause, f"{case}; {message.curl()}: {text}")
        self.state.unreadable.clear()

    def _compare(self, target: Target, message: Message, case: str) -> None:
        """Nothing has changed by what was refused: not where it points to, at least.

        The rest is compared now and then.
        """
        wanted = near(message)
        now = self.state.read(wanted)
        if changed := differences(self._known(wanted), flat(now)):
            kinds = " and ".join(sorted({one.split(" ")[0] for one in changed}))
            self.findings.add(target.name, f"refused, and yet {kinds}", "", f"{case}: {changed}")
            self._remember(wanted, now)

    def _compare_all(self, seed: int, number: int) -> None:
        now = self.state.read()
        if changed := differences(flat(self.baseline), flat(now)):
            case = f"seed {seed}, up to case {number}: {changed[:5]}"
            self.findings.add("any", "changed without being asked", "", case)
        self.baseline = now

    # Making good what was accepted

    def _undo(self, target: Target, message: Message, answer: Answer, case: str) -> None:
        self._settle(target, answer, case)
        wanted = of_provider(message)
        before, now = self._known(wanted), flat(self.state.read(wanted))
        # What was there before and not listed, such as anonymous code, is not made but changed.
        made = sorted((name for name in now.keys() - before if not self._original(name)), key=len)
        for name in made:
            below = any(name.startswith(f"{other}/") for other in made)
            if name.startswith("/subscriptions/") and not below:
                query = [("api-version", api_version(name))]
                if "/computes/" in name:
                    query.append(("underlyingResourceAction", "Delete"))
                self._send_again(target, Message("DELETE", MANAGEMENT, name, tuple(query)), case)
        action = message.path.rpartition("/")[2]
        # What is stopped of a job are its executions, which are not begun again.
        if action in UNDO and not message.path.lower().endswith("/jobs/spare-job/stop"):
            path = message.path.removesuffix(action) + UNDO[action]
            self._send_again(target, replace(message, path=path, body=b""), case)
        for name in before | now:
            if before.get(name) != now.get(name) and (first := self._original(name)):
                self._send_again(target, first, case)
        self._remember(wanted, self._at_rest(wanted))

    def _send_again(self, target: Target, message: Message, case: str) -> None:
        token = self.state.token("https://management.azure.com/.default")
        message = replace(message, headers=message.with_header("Authorization", token))
        answer = self.wire.send(message)
        self._judge(target, message, answer, f"{case}; then {message.curl()}")
        if answer.status >= 400 and answer.status not in (404, 501):
            text = answer.body[:300].decode(errors="replace")
            found = f"accepted, and then {message.method} is answered {answer.status}"
            self.findings.add(target.name, found, "", f"{case}; then {message.curl()}: {text}")
        self._settle(target, answer, case)

    def _original(self, name: str) -> Message | None:
        """The PUT that made it, or the first version in it, as it was at the beginning."""
        puts = [one for one in self.sent if one.method == "PUT"]
        own = (one for one in puts if one.path.lower() == name)
        version = (one for one in puts if one.path.lower().startswith(f"{name}/versions/"))
        return next(own, None) or next(version, None)

    def _settle(self, target: Target, answer: Answer, case: str) -> None:
        """Wait until the operation that the answer speaks of has ended."""
        location = answer.headers.get("Location", "") if answer.status in (201, 202) else ""
        url = answer.headers.get("Azure-AsyncOperation") or location
        host, _, rest = url.removeprefix("https://").partition("/")
        if not rest:
            return
        token = self.state.token("https://management.azure.com/.default")
        message = Message("GET", host, f"/{rest}", (), (("Authorization", token),))
        deadline = time.monotonic() + SETTLE
        while time.monotonic() < deadline:
            polled = self.wire.send(message)
            # A Location answers 409 with the error when the operation has failed.
            if polled.status not in (200, 202, 204, 409):
                text = polled.body[:200].decode(errors="replace")
                case = f"{case}; {message.curl()}: {text}"
                self.findings.add(target.name, f"a poll is answered {polled.status}", "", case)
                return
            if not _under_way(polled):
                for cause in self.log.exceptions():
                    self.findings.add(target.name, "the operation ends in a bug", cause, case)
                return
            time.sleep(0.05)
        self.findings.add(target.name, f"still InProgress after {SETTLE:g} seconds", "", case)

    # What is known of the state

    def _at_rest(self, wanted: Wanted) -> Lists:
        """The state, once it no longer changes: a revision's restart has no operation to wait for.

        What never comes to rest shows as a change that nobody asked for.
        """
        before, deadline = self.state.read(wanted), time.monotonic() + REST
        while time.monotonic() < deadline:
            time.sleep(0.05)
            now = self.state.read(wanted)
            if now == before and not UNDER_WAY & {_state(one) for one in flat(now).values()}:
                break
            before = now
        return before

    def _known(self, wanted: Wanted) -> dict[str, Any]:
        return flat({name: found for name, found in self.baseline.items() if wanted(name)})

    def _remember(self, wanted: Wanted, now: Lists) -> None:
        others = {name: found for name, found in self.baseline.items() if not wanted(name)}
        self.baseline = {**others, **now}


UNDER_WAY = {"Creating", "Updating", "Scaling", "Deleting", "Waiting", "Pending", "Provisioning"}


def _under_way(polled: Answer) -> bool:
    if polled.status != 200:
        return polled.status == 202
    body = json.loads(polled.body)
    return body.get("status") in ("InProgress", "Waiting")


def _state(resource: Any) -> str:
    properties = resource.get("properties") if isinstance(resource, dict) else None
    return str(properties.get("provisioningState")) if isinstance(properties, dict) else ""


def _changes_something(message: Message) -> bool:
    return message.host == MANAGEMENT or message.host.endswith(".blob.core.windows.net")
