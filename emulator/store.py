"""What local Azure remembers, in one SQLite file.

Write-ahead logging with synchronous=NORMAL: a commit survives kill -9 of this process.
Resource ids keep the case they were created with and are found without regard to case,
as in Azure Resource Manager.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    id         TEXT PRIMARY KEY COLLATE NOCASE,
    type       TEXT NOT NULL COLLATE NOCASE,
    body       TEXT NOT NULL,
    private    TEXT NOT NULL,
    state      TEXT NOT NULL,
    generation TEXT NOT NULL,
    created    TEXT NOT NULL,
    changed    TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS resources_by_type ON resources (type, id);
CREATE TABLE IF NOT EXISTS operations (
    id        TEXT PRIMARY KEY,
    resource  TEXT NOT NULL COLLATE NOCASE,
    kind      TEXT NOT NULL,
    status    TEXT NOT NULL,
    started   TEXT NOT NULL,
    ended     TEXT,
    error     TEXT,
    arguments TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS operations_by_end ON operations (ended);
CREATE TABLE IF NOT EXISTS containers (
    account  TEXT NOT NULL,
    name     TEXT NOT NULL,
    etag     TEXT NOT NULL,
    created  INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (
    account   TEXT NOT NULL,
    container TEXT NOT NULL,
    name      TEXT NOT NULL,
    file      TEXT NOT NULL,
    length    INTEGER NOT NULL,
    etag      TEXT NOT NULL,
    created   INTEGER NOT NULL,
    modified  INTEGER NOT NULL,
    headers   TEXT NOT NULL,
    metadata  TEXT NOT NULL,
    blocks    TEXT NOT NULL,
    PRIMARY KEY (account, container, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blocks (
    account   TEXT NOT NULL,
    container TEXT NOT NULL,
    blob      TEXT NOT NULL,
    id        TEXT NOT NULL,
    file      TEXT NOT NULL,
    length    INTEGER NOT NULL,
    staged    INTEGER NOT NULL,
    PRIMARY KEY (account, container, blob, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metrics (
    resource TEXT NOT NULL,
    series   TEXT NOT NULL,
    minute   INTEGER NOT NULL,
    labels   TEXT NOT NULL,
    tally    TEXT NOT NULL,
    PRIMARY KEY (resource, series, minute, labels)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS autoscale_metrics (
    resource TEXT NOT NULL,
    series   TEXT NOT NULL,
    minute   INTEGER NOT NULL,
    labels   TEXT NOT NULL,
    tally    TEXT NOT NULL,
    PRIMARY KEY (resource, series, minute, labels)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activity (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    time        TEXT NOT NULL,
    operation   TEXT NOT NULL,
    status      TEXT NOT NULL,
    level       TEXT NOT NULL,
    resource    TEXT NOT NULL COLLATE NOCASE,
    grouped     TEXT NOT NULL COLLATE NOCASE,
    provider    TEXT NOT NULL COLLATE NOCASE,
    caller      TEXT NOT NULL COLLATE NOCASE,
    correlation TEXT NOT NULL COLLATE NOCASE,
    event       TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS activity_by_time ON activity (time, sequence);
CREATE INDEX IF NOT EXISTS activity_by_operation ON activity (operation);
"""

# To be raised whenever a table of SCHEMA changes: what an older version has made cannot be read
# then. A new table needs none: it is made in a database that has it not.
VERSION = 3
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ')"  # UTC


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""


@dataclass
class Resource:
    """One ARM resource.

    `body` is what its owner sees, in JSON's types; `private` is what local Azure alone keeps of
    it (keys, what was given in secret). `state` and `generation` are arm/changes.py's: where it is
    in its lifecycle, and the id of the change that was begun last ("" before the first).
    `created` and `changed` are times as Azure writes them, "" before the first `put`.
    """

    id: str
    type: str
    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)
    state: str = ""
    generation: str = ""
    created: str = ""
    changed: str = ""

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body.setdefault("properties", {})
        return found


class Store:
    """The database. One connection, used from the event loop's thread only."""

    def __init__(self, path: Path) -> None:
        # isolation_level=None: each statement commits by itself, `transaction` groups several.
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self._check_version(path)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=NORMAL")
        self.connection.executescript(SCHEMA)

    def _check_version(self, path: Path | str) -> None:
        """Raises StoreError for a database that another version of the course has made."""
        (found,) = self.connection.execute("PRAGMA user_version").fetchone()
        tables = self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and found != VERSION:
            raise StoreError(
                f"{path} was made by another version of local Azure. "
                "Run `python -m emulator reset` to begin anew."
            )
        self.connection.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block's writes, or none of them. Must not be held across an await."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            # SQLite has done it by itself where the disk is full, say.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    # Resources

    def get(self, resource_id: str) -> Resource | None:
        row = self.connection.execute(
            "SELECT * FROM resources WHERE id = ?", (resource_id,)
        ).fetchone()
        return _resource(row) if row else None

    def put(self, resource: Resource) -> Resource:
        """Create the resource, or replace its body and what is private of it.

        The id keeps the case it was created with, and where an existing resource is in its
        lifecycle is left as it is: read, change and put without an await in between.
        """
        self._upsert(resource, "body = excluded.body, private = excluded.private")
        return resource

    def put_state(self, resource: Resource) -> None:
        """`put`, with the resource's state and generation; for arm/changes.py alone."""
        self._upsert(
            resource,
            "body = excluded.body, private = excluded.private, state = excluded.state,"
            " generation = excluded.generation",
        )

    def _upsert(self, resource: Resource, changes: str) -> None:
        self.connection.execute(
            "INSERT INTO resources (id, type, body, private, state, generation, created, changed)"
            f" VALUES (?, ?, ?, ?, ?, ?, {NOW}, {NOW})"
            f" ON CONFLICT (id) DO UPDATE SET changed = {NOW}, {changes}",
            (
                resource.id,
                resource.type,
                json.dumps(resource.body),
                json.dumps(resource.private),
                resource.state,
                resource.generation,
            ),
        )

    def delete(self, resource_id: str) -> None:
        """Delete the resource and everything below it. Deleting what is not there does nothing."""
        self.connection.execute(
            "DELETE FROM resources WHERE id = ? OR id LIKE ? ESCAPE '\\'",
            (resource_id, _below(resource_id)),
        )

    def of_type(self, resource_type: str, scope: str = "") -> list[Resource]:
        """Every resource of the type below `scope` (an id; all of them if empty), ordered by id."""
        rows = self.connection.execute(
            "SELECT * FROM resources WHERE type = ? AND id LIKE ? ESCAPE '\\' ORDER BY id",
            (resource_type, _below(scope)),
        )
        return [_resource(row) for row in rows]

    def below(self, scope: str) -> list[Resource]:
        """Every resource of any type below `scope`, ordered by id."""
        rows = self.connection.execute(
            "SELECT * FROM resources WHERE id LIKE ? ESCAPE '\\' ORDER BY id",
            (_below(scope),),
        )
        return [_resource(row) for row in rows]

    # Rows of the other tables

    def query(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self.connection.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: object) -> int:
        """Run one statement and return how many rows it changed."""
        return self.connection.execute(sql, values).rowcount


def _resource(row: sqlite3.Row) -> Resource:
    return Resource(
        row["id"],
        row["type"],
        json.loads(row["body"]),
        json.loads(row["private"]),
        row["state"],
        row["generation"],
        row["created"],
        row["changed"],
    )


def _below(scope: str) -> str:
    escaped = scope.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}/%"
