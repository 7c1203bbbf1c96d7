"""`python -m tests.faults`: the long form; figures and findings in build/faults."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from tests.faults.rounds import Rounds

OUTPUT = Path("build/faults/figures.json")


@click.command(
    help="Change the same resources from several clients, and kill local Azure meanwhile."
)
@click.option("--rounds", default=300, show_default=True)
@click.option("--seed", default=1, show_default=True, help="Of the first round.")
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
def main(rounds: int, seed: int, output: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        found = Rounds(Path(folder), output)
        found.run(range(seed, seed + rounds))
    click.echo(found.report() or "Nothing was found.")
    if found.problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
