"""A page of Microsoft's documentation as steps: its commands, and what each is expected to do."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).with_name("pages")


@dataclass(frozen=True)
class Step:
    """One command of `az`, or one address that is opened, and what it is to print.

    `prints` is a regular expression. With `until` the command is repeated until it prints that, as
    a reader of the page would. `lacks` is a regular expression for the name of what local Azure
    says that it does not emulate, `refused` one for an error of Azure's own.
    """

    az: str = ""
    get: str = ""
    stdin: str = ""
    prints: str = ""
    until: str = ""
    lacks: str = ""
    refused: str = ""
    sets: str = ""

    def __post_init__(self) -> None:
        if bool(self.az) == bool(self.get):
            raise ValueError("A step has one command, `az`, or one address, `get`.")
        for expression in (self.prints, self.until, self.lacks, self.refused):
            re.compile(expression)

    def arguments(self, values: dict[str, str]) -> list[str]:
        return shlex.split(fill(self.az, values))


@dataclass(frozen=True)
class Page:
    """`files` are made beside the commands; `source` is where the commands were read."""

    name: str
    source: str
    steps: tuple[Step, ...]
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Page:
        content: dict[str, Any] = yaml.safe_load(file.read_text())
        steps = tuple(Step(**step) for step in content["steps"])
        return cls(file.stem, content["source"], steps, content.get("files", {}))


def pages() -> list[Page]:
    return [Page.read(file) for file in sorted(FOLDER.glob("*.yaml"))]


def fill(text: str, values: dict[str, str]) -> str:
    """`text` with each {name} replaced that `values` has; other braces stay, as in a query."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)
