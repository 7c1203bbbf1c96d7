"""`course lock`: works out requirements.lock from pyproject.toml, for every platform at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HEADER = """\
# Every package of the course, pinned for Linux, macOS and Windows on Python 3.11.
# Made from pyproject.toml by `make lock` (or `course lock`). What is pinned here already stays
# unless pyproject.toml rules it out; delete the file's lines first to take the newest of all.
# No hashes: torch comes as one of several builds of the same version, each with its own, and pip
# takes either hashes for all packages or for none. The CUDA packages that torch's plain Linux
# build wants are left out on purpose; see [tool.uv.pip] in pyproject.toml.
"""
# The lock serves no other Python, so that saying so on every line is noise.
_PYTHON_MARKER = re.compile(r" ; python_full_version < '3\.12'( and )?")


class LockError(Exception):
    """The lock file cannot be made; the message is uv's."""


def lock(root: Path) -> None:
    """Write requirements.lock. The ways to resolve are in pyproject.toml's [tool.uv] tables.

    Raises LockError.
    """
    file = root / "requirements.lock"
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header"]
    done = subprocess.run(
        [*command, "--output-file", file.name, "pyproject.toml"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LockError(done.stderr.strip())
    file.write_text(HEADER + tidy(file.read_text()))


def tidy(compiled: str) -> str:
    """Return uv's output without the markers that are true for every Python of this course."""
    short = _PYTHON_MARKER.sub(lambda match: " ; " if match[1] else "", compiled)
    return short.replace("deploying-models-on-azure (pyproject.toml)", "pyproject.toml")
