"""What was counted and measured, minute by minute.

Every so often the recorder reads the gauges of what runs, takes what the data plane has counted,
and adds all of it to the minutes that are stored; so a crash loses no more than came since. What
was counted and not taken yet is read with the rest.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from emulator.arm.readings import Gauges, Reading
from emulator.data_plane.tally import Tally
from emulator.data_plane.traffic_counts import MINUTE, Key, TrafficCounts
from emulator.services.monitor.metric_minutes import MetricMinutes, Row
from emulator.store import Store

# Seconds between two looks, if the variable AZURE_LOCAL_METRICS_PERIOD says nothing else.
PERIOD = 15.0
# https://learn.microsoft.com/azure/azure-monitor/metrics/data-platform-metrics#retention-of-metrics
RETENTION = timedelta(days=93)
ACTIVE = "connections"  # that are open, as the recorder itself counts them
KEPT = int(RETENTION.total_seconds()) // MINUTE  # minutes
PRUNED_EVERY = 24 * 60  # minutes
_log = logging.getLogger(__name__)

# What has come since the last time: the tallies, by the minute, and ids in lower case.
News = Mapping[Key, Tally]


class MetricRecorder:
    """`gauges` are the services'. `clock` returns seconds since 1970.

    `listeners` are called with what has come since the last time, when it is stored; they are not
    to change it.
    """

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
        self.minutes = MetricMinutes(store, "metrics")
        self.listeners: list[Callable[[News], None]] = []

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
        for listener in self.listeners:
            listener(news)
        if not news:
            return
        with self.store.transaction():
            self.minutes.add(news)
            if minute - self.pruned >= PRUNED_EVERY:
                self.pruned = minute
                self.minutes.forget("<", minute - KEPT)

    # Reading

    def read(self, resource: str, what: str, first: int, last: int) -> Iterator[Row]:
        """As `Minutes.read`, what was counted and is not stored yet included."""
        yield from self.minutes.read(resource, what, first, last)
        for (minute, one, kind, labels), tally in self.counts.seen():
            if kind == what and first <= minute <= last and one.lower() == resource.lower():
                yield minute, labels, tally
