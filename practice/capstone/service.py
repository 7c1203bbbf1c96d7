"""What the checker wants to know of a service, of whichever kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from practice.capstone.door import Door


class NoAddressError(Exception):
    """Nobody can ask the service; the message says what is missing."""


@dataclass(frozen=True)
class Beside:
    """A version that stands beside the one for everybody, and how to ask it.

    `per_cent` is its share of the traffic. `closed` says why it cannot be asked, if so.
    """

    name: str
    door: Door
    per_cent: int = 0
    closed: str = ""


@dataclass(frozen=True)
class Size:
    """What is paid for what answers everybody, in USD a month, and what that is."""

    usd_per_month: float
    what: str


class Service(Protocol):
    """A service as Azure shows it. Each method asks Azure anew."""

    @property
    def kind(self) -> str:
        """One of practice.pricing.decision.SERVICES."""

    def door(self) -> Door:
        """Return where everybody asks, without a key. Raises NoAddressError."""

    def trouble(self) -> str:
        """Return a sentence about what is not as it should be, or nothing."""

    def exposed_key(self, key: str) -> str:
        """Return a sentence about where the key can be read, or is not kept, or nothing."""

    def cold_start(self) -> str:
        """Return a sentence about why somebody may have to wait for a start, or nothing."""

    def crowd(self) -> str:
        """Return a sentence about what limits the requests at the same moment."""

    def gone(self) -> str:
        """Return a sentence about why it will not come back by itself, or nothing."""

    def beside(self) -> Sequence[Beside]:
        """Return the versions beside the one for everybody."""

    def size(self) -> Size: ...
