"""What packages bring with them in this Python: themselves, and all that they require."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from importlib.metadata import Distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(requirements: Iterable[Requirement]) -> dict[str, Distribution]:
    """The distributions by name, each extra and marker heeded. What is not here is left out."""
    found: dict[str, Distribution] = {}
    extras_of: dict[str, set[str]] = {}
    waiting = [each for each in requirements if not each.marker or each.marker.evaluate()]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        # "" stands for what is required whatever the extras are.
        new = {"", *wanted.extras} - extras_of.setdefault(name, set())
        extras_of[name] |= new
        if name not in found:
            try:
                found[name] = importlib.metadata.distribution(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        for line in found[name].requires or ():
            required = Requirement(line)
            marker = required.marker
            if any(marker.evaluate({"extra": each}) if marker else each == "" for each in new):
                waiting.append(required)
    return found
