"""`python -m benchmarks`: measure, print a table, write build/bench.json."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import click

from benchmarks.figures import SAMPLES, Figure, Skipped, machine, show, write
from benchmarks.processes import ROOT

# Imported when it is its turn: some need seconds for their imports.
MODULES = (
    "emulator_start",
    "portal",
    "deployment",
    "gateway",
    "container_process",
    "container_engine",
    "ingress",
    "course_run",
)


@click.command(
    help=f"Measure everything, or what is named: {', '.join(MODULES)}.",
)
@click.option("--samples", default=SAMPLES, show_default=True, help="Medians are of so many.")
@click.option("--output", type=click.Path(path_type=Path), default=ROOT / "build" / "bench.json")
@click.argument("names", nargs=-1, type=click.Choice(MODULES), metavar="[NAME]...")
def main(samples: int, output: Path, names: tuple[str, ...]) -> None:
    os.chdir(ROOT)
    # Some machines that build things set it; then every start would compile our modules anew, and
    # those of the peers, which came compiled with their packages, would not be.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    facts = machine()
    figures: list[Figure] = []
    for name in names or MODULES:
        click.echo(f"measuring {name}, {samples} samples")
        try:
            figures.append(importlib.import_module(f"benchmarks.{name}").measure(samples))
        except Skipped as reason:
            click.echo(f"{name} is skipped: {reason}")
            continue
        write(figures, facts, output)  # after each: an interrupted run loses nothing
    if figures:
        show(figures)
    click.echo(f"Every sample: {output}")


if __name__ == "__main__":
    main()
