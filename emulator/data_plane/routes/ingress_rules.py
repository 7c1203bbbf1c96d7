"""What the ingress of one app heeds beside where a request goes: who may call, and from which
pages."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class AddressRules:
    """Networks whose clients alone may call (`allows`), or whose clients may not."""

    networks: tuple[Network, ...]
    allows: bool

    def admits(self, address: str) -> bool:
        """Whether a client of this address may call."""
        client = ip_address(address)
        return any(client in network for network in self.networks) is self.allows


@dataclass(frozen=True)
class CorsRules:
    """Which other sites' pages may call, and how. `origins` may have "*", for all; `max_age` is in
    seconds."""

    origins: tuple[str, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False

    def allow(self, origin: str) -> bool:
        return "*" in self.origins or origin in self.origins
