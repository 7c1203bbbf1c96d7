"""What all connections to the ingress share: routes, connections to replicas, what is counted."""

from __future__ import annotations

from random import Random

from emulator.data_plane.ingress.pool import ReplicaPool
from emulator.data_plane.routes.apps import AppTable
from emulator.data_plane.traffic_counts import TrafficCounts


class Ingress:
    def __init__(
        self,
        table: AppTable,
        random: Random | None = None,
        counts: TrafficCounts | None = None,
    ) -> None:
        self.table = table
        self.random = random or Random()
        self.counts = counts or TrafficCounts()
        self.pool = ReplicaPool()
