"""Finds the Python that an environment asks for: this one, another of this machine, or one of uv's.

https://docs.astral.sh/uv/concepts/python-versions/#managed-and-system-python-installations
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from emulator.processes.guarded import GuardedProcess

Allows = Callable[[int], bool]

# The Pythons 3.x that are looked for. For 3.7 there are servers, too; uv brings those from 3.8 on.
MINORS = range(7, 16)
FROM_UV = range(8, 15)
LOOK_LIMIT = 30.0  # seconds that a Python has to say whether it is one


async def find_python(allows: Allows, folder: Path) -> str | None:
    """This Python where its minor version will do, else the newest of this machine that does.

    `folder` is where those that uv has brought are.
    """
    if allows(sys.version_info.minor):
        return sys.executable
    for minor in reversed(MINORS):
        if allows(minor):
            for candidate in _candidates(minor, folder):
                if await _is_python(candidate, minor):
                    return candidate
    return None


def minor_for_uv(allows: Allows) -> int | None:
    """The newest that uv may be asked for; None where it has none that will do."""
    return next((minor for minor in reversed(FROM_UV) if allows(minor)), None)


def uv_install(minor: int, folder: Path) -> tuple[str, ...] | None:
    """The command with which uv brings a Python into the folder; None where there is no uv."""
    found = shutil.which("uv")
    uv = (found,) if found else (sys.executable, "-m", "uv")
    if not found and importlib.util.find_spec("uv") is None:
        return None
    return (*uv, "python", "install", "--no-bin", "--install-dir", str(folder), f"3.{minor}")


def _candidates(minor: int, folder: Path) -> Iterator[str]:
    """Programs that may be this Python: on the PATH, then where installers put them."""
    name = f"python3.{minor}"
    if on_path := shutil.which(name):
        yield on_path
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    places = (
        (folder, f"cpython-3.{minor}.*/bin/{name}"),
        (folder, f"cpython-3.{minor}.*/python.exe"),
        (pyenv / "versions", f"3.{minor}.*/bin/{name}"),
        (home / ".local/share/uv/python", f"cpython-3.{minor}.*/bin/{name}"),
        (Path("/opt/homebrew/opt"), f"python@3.{minor}/bin/{name}"),
        (Path("/usr/local/opt"), f"python@3.{minor}/bin/{name}"),
        (Path("/Library/Frameworks/Python.framework/Versions"), f"3.{minor}/bin/{name}"),
        (
            Path(os.environ.get("LOCALAPPDATA", home)) / "Programs/Python",
            f"Python3{minor}/python.exe",
        ),
        (Path(os.environ.get("APPDATA", home)) / "uv/python", f"cpython-3.{minor}.*/python.exe"),
    )
    for place, pattern in places:
        if place.is_dir():
            yield from sorted(map(str, place.glob(pattern)), reverse=True)


async def _is_python(program: str, minor: int) -> bool:
    """Whether it is that Python, and one of which a virtual environment can be made.

    A name on the PATH may be a version manager's, with nothing behind it.
    """
    code = f"import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, {minor}))"
    try:
        process = await GuardedProcess.start(
            (program, "-c", code),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    try:
        async with asyncio.timeout(LOOK_LIMIT):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        await process.end(0)
