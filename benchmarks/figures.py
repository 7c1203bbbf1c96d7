"""A figure: our time or rate, and a peer's, sample by sample, and the median of their ratios."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

SAMPLES = 5
# A spread (largest less smallest, over the median) above this says: measure again, undisturbed.
NOISY = 0.4


class Skipped(Exception):  # noqa: N818 - an outcome, like a figure
    """What is measured cannot run on this machine; the message says why."""


@dataclass
class Figure:
    """`ours` and `peer` hold one number for each sample, in `unit`. `aim` bounds their ratio."""

    name: str
    measures: str
    against: str
    unit: Literal["s", "requests/s"]
    aim: float
    better: Literal["lower", "higher"]
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def add(self, ours: float, peer: float) -> None:
        self.ours.append(round(ours, 4))
        self.peer.append(round(peer, 4))

    @property
    def ratio(self) -> float:
        """The median of the samples' ratios: what else the machine does meets both of a pair."""
        return median(ours / peer for ours, peer in zip(self.ours, self.peer, strict=True))

    @property
    def reached(self) -> bool:
        return self.ratio <= self.aim if self.better == "lower" else self.ratio >= self.aim

    @property
    def spread(self) -> float:
        return max((max(each) - min(each)) / median(each) for each in (self.ours, self.peer))

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "measures": self.measures,
            "against": self.against,
            "unit": self.unit,
            "ratio": round(self.ratio, 3),
            "aim": self.aim,
            "better": self.better,
            "reached": self.reached,
            "spread": round(self.spread, 3),
            "ours": {"median": median(self.ours), "samples": self.ours},
            "peer": {"median": median(self.peer), "samples": self.peer},
            "details": self.details,
        }


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def write(figures: list[Figure], facts: dict[str, Any], target: Path) -> None:
    """Write the figures, keeping those of an earlier run that were not measured this time."""
    results: dict[str, Any] = {}
    if target.exists():
        results = {figure["name"]: figure for figure in json.loads(target.read_text())["figures"]}
    results |= {figure.name: figure.as_json() | {"machine": facts} for figure in figures}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"figures": list(results.values())}, indent=1) + "\n")


def show(figures: list[Figure]) -> None:
    table = Table("figure", "ours", "peer", "ratio", "aim", "", title="Medians, also of the ratios")
    for figure in figures:
        bound = "at most" if figure.better == "lower" else "at least"
        verdict = "[green]reached[/]" if figure.reached else "[red]missed[/]"
        if figure.spread > NOISY:
            verdict += f", noisy: samples spread by {figure.spread:.0%}"
        table.add_row(
            f"{figure.measures}\n[dim]against {figure.against}[/]",
            f"{median(figure.ours):.3g} {figure.unit}",
            f"{median(figure.peer):.3g} {figure.unit}",
            f"{figure.ratio:.2f}",
            f"{bound} {figure.aim:g}",
            verdict,
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)
