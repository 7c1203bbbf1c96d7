"""`course test` and `course lint`: every check, each announced, the first failure stops."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from course import kernels, lessons
from course.places import LOCAL, fresh_local_azure


@dataclass(frozen=True)
class Check:
    """A command that passes when it ends with 0.

    With `on_azure` it gets a local Azure of its own, whose containers run as `containers` says:
    "process", "engine", or as on this machine. `second_try` is a command that repeats what has
    failed, and nothing else, on another local Azure: one test of thousands that a busy machine
    upset is told from one that fails. Which ones needed it is said, so that they can be mended.
    """

    name: str
    command: list[str]
    on_azure: bool = False
    containers: str | None = None
    second_try: list[str] | None = None


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
LINT = [
    Check("style", python("ruff", "check", ".")),
    Check("format", python("ruff", "format", "--check", "--quiet", ".")),
    Check("types", python("mypy")),
    Check("imports", [sys.executable, "-c", LINT_IMPORTS, "--no-logo"]),
    Check("notebooks match their text", python("course", "notebooks", "--check")),
]
SITE = Check("the site builds without a warning", python("course", "site"))


def tests() -> list[Check]:
    """Return the checks of `course test` beyond LINT: site, lessons' stored outputs, tests."""
    stored = [str(file) for file in lessons.choose([], lessons.NOTEBOOKS, ".ipynb")]
    compare = ["--nbval", f"--nbval-kernel-name={LOCAL}", "--nbval-cell-timeout=600"]
    compare.append(f"--nbval-sanitize-with={lessons.SANITIZE}")
    return [
        SITE,
        # As processes, whether there is an engine or not: an engine would pull a base image.
        Check(
            "lessons give their stored outputs",
            python("pytest", *compare, *stored),
            on_azure=True,
            containers="process",
        ),
        # Two at a time: most of a test is waiting for a process or a container to start or to end.
        # A file's tests stay together, as they share what is dear to make.
        Check(
            "tests",
            python("pytest", "-n", "2", "--dist", "loadfile"),
            on_azure=True,
            second_try=python("pytest", "--last-failed", "--last-failed-no-failures=none", "-v"),
        ),
    ]


def check(checks: Sequence[Check], keep_going: bool = False) -> bool:
    """Run the checks in order, up to the first failure; return whether all passed."""
    kernels.install()
    console = Console()
    table = Table("check", "seconds", "result")
    failures = 0
    for one in checks:
        console.rule(one.name)
        started = time.monotonic()
        outcome = "[green]passed[/]"
        passed = _run(one, one.command)
        if not passed and one.second_try:
            console.rule(f"{one.name}: once more, what has failed")
            passed = _run(one, one.second_try)
            outcome = "[yellow]passed at the second try[/]"
        failures += not passed
        outcome = outcome if passed else "[red]failed[/]"
        table.add_row(one.name, f"{time.monotonic() - started:.1f}", outcome)
        if not passed and not keep_going:
            break
    console.rule()
    console.print(table)
    return failures == 0


def _run(one: Check, command: list[str]) -> bool:
    if not one.on_azure:
        return subprocess.run(command, cwd=lessons.ROOT, check=False).returncode == 0
    with fresh_local_azure(one.containers):
        return subprocess.run(command, cwd=lessons.ROOT, check=False).returncode == 0
