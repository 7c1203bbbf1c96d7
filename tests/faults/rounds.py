"""A round: several clients at once, an emulator that is killed meanwhile, and what is left then."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from tests.azure import LocalAzure, azure_in, course_client
from tests.emulator.services.container_machine import Machine, settings
from tests.emulator.services.deployments import Workbench
from tests.faults import estate
from tests.faults.arm_client import ArmClient
from tests.faults.clients import Clients
from tests.faults.estate import Prepared
from tests.faults.invariants import Invariants
from tests.faults.model import Model
from tests.faults.moves import FOCUSES, Moves
from tests.fuzz.emulator_log import EmulatorLog

CLIENTS = 4
STEPS = 12  # changes by each client


# Tokens last as long as the longest run.
SETTINGS = {**settings("process"), "AZURE_LOCAL_TOKEN_LIFETIME": "86400"}


@dataclass(frozen=True)
class Problem:
    """Something that must not be: a kind that is the same for the same fault, and the case."""

    kind: str
    seed: int
    details: str


@dataclass
class Rounds:
    """Rounds by their seeds; whatever is wrong is in `problems`, the figures go to `output`.

    They share an emulator until one of them finds something: the next has a new one, so that it
    does not find what that left behind.
    """

    folder: Path
    output: Path
    problems: list[Problem] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    interruptions: Counter[str] = field(default_factory=Counter)
    seconds: dict[int, float] = field(default_factory=dict)

    def run(self, seeds: Iterable[int]) -> None:
        with ExitStack() as stack:
            azure: LocalAzure | None = None
            for seed in seeds:
                if azure is None:
                    home = self.folder / f"home-{seed}"
                    azure = stack.enter_context(azure_in(home, SETTINGS))
                    work = self.folder / f"work-{seed}"
                    work.mkdir()
                    prepared = prepare(azure, work)
                before, started = len(self.problems), time.monotonic()
                self.round(seed, azure, prepared)
                self.seconds[seed] = round(time.monotonic() - started, 1)
                found = self.problems[before:]
                kinds = sorted({one.kind for one in found})
                print(f"round {seed}: {self.seconds[seed]} s", *kinds, sep="; ", flush=True)
                self.save()
                if found:
                    stack.close()
                    azure = None

    def round(self, seed: int, azure: LocalAzure, prepared: Prepared) -> None:
        def report(kind: str, details: str) -> None:
            self.problems.append(Problem(kind, seed, details))

        random = Random(seed)
        log = EmulatorLog(azure.home.log)
        client = ArmClient(azure.environment)
        model = Model()
        clients = Clients(client, model, prepared, report, random.choice(FOCUSES))
        clients.running.set()
        for move in Moves(model, prepared).first():
            if follower := clients.make(move):
                follower.join()
        threads = [
            threading.Thread(target=clients.work, args=(f"{seed}/{number}", STEPS))
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        ends, starts = self._disturb(random, azure, clients, threads)
        for thread in threads:
            thread.join()
        clients.settle(ends)
        clients.check_conflicts(starts)
        invariants = Invariants(client, model, report)
        invariants.check_state()
        invariants.check_serving()
        invariants.check_servers(azure.home.root)
        invariants.delete_all()
        invariants.check_nothing_left(azure.process.pid, azure.home.root)
        for exception in log.exceptions():
            report(f"a traceback in the log: {exception}", "")
        self.outcomes.update(change.result for change in model.changes)

    def report(self) -> str:
        """Markdown: each kind once, with how often, in which rounds, and one case."""
        lines = []
        for kind in sorted({one.kind for one in self.problems}):
            same = [one for one in self.problems if one.kind == kind]
            seeds = ", ".join(str(seed) for seed in sorted({one.seed for one in same}))
            lines += [f"### {kind} ({len(same)})", f"- rounds {seeds}", f"- {same[0].details}", ""]
        return "\n".join(lines)

    def save(self) -> None:
        self.output.parent.mkdir(parents=True, exist_ok=True)
        figures = {
            "rounds": len(self.seconds),
            "seconds": self.seconds,
            "changes": sum(self.outcomes.values()),
            "outcomes": dict(sorted(self.outcomes.items())),
            "interruptions": dict(self.interruptions),
            "problems": [asdict(one) for one in self.problems],
        }
        self.output.write_text(json.dumps(figures, indent=1))
        self.output.with_suffix(".md").write_text(self.report())

    def _disturb(
        self,
        random: Random,
        azure: LocalAzure,
        clients: Clients,
        threads: list[threading.Thread],
    ) -> tuple[list[float], list[float]]:
        """Stop the emulator at random moments, and start it again.

        Returns when it was stopped and when it was started.
        """
        ends, starts = [], []
        for _ in range(random.choice((0, 1, 1, 2))):
            time.sleep(random.uniform(0, 4))
            if not any(thread.is_alive() for thread in threads):
                break
            again = random.random() < 0.5
            for pause in (0.0, random.uniform(0, 1.0))[: 1 + again]:
                time.sleep(pause)
                how = random.choice(("kill", "kill", "stop"))
                self.interruptions[how] += 1
                clients.running.clear()
                getattr(azure, how)()
                ends.append(time.monotonic())
                azure.start()
                starts.append(time.monotonic())
                clients.running.set()
        return ends, starts


def prepare(azure: LocalAzure, folder: Path) -> Prepared:
    """What the rounds share: a script in blob storage, and a small web server's image."""
    bench = Workbench(course_client(), folder, "faults")
    endpoint = bench.endpoint().name
    made = bench.deploy(endpoint, "blue", script=estate.SCRIPT)
    machine = Machine("process", azure)
    container = machine.web("web")
    client = ArmClient(azure.environment)
    code = client.call("GET", made.code_configuration.code)
    prepared = Prepared(
        code.body["properties"]["codeUri"],
        container["properties"]["image"],
        machine.credentials("shared"),
    )
    client.call("PUT", f"{estate.COURSE}/codes/score/versions/1", estate.code(prepared))
    environment = f"{estate.COURSE}/environments/plain/versions/1"
    client.call("PUT", environment, estate.environment_version())
    bench.clean()
    return prepared
