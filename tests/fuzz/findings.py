"""What was found, each fault once: the same exception on the same route is one finding."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SHOWN = 3  # requests kept for each finding


@dataclass
class Finding:
    """`problem` is what was seen, `cause` the line of ours that raised, "" when none did."""

    route: str
    problem: str
    cause: str
    times: int = 0
    cases: list[str] = field(default_factory=list)

    @property
    def room(self) -> str:
        """The part of the emulator that it belongs to: where it was raised, else whose route."""
        file = self.cause.partition(":")[0]
        if file.startswith("emulator/services/"):
            return "/".join(file.split("/")[:3]).removesuffix(".py")
        if file.startswith("emulator/"):
            return file.rpartition("/")[0]
        provider = self.route.rpartition("/providers/")[2].partition("/")[0]
        return provider if provider.startswith("Microsoft.") else "elsewhere"

    @property
    def short_route(self) -> str:
        """Without what all routes of Resource Manager begin with."""
        method, _, path = self.route.partition(" ")
        return f"{method} {path.rpartition('/providers/')[2]}"


@dataclass
class Findings:
    found: dict[tuple[str, str, str], Finding] = field(default_factory=dict)

    def add(self, route: str, problem: str, cause: str, case: str) -> None:
        key = (route, problem, cause.rpartition(": ")[0] or cause)
        finding = self.found.setdefault(key, Finding(route, problem, cause))
        finding.times += 1
        if len(finding.cases) < SHOWN:
            finding.cases.append(case)

    def __len__(self) -> int:
        return len(self.found)

    def report(self) -> str:
        """Markdown: by room, by cause, the routes of each and requests that show it."""
        lines = []
        for room in sorted({finding.room for finding in self.found.values()}):
            lines += [f"## {room}", ""]
            own = [finding for finding in self.found.values() if finding.room == room]
            for cause in sorted({(finding.problem, finding.cause) for finding in own}):
                same = [one for one in own if (one.problem, one.cause) == cause]
                times = sum(one.times for one in same)
                lines += [f"### {cause[0]} ({times}): {cause[1] or 'no exception'}"]
                lines += [f"- {one.short_route} ({one.times})" for one in same]
                lines += [f"  - `{same[0].cases[0]}`", ""]
        return "\n".join(lines)

    def save(self, path: Path, figures: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        found = [asdict(finding) for finding in self.found.values()]
        path.write_text(json.dumps({**figures, "findings": found}, indent=1))
        path.with_suffix(".md").write_text(self.report())
