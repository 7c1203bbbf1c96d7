"""What was counted and measured, minute by minute.

Every so often the recorder reads the gauges of what runs, takes what the data plane has counted,
and adds all of it to the minutes that are stored; so a crash loses no more than came since. What
was counted and not taken yet is read with the rest.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import lru_cache

from emulator.arm.readings import Gauges, Reading
from emulator.data_plane.tally import Tally
from emulator.data_plane.traffic_counts import MINUTE, Key, Labels, TrafficCounts
from emulator.store import Store

# Seconds between two looks, if the variable AZURE_LOCAL_METRICS_PERIOD says nothing else.
PERIOD = 15.0
# https://learn.microsoft.com/azure/azure-monitor/metrics/data-platform-metrics#retention-of-metrics
RETENTION = timedelta(days=93)
ACTIVE = "connections"  # that are open, as the recorder itself counts them
KEPT = int(RETENTION.total_seconds()) // MINUTE  # minutes
PRUNED_EVERY = 24 * 60  # minutes
_log = logging.getLogger(__name__)

Row = tuple[int, Labels, Tally]


class MetricRecorder:
    """`gauges` are the services'. `clock` returns seconds since 1970."""

    def __init__(
        self,
        store: Store,
        counts: TrafficCounts,
        gauges: Sequence[Gauges],
        period: float = PERIOD,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.counts = counts
        self.gauges = gauges
        self.period = period
        self.clock = clock
        self.task: asyncio.Task[None] | None = None
        self.pruned = 0  # the minute
        self.was_active: set[str] = set()

    def start(self) -> None:
        self.task = asyncio.create_task(self._run(), name="metrics")

    async def close(self) -> None:
        """Store what was counted to the last."""
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        self.save(())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self.period)
            try:
                await self.look()
            except Exception:
                _log.exception("metrics")

    async def look(self) -> None:
        """Read the gauges, and store what was counted. A gauge that fails keeps no other back."""
        found = await asyncio.gather(*(read() for read in self.gauges), return_exceptions=True)
        readings = list(self._connections())
        for some in found:
            if isinstance(some, BaseException):
                _log.error("a gauge could not be read", exc_info=some)
            else:
                readings += some
        self.save(readings)

    def _connections(self) -> Iterator[Reading]:
        """How many connections each endpoint has: 0 once more when the last was closed."""
        active = self.counts.active
        for resource in self.was_active | set(active):
            yield Reading(resource, ACTIVE, (), active.get(resource, 0))
        self.was_active = set(active)

    # Writing

    def save(self, readings: Iterable[Reading]) -> None:
        minute = int(self.clock()) // MINUTE
        news: dict[Key, Tally] = {}
        for (at, resource, what, labels), tally in self.counts.take():
            news.setdefault((at, resource.lower(), what, labels), Tally()).merge(tally)
        for one in readings:
            key = (minute, one.resource.lower(), one.what, one.labels)
            news.setdefault(key, Tally()).add(one.value)
        if not news:
            return
        with self.store.transaction():
            for (at, resource, what, labels), tally in news.items():
                self._add(at, resource, what, labels, tally)
            if minute - self.pruned >= PRUNED_EVERY:
                self.pruned = minute
                self.store.execute("DELETE FROM metrics WHERE minute < ?", minute - KEPT)

    def _add(self, minute: int, resource: str, what: str, labels: Labels, tally: Tally) -> None:
        key = (resource, what, minute, json.dumps(labels))
        before = self.store.query(
            "SELECT tally FROM metrics"
            " WHERE resource = ? AND series = ? AND minute = ? AND labels = ?",
            *key,
        )
        if before:
            tally.merge(Tally.stored(json.loads(before[0]["tally"])))
        self.store.execute(
            "INSERT OR REPLACE INTO metrics (resource, series, minute, labels, tally)"
            " VALUES (?, ?, ?, ?, ?)",
            *key,
            json.dumps(tally.to_stored()),
        )

    # Reading

    def read(self, resource: str, what: str, first: int, last: int) -> Iterator[Row]:
        """Minute, labels and values of what was counted from the first minute to the last; one
        minute may come several times. The tallies are not to be changed."""
        rows = self.store.query(
            "SELECT minute, labels, tally FROM metrics"
            " WHERE resource = ? AND series = ? AND minute BETWEEN ? AND ?",
            resource.lower(),
            what,
            first,
            last,
        )
        for row in rows:
            yield row["minute"], tuple(json.loads(row["labels"])), _parsed(row["tally"])
        for (minute, one, kind, labels), tally in self.counts.seen():
            if kind == what and first <= minute <= last and one.lower() == resource.lower():
                yield minute, labels, tally


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Tally:
    """A page that shows the past hour asks for the same minutes again and again."""
    return Tally.stored(json.loads(text))
