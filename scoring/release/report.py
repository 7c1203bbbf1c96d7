"""What a release prints: a line for each stage as it happens, and a table of what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from scoring.release.measuring import Answer

TITLES = ("deployment", "version", "requests", "failed", "median", "95 of 100 within", "right")


def row(deployment: str, version: str, answers: Sequence[Answer]) -> tuple[str, ...]:
    """Return a deployment's row of the table. Times and digits are those of answers with 200."""
    good = [answer for answer in answers if answer.status == 200]
    failed = str(len(answers) - len(good))
    if not good:
        return deployment, version, str(len(answers)), failed, "-", "-", "-"
    median, slow = np.percentile([1000 * answer.seconds for answer in good], [50, 95])
    right = sum(answer.digit == answer.truth for answer in good) / len(good)
    times = f"{median:.0f} ms", f"{slow:.0f} ms"
    return deployment, version, str(len(answers)), failed, *times, f"{right:.0%}"


@dataclass
class Report:
    """Prints each line at once, and keeps it for a page in Markdown."""

    title: str
    lines: list[str] = field(default_factory=list)

    def say(self, stage: str, text: str) -> None:
        """Print what a stage does or has found."""
        print(f"{stage:<10} {text}", flush=True)
        self.note(stage, text)

    def note(self, stage: str, text: str) -> None:
        """Keep a line for the page alone."""
        self.lines.append(f"- **{stage}** {text}")

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Print the table with its titles, each column as wide as it needs."""
        widths = [max(map(len, column)) for column in zip(TITLES, *rows, strict=True)]
        for cells in (TITLES, *rows):
            print(" " * 11 + "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)))
        ruler = ["---"] * len(TITLES)
        told = [f"| {' | '.join(cells)} |" for cells in (TITLES, ruler, *rows)]
        self.lines += ["", *told, ""]

    def append_to(self, file: Path) -> None:
        """Append the page to a file: GitHub shows what is in $GITHUB_STEP_SUMMARY."""
        with file.open("a", encoding="utf-8") as page:
            page.write(f"## {self.title}\n\n" + "\n".join(self.lines) + "\n")


def verdicts(report: Report, said: Mapping[str, str | None]) -> list[str]:
    """Say what each gate decided, and return the names of those that stop the release."""
    for name, why in said.items():
        report.say("gate", f"{name}: {'passed' if why is None else why}")
    return [name for name, why in said.items() if why is not None]
