"""What all scoring connections share: the routes, what is under way, and what is counted."""

from __future__ import annotations

from random import Random

from emulator.data_plane.routes.endpoints import EndpointTable
from emulator.data_plane.scoring.admission import Lane
from emulator.data_plane.scoring.rate import Rate
from emulator.data_plane.scoring.router import VerifyToken
from emulator.data_plane.traffic_counts import TrafficCounts


class Gateway:
    """`verify_token(token, audience)` returns a token's claims, or raises when it is not valid."""

    def __init__(
        self,
        table: EndpointTable,
        verify_token: VerifyToken,
        random: Random | None = None,
        counts: TrafficCounts | None = None,
    ) -> None:
        self.table = table
        self.verify_token = verify_token
        self.random = random or Random()
        self.counts = counts or TrafficCounts()
        self.lanes: dict[str, dict[str, Lane]] = {}  # host -> deployment -> lane
        self.rates: dict[str, Rate] = {}
        table.on_change = self.changed

    def lane(self, host: str, name: str) -> Lane:
        lanes = self.lanes.setdefault(host, {})
        if name not in lanes:
            lanes[name] = Lane(self.table, host, name)
        return lanes[name]

    def rate(self, host: str) -> Rate:
        if host not in self.rates:
            self.rates[host] = Rate()
        return self.rates[host]

    def changed(self, host: str) -> None:
        """Who waits goes on where an instance came, or learns that there is none any more."""
        for lane in tuple(self.lanes.get(host, {}).values()):
            lane.advance()
        if self.table.find(host) is None:
            self.lanes.pop(host, None)
            self.rates.pop(host, None)
