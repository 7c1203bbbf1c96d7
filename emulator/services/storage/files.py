"""The content of blobs on disk.

Each blob, and each block that waits to become part of one, is a file with a random name: no name
that a client chose ever reaches the file system. A file is written once and then never changed, so
it can be shared by hard links. It is complete before the index names it; files that the index does
not name are what a crash left behind, and `sweep` removes them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1024 * 1024  # bytes that are read or written at a time
# Up to so many bytes are read or written at once; for more, a thread waits for the disk.
SMALL = 64 * 1024
# Read-only even for its owner: a program that opens a hard link of it cannot change the blob.
# Windows would refuse to delete such a file.
MODE = 0o600 if os.name == "nt" else 0o444


@dataclass(frozen=True)
class Content:
    """A file that is complete. `md5` is the digest of its bytes, None when it was not computed."""

    file: str
    length: int
    md5: bytes | None = None


@dataclass(frozen=True)
class Part:
    """Some bytes of a file."""

    file: str
    start: int
    length: int


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, file: str) -> Path:
        return self.folder / file

    @asynccontextmanager
    async def receive(self, stream: AsyncIterator[bytes]) -> AsyncIterator[Content]:
        """Write what arrives to a new file. The file goes again if the block raises."""
        file = secrets.token_hex(16)
        md5 = hashlib.md5(usedforsecurity=False)
        length = 0
        try:
            with self._create(file) as target:
                buffer = bytearray()
                async for chunk in stream:
                    buffer += chunk
                    if len(buffer) >= CHUNK:
                        length += len(buffer)
                        await asyncio.to_thread(_write, target, md5, buffer)
                        buffer = bytearray()
                if length + len(buffer) > SMALL:
                    await asyncio.to_thread(_write, target, md5, buffer)
                else:
                    _write(target, md5, buffer)
                length += len(buffer)
            yield Content(file, length, md5.digest())
        except BaseException:
            self._unlink(file)
            raise

    @asynccontextmanager
    async def join(self, parts: Iterable[Part]) -> AsyncIterator[Content]:
        """One new file out of parts of others. Raises FileNotFoundError when one has gone."""
        parts = list(parts)
        file = secrets.token_hex(16)
        try:
            await asyncio.to_thread(self._join, file, parts)
            yield Content(file, sum(part.length for part in parts))
        except BaseException:
            self._unlink(file)
            raise

    @asynccontextmanager
    async def copy(self, source: str, length: int) -> AsyncIterator[Content]:
        """Another file with the same bytes; a hard link where the file system has them."""
        file = secrets.token_hex(16)
        try:
            await asyncio.to_thread(link_or_copy, self.path(source), self.path(file))
            yield Content(file, length)
        except BaseException:
            self._unlink(file)
            raise

    def open(self, file: str) -> BinaryIO:
        """The file for reading: its bytes stay readable if the blob is replaced meanwhile."""
        return self.path(file).open("rb")

    async def remove(self, files: Iterable[str]) -> None:
        if files := list(files):
            await asyncio.to_thread(self._unlink, *files)

    def sweep(self, lengths: Mapping[str, int]) -> set[str]:
        """Remove every file that is not in `lengths`; return those of them that are not whole."""
        lost = set(lengths)
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name not in lengths:
                    self._unlink(entry.name)
                elif entry.stat().st_size == lengths[entry.name]:
                    lost.discard(entry.name)
        return lost

    def _create(self, file: str) -> BinaryIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(self.path(file), flags, MODE), "wb")

    def _join(self, file: str, parts: list[Part]) -> None:
        with self._create(file) as target:
            for part in parts:
                with self.open(part.file) as source:
                    source.seek(part.start)
                    left = part.length
                    while left and (chunk := source.read(min(left, CHUNK))):
                        target.write(chunk)
                        left -= len(chunk)

    def _unlink(self, *files: str) -> None:
        for file in files:
            # Windows refuses while somebody reads it; the next start removes it then.
            with suppress(OSError):
                self.path(file).unlink()


async def read(source: BinaryIO, start: int, length: int) -> AsyncGenerator[bytes, None]:
    """`length` bytes from `start` on, in pieces; closes the file at the end."""
    with source:
        source.seek(start)
        while length:
            size = min(length, CHUNK)
            if size > SMALL:
                chunk = await asyncio.to_thread(source.read, size)
            else:
                chunk = source.read(size)
            if not chunk:
                raise OSError("A blob's file is shorter than its index says.")
            length -= len(chunk)
            yield chunk


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` the same content as `source`: a hard link, else a copy."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)


def _write(target: BinaryIO, md5: hashlib._Hash, chunk: bytearray) -> None:
    md5.update(chunk)
    target.write(chunk)
    target.flush()
