"""`course az`: Microsoft's pages with the real az CLI, which is installed aside for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from course.lessons import ROOT

# What the pages in tests/cli/pages were followed with.
VERSION = "2.91.0"
FOLDER = ROOT / "build" / "az"


def program() -> Path:
    """The CLI of that version, installed in an environment of its own if it is not there.

    Raises subprocess.CalledProcessError when it cannot be installed; pip has said why.
    """
    binaries = FOLDER / ("Scripts" if os.name == "nt" else "bin")
    az = binaries / ("az.bat" if os.name == "nt" else "az")
    stamp = FOLDER / "version"
    if not (az.exists() and stamp.exists() and stamp.read_text() == VERSION):
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
        pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", f"azure-cli=={VERSION}"]
        subprocess.run(pip, check=True)
        stamp.write_text(VERSION)
    return az


def follow_pages(arguments: tuple[str, ...]) -> int:
    """Run tests/cli, with pytest's `arguments`; returns its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "tests/cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "COURSE_AZ": str(program())},
        check=False,
    ).returncode
