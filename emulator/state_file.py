"""Files of the state folder: how they are written and read, and what is said of one that cannot be.

What goes wrong with them is the reader's to mend, so it is said in a line: which file, why, and
what helps.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

RESET = "`python -m emulator reset`"
_ELSEWHERE = "set AZURE_LOCAL_HOME to a folder that can be written."
_ROOM = f"Make room, or {_ELSEWHERE}"
_ALLOW = f"Change that, or {_ELSEWHERE}"
_REMOVE = f"Remove it, or {_ELSEWHERE}"
_MOVE = _ELSEWHERE.replace("set", "Set", 1)
_CAUSES = {
    errno.ENOSPC: ("the disk is full", _ROOM),
    errno.EDQUOT: ("the disk quota is used up", _ROOM),
    errno.EFBIG: ("a limit on the size of files is reached", f"Raise it, or {_ELSEWHERE}"),
    errno.EROFS: ("the file system is read-only", _MOVE),
    errno.EACCES: ("permission is denied", _ALLOW),
    errno.EPERM: ("permission is denied", _ALLOW),
    errno.ENOTDIR: ("a file is where a folder should be", _REMOVE),
    errno.EEXIST: ("a file is where a folder should be", _REMOVE),
    errno.EISDIR: ("a folder is where a file should be", _REMOVE),
    errno.ENOENT: ("it is not there", f"Start local Azure anew, or {_ELSEWHERE}"),
    errno.ENOSYS: ("the file system has no locks", _MOVE),
}
_DATABASE_CAUSES = {
    sqlite3.SQLITE_FULL: ("the disk is full", _ROOM),
    sqlite3.SQLITE_IOERR: ("the disk is full or damaged", _ROOM),
    sqlite3.SQLITE_READONLY: ("it is read-only", _ALLOW),
    sqlite3.SQLITE_PERM: ("permission is denied", _ALLOW),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", _ALLOW),
    sqlite3.SQLITE_BUSY: ("another program has locked it", "End that program and try again."),
}


class StateError(Exception):
    """A file of the state folder cannot be used. The message names it, the cause and the remedy."""


def explain(error: OSError, where: Path) -> StateError:
    """What to say of a file operation that failed; `where` is for errors that name no file."""
    cause, remedy = _CAUSES.get(
        error.errno or 0, (error.strerror or str(error), f"Mend that, or {_ELSEWHERE}")
    )
    return StateError(f"{error.filename or where} cannot be used: {cause}. {remedy}")


def explain_database(error: sqlite3.Error, path: Path) -> StateError:
    """What to say of a database that cannot be used.

    https://www.sqlite.org/rescode.html
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _DATABASE_CAUSES:
        cause, remedy = _DATABASE_CAUSES[code]
        return StateError(f"{path} cannot be used: {cause}. {remedy}")
    return StateError(f"{path} is damaged ({error}). Begin anew with {RESET}.")


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object that a file holds. Raises StateError when it holds something else, OSError
    when it cannot be read."""
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        raise damaged(path) from None
    if not isinstance(found, dict):
        raise damaged(path)
    return found


def damaged(path: Path) -> StateError:
    return StateError(f"{path} is damaged: it is not what was written. Begin anew with {RESET}.")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read, complete or not at all. Raises OSError."""
    temporary = ""
    try:
        # A name of its own: several threads and processes may write the same file.
        descriptor, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
