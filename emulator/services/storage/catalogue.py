"""The index of containers, blobs and blocks: which exist, and which file holds their content."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from emulator.store import Store

# Blocks that nobody committed are forgotten after this long (seconds), as in Azure.
BLOCK_LIFETIME = 7 * 24 * 3600
_BATCH = 1000  # rows


@dataclass(frozen=True)
class BlobContainer:
    """Times are seconds since 1970, as blobs have them too."""

    account: str
    name: str
    etag: str
    created: int
    modified: int
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Blob:
    """A block blob. `headers` are HTTP headers that its readers get (Content-Type, x-ms-copy-id);
    `blocks` the id and the length of each block that it was committed from, in order."""

    account: str
    container: str
    name: str
    file: str
    length: int
    etag: str
    created: int
    modified: int
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    blocks: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """A block that is staged and not committed."""

    id: str
    file: str
    length: int


class Catalogue:
    """Each method is one transaction. Those that let go of content return its files."""

    def __init__(self, store: Store) -> None:
        self.store = store

    # Containers

    def container(self, account: str, name: str) -> BlobContainer | None:
        rows = self.store.query(
            "SELECT * FROM containers WHERE account = ? AND name = ?", account, name
        )
        return _container(rows[0]) if rows else None

    def containers(self, account: str, prefix: str, start: str, limit: int) -> list[BlobContainer]:
        """At most `limit` of them, by name from `start` on."""
        rows = self.store.query(
            "SELECT * FROM containers WHERE account = ? AND name >= ?"
            " AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?",
            account,
            max(start, prefix),
            len(prefix),
            prefix,
            limit,
        )
        return [_container(row) for row in rows]

    def put_container(self, account: str, name: str, metadata: dict[str, str]) -> BlobContainer:
        """Create the container, or replace its metadata."""
        moment = int(time.time())
        self.store.execute(
            "INSERT INTO containers (account, name, etag, created, modified, metadata)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET etag = excluded.etag,"
            " modified = excluded.modified, metadata = excluded.metadata",
            account,
            name,
            new_etag(),
            moment,
            moment,
            json.dumps(metadata),
        )
        found = self.container(account, name)
        assert found
        return found

    def delete_container(self, account: str, name: str) -> list[str]:
        """Delete the container with all that it holds."""
        with self.store.transaction():
            self.store.execute(
                "DELETE FROM containers WHERE account = ? AND name = ?", account, name
            )
            return [
                *self._delete("blobs", "account = ? AND container = ?", account, name),
                *self._delete("blocks", "account = ? AND container = ?", account, name),
            ]

    def delete_account(self, account: str) -> list[str]:
        """Delete every container of the account with all that they hold."""
        with self.store.transaction():
            self.store.execute("DELETE FROM containers WHERE account = ?", account)
            return [
                *self._delete("blobs", "account = ?", account),
                *self._delete("blocks", "account = ?", account),
            ]

    # Blobs

    def blob(self, account: str, container: str, name: str) -> Blob | None:
        rows = self.store.query(
            "SELECT * FROM blobs WHERE account = ? AND container = ? AND name = ?",
            account,
            container,
            name,
        )
        return _blob(rows[0]) if rows else None

    def blobs(self, account: str, container: str, prefix: str, start: str = "") -> Iterator[Blob]:
        """Those whose name begins with the prefix, by name from `start` on.

        The order is that of the code points. Rows are read in batches, each when it is needed.
        """
        name, comparison = max(start, prefix), ">="
        while True:
            rows = self.store.query(
                "SELECT * FROM blobs WHERE account = ? AND container = ?"
                f" AND name {comparison} ? ORDER BY name LIMIT ?",
                account,
                container,
                name,
                _BATCH,
            )
            for row in rows:
                if not row["name"].startswith(prefix):
                    return
                yield _blob(row)
            if len(rows) < _BATCH:
                return
            name, comparison = rows[-1]["name"], ">"

    def put_blob(self, blob: Blob) -> list[str]:
        """Create or replace the blob; blocks that were staged for it are dropped."""
        place = (blob.account, blob.container, blob.name)
        with self.store.transaction():
            files = self._delete("blocks", "account = ? AND container = ? AND blob = ?", *place)
            before = self.blob(*place)
            self.store.execute(
                "INSERT OR REPLACE INTO blobs (account, container, name, file, length, etag,"
                " created, modified, headers, metadata, blocks)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *place,
                blob.file,
                blob.length,
                blob.etag,
                before.created if before else blob.created,
                blob.modified,
                json.dumps(blob.headers),
                json.dumps(blob.metadata),
                json.dumps(blob.blocks),
            )
        return files + ([before.file] if before and before.file != blob.file else [])

    def update_blob(self, blob: Blob) -> None:
        """Save the headers and metadata; the content and staged blocks stay."""
        self.store.execute(
            "UPDATE blobs SET etag = ?, modified = ?, headers = ?, metadata = ?"
            " WHERE account = ? AND container = ? AND name = ?",
            blob.etag,
            blob.modified,
            json.dumps(blob.headers),
            json.dumps(blob.metadata),
            blob.account,
            blob.container,
            blob.name,
        )

    def delete_blob(self, account: str, container: str, name: str) -> list[str]:
        with self.store.transaction():
            return [
                *self._delete(
                    "blobs", "account = ? AND container = ? AND name = ?", account, container, name
                ),
                *self._delete(
                    "blocks", "account = ? AND container = ? AND blob = ?", account, container, name
                ),
            ]

    # Blocks

    def blocks(self, account: str, container: str, blob: str) -> list[Block]:
        """The blocks that are staged for a blob, in the order of their ids."""
        rows = self.store.query(
            "SELECT * FROM blocks WHERE account = ? AND container = ? AND blob = ? ORDER BY id",
            account,
            container,
            blob,
        )
        return [Block(row["id"], row["file"], row["length"]) for row in rows]

    def some_block_id(self, account: str, container: str, blob: str) -> str | None:
        rows = self.store.query(
            "SELECT id FROM blocks WHERE account = ? AND container = ? AND blob = ? LIMIT 1",
            account,
            container,
            blob,
        )
        return rows[0]["id"] if rows else None

    def put_block(self, account: str, container: str, blob: str, block: Block) -> list[str]:
        place = (account, container, blob, block.id)
        with self.store.transaction():
            files = self._delete(
                "blocks", "account = ? AND container = ? AND blob = ? AND id = ?", *place
            )
            self.store.execute(
                "INSERT INTO blocks (account, container, blob, id, file, length, staged)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                *place,
                block.file,
                block.length,
                int(time.time()),
            )
        return files

    # At start

    def forget_old_blocks(self) -> None:
        """Drop the blocks of blobs to which none has been added for a week."""
        self.store.execute(
            "DELETE FROM blocks WHERE (account, container, blob) IN (SELECT account, container,"
            " blob FROM blocks GROUP BY account, container, blob HAVING max(staged) < ?)",
            int(time.time()) - BLOCK_LIFETIME,
        )

    def lengths(self) -> dict[str, int]:
        """Every file that holds content, and how long it must be."""
        rows = self.store.query(
            "SELECT file, length FROM blobs UNION ALL SELECT file, length FROM blocks"
        )
        return {row["file"]: row["length"] for row in rows}

    def forget(self, files: set[str]) -> list[str]:
        """Drop what these files held; return the names of the blobs."""
        names = []
        for file in files:
            rows = self.store.query("SELECT container, name FROM blobs WHERE file = ?", file)
            names += [f"{row['container']}/{row['name']}" for row in rows]
            self.store.execute("DELETE FROM blobs WHERE file = ?", file)
            self.store.execute("DELETE FROM blocks WHERE file = ?", file)
        return names

    def _delete(self, table: str, where: str, *values: str) -> list[str]:
        rows = self.store.query(f"SELECT file FROM {table} WHERE {where}", *values)
        self.store.execute(f"DELETE FROM {table} WHERE {where}", *values)
        return [row["file"] for row in rows]


def new_etag() -> str:
    """An entity tag that no version of any blob had before, with its quotes."""
    return f'"0x8{secrets.token_hex(7).upper()}"'


def _container(row: Any) -> BlobContainer:
    return BlobContainer(
        row["account"],
        row["name"],
        row["etag"],
        row["created"],
        row["modified"],
        json.loads(row["metadata"]),
    )


def _blob(row: Any) -> Blob:
    return Blob(
        row["account"],
        row["container"],
        row["name"],
        row["file"],
        row["length"],
        row["etag"],
        row["created"],
        row["modified"],
        json.loads(row["headers"]),
        json.loads(row["metadata"]),
        [(block_id, length) for block_id, length in json.loads(row["blocks"])],
    )
