"""What was counted and measured in each minute, in a table of the database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Protocol

from emulator.data_plane.tally import Tally
from emulator.data_plane.traffic_counts import Key, Labels
from emulator.store import Store

Row = tuple[int, Labels, Tally]


class Minutes(Protocol):
    """Where the minutes of a resource's metrics are read."""

    def read(self, resource: str, what: str, first: int, last: int) -> Iterator[Row]:
        """Minute, labels and values of what was counted from the first minute to the last; one
        minute may come several times. The tallies are not to be changed."""


class MetricMinutes:
    """The minutes in one `table` (see store.py)."""

    def __init__(self, store: Store, table: str) -> None:
        self.store = store
        self.table = table

    def add(self, news: Mapping[Key, Tally]) -> None:
        """Add to what is stored of these minutes; ids are in lower case. Within a transaction."""
        for (minute, resource, what, labels), tally in news.items():
            self._add((resource, what, minute, json.dumps(labels)), tally)

    def _add(self, key: tuple[str, str, int, str], news: Tally) -> None:
        before = self.store.query(
            f"SELECT tally FROM {self.table}"
            " WHERE resource = ? AND series = ? AND minute = ? AND labels = ?",
            *key,
        )
        total = Tally()
        total.merge(news)
        if before:
            total.merge(Tally.stored(json.loads(before[0]["tally"])))
        self.store.execute(
            f"INSERT OR REPLACE INTO {self.table} (resource, series, minute, labels, tally)"
            " VALUES (?, ?, ?, ?, ?)",
            *key,
            json.dumps(total.to_stored()),
        )

    def read(self, resource: str, what: str, first: int, last: int) -> Iterator[Row]:
        rows = self.store.query(
            f"SELECT minute, labels, tally FROM {self.table}"
            " WHERE resource = ? AND series = ? AND minute BETWEEN ? AND ?",
            resource.lower(),
            what,
            first,
            last,
        )
        for row in rows:
            yield row["minute"], tuple(json.loads(row["labels"])), _parsed(row["tally"])

    def has(self, resource: str, what: str) -> bool:
        """Whether anything was ever counted of it."""
        return bool(
            self.store.query(
                f"SELECT 1 FROM {self.table} WHERE resource = ? AND series = ? LIMIT 1",
                resource.lower(),
                what,
            )
        )

    def forget(self, where: str, minute: int) -> None:
        """Forget the minutes that are `where`, "<" or ">", of this one."""
        self.store.execute(f"DELETE FROM {self.table} WHERE minute {where} ?", minute)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Tally:
    """A page that shows the past hour asks for the same minutes again and again."""
    return Tally.stored(json.loads(text))
