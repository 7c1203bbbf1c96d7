"""What all connections to the ingress share: the routes, and the connections to replicas."""

from __future__ import annotations

from random import Random

from emulator.data_plane.ingress.pool import ReplicaPool
from emulator.data_plane.routes.apps import AppTable


class Ingress:
    def __init__(self, table: AppTable, random: Random | None = None) -> None:
        self.table = table
        self.random = random or Random()
        self.pool = ReplicaPool()
