"""`python -m tests.conformance --specs folder`: plays the examples, writes docs/coverage.md."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from tests.conformance import beyond_specs, coverage
from tests.conformance.playing import play
from tests.conformance.specs import load
from tests.conformance.verdicts import REFUSED, WRONG, Verdict
from tests.fuzz.routes import arm_routes

OUTPUT = Path("build/conformance.json")


@click.command(help="Play Microsoft's example requests against a local Azure.")
@click.option(
    "--specs",
    "folder",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of Microsoft's OpenAPI files, such as a clone of azure-rest-api-specs.",
)
@click.option("--only", default="", help="Only operations whose name matches; no table is written.")
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
def main(folder: Path, only: str, output: Path) -> None:
    specs = load(folder)
    chosen = [one for one in specs.operations if re.search(only, one.name)]
    verdicts = play(specs, chosen, _say)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps([asdict(one) for one in verdicts], indent=1) + "\n")
    counts = Counter(one.verdict for one in verdicts)
    click.echo(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    needless: set[tuple[str, str]] = set()
    if not only:
        coverage.FILE.write_text(coverage.table(specs, arm_routes(), verdicts))
        refused = {(one.operation, one.example) for one in verdicts if one.verdict == REFUSED}
        needless = beyond_specs.REFUSED.keys() - refused
    for name, title in sorted(needless):
        click.echo(f"{name} ({title}) is not refused: take it out of beyond_specs.py")
    if counts[WRONG] or needless:
        raise SystemExit(1)


def _say(one: Verdict) -> None:
    said = " ".join(part for part in (one.verdict, one.code, one.reason[:400]) if part)
    click.echo(f"{one.operation} ({one.version}, {one.example}): {said}")


if __name__ == "__main__":
    main()
