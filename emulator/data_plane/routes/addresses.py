"""Container groups: where their public addresses lead on this machine."""

from __future__ import annotations

from collections.abc import Mapping


class PublicAddresses:
    """Public IPs and DNS names of container groups -> (port -> port on 127.0.0.1).

    A name that is here without a port has nothing listening on it; one that is not here does not
    resolve. Names are lower case.
    """

    def __init__(self) -> None:
        self.ports: dict[str, dict[int, int]] = {}

    def publish(self, name: str, ports: Mapping[int, int]) -> None:
        self.ports[name.lower()] = dict(ports)

    def withdraw(self, name: str) -> None:
        self.ports.pop(name.lower(), None)

    def find(self, name: str, port: int) -> int:
        """The port on 127.0.0.1. Raises LookupError, whose message says what is not there."""
        known = self.ports.get(name.lower())
        if known is None:
            raise LookupError(f"{name} does not resolve: no container group runs under that name.")
        if port not in known:
            listening = ", ".join(map(str, sorted(known))) or "none"
            raise LookupError(
                f"Nothing listens on port {port} of {name} (its open ports: {listening}). "
                "A container group answers on the ports that its containers listen on, and it "
                "has no certificate: use http://."
            )
        return known[port]
