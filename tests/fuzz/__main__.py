"""`python -m tests.fuzz`: the long form; figures and findings in build/fuzz."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from tests.azure import azure_in
from tests.fuzz.campaign import SETTINGS, Campaign

OUTPUT = Path("build/fuzz/figures.json")


@click.command(help="Send requests that are wrong in one place or two to a local Azure.")
@click.option("--requests", default=30_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--first", default=0, show_default=True, help="Case to begin with.")
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
def main(requests: int, seed: int, first: int, output: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        home, work = Path(folder, "home"), Path(folder, "work")
        work.mkdir()
        with azure_in(home, SETTINGS) as azure:
            campaign = Campaign(azure, work, output)
            campaign.run(seed, requests, first)
    click.echo(campaign.findings.report() or "Nothing was found.")
    if campaign.findings.found:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
