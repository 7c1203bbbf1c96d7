"""Lets the gates decide. What a gate cannot decide, stops the release too."""

import importlib.util
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from scoring.release.measuring import Answer
from scoring.script import Exit, ScriptError

ReleaseGate = Callable[[list[Answer], list[Answer]], str | None]


def load_gates(path: Path) -> dict[str, ReleaseGate]:
    """Return the gates that a Python file defines, by name. Raises ScriptError."""
    spec = importlib.util.spec_from_file_location("release_gates", path)
    if spec is None or spec.loader is None:
        raise ScriptError(Exit.USAGE, f"{path} is no Python file: its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the file does when it is run
        what = f"{type(error).__name__}: {error}"
        raise ScriptError(Exit.USAGE, f"The gates in {path} cannot be read. {what}") from error
    gates: dict[str, ReleaseGate] = {
        name: function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    if not gates:
        raise ScriptError(Exit.USAGE, f"There is no gate in {path}: nothing would be stopped.")
    return gates


def judge(
    gates: Mapping[str, ReleaseGate], live: list[Answer], candidate: list[Answer]
) -> dict[str, str | None]:
    """Return why each gate stops the candidate, or None where it lets it pass."""
    return {name: _ask(gate, live, candidate) for name, gate in gates.items()}


def _ask(gate: ReleaseGate, live: list[Answer], candidate: list[Answer]) -> str | None:
    try:
        said = gate(list(live), list(candidate))
    except Exception as error:  # a gate that breaks has seen nothing, so nothing may pass it
        return f"the gate broke with {type(error).__name__}: {error}"
    if said is None or (isinstance(said, str) and said):
        return said
    return f"the gate returned {said!r}, which is neither None nor a sentence"
