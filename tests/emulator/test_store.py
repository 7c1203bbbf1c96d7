"""The database: what a write that fails leaves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from emulator.store import Resource, Store

ONE = "/subscriptions/s/resourceGroups/one"


def make(name: str, size: int = 0) -> Resource:
    return Resource(name, "Microsoft.Resources/resourceGroups", {"tags": {"a": "x" * size}})


def put_all(store: Store, *resources: Resource) -> None:
    with store.transaction():
        for resource in resources:
            store.put(resource)


def test_a_full_disk_is_what_is_said_and_what_fits_is_stored_after_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        put_all(store, make(ONE), make(f"{ONE}-large", 100_000))
    assert store.get(ONE) is None
    put_all(store, make(ONE))
    assert store.get(ONE) is not None
