"""Which lists of the state a request may change."""

from __future__ import annotations

from typing import Any

from tests.fuzz.message import Message
from tests.fuzz.routes import MANAGEMENT
from tests.fuzz.state import Lists, Wanted


def near(message: Message) -> Wanted:
    """The lists on the way to where its path points, and those below it."""
    if message.host != MANAGEMENT:
        return lambda name: name == message.host
    path = message.path.lower()
    return lambda name: path.startswith(f"{name}/") or f"{name}/".startswith(f"{path}/")


# Their resources are those of any provider, or below these, whose lists lead there.
EVERYWHERE = ("microsoft.authorization", "microsoft.insights", "microsoft.resources")


def of_provider(message: Message) -> Wanted:
    """All of the provider's; every list, where the path names no provider that has its own."""
    if message.host != MANAGEMENT:
        return lambda name: name == message.host
    provider = message.path.lower().rpartition("/providers/")[2].partition("/")[0]
    if not provider.startswith("microsoft.") or provider in EVERYWHERE:
        return lambda _: True
    return lambda name: f"/providers/{provider}/" in name or name.endswith("/resourcegroups")


def flat(lists: Lists) -> dict[str, Any]:
    """The resources of all lists, by their ids."""
    return {name: one for found in lists.values() for name, one in found.items()}
