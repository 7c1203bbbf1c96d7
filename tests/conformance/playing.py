"""Plays every example against a local Azure of its own, one after the other.

After each, the groups that it made are deleted with all that is in them: the next one meets nothing
of it, and names that are taken for all of a region are free again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.azure import azure_in
from tests.conformance.models import Models
from tests.conformance.presupposed import MissingError, Presupposed
from tests.conformance.requested import location_of, requested
from tests.conformance.resource_manager import ResourceManager
from tests.conformance.specs import Example, Operation, Specs
from tests.conformance.verdicts import WRONG, Verdict, judge
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.container_machine import Machine, settings


class Player:
    def __init__(self, specs: Specs, bench: AppsBench) -> None:
        self.models = Models(specs)
        self.arm = ResourceManager()
        self.bench = bench

    def play(self, operation: Operation, example: Example) -> Verdict:
        presupposed = Presupposed(self.arm, self.bench, location_of(example))
        try:
            asked = requested(operation, example, presupposed)
            answer = self.arm.call(asked.method, asked.path, asked.body, **asked.query)
            return judge(operation, example, asked, answer, self.models)
        except MissingError as error:
            return Verdict.of(operation, example, WRONG, f"presupposed: {error}")
        finally:
            presupposed.tidy()


def play(
    specs: Specs, operations: Iterable[Operation], say: Callable[[Verdict], None]
) -> list[Verdict]:
    """All examples of the operations, in order; `say` is called with each verdict."""
    verdicts = []
    with player(specs) as one:
        for operation in operations:
            for example in operation.examples:
                verdict = one.play(operation, example)
                say(verdict)
                verdicts.append(verdict)
    return verdicts


@contextmanager
def player(specs: Specs) -> Iterator[Player]:
    with (
        tempfile.TemporaryDirectory(prefix="conformance-") as folder,
        azure_in(Path(folder, "home"), settings("process")) as azure,
    ):
        yield Player(specs, AppsBench(Machine("process", azure), "conformance"))
