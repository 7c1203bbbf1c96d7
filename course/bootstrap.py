"""Set the course up: `python3.11 -m course.bootstrap` makes .venv, once.

With `--here` it installs into the environment it runs in instead (conda, Binder). Any Python 3 can
read this file: it looks for the right one, which then does the rest (course/environment.py), or it
says how to get it.
"""

# No `from __future__ import annotations`, no f-strings: Python 3.6 and older have to get to the
# sentence below, not to a syntax error.
import os
import platform
import shutil
import subprocess
import sys

PYTHON = (3, 11)
HERE = "--here"
FOLDER = os.path.dirname(os.path.abspath(__file__))
REPORT = "import sys; print(sys.executable if sys.version_info[:2] == (3, 11) else '')"


def main() -> int:
    """Set up with the right Python; return the exit code."""
    if sys.version_info[:2] == PYTHON:
        from course import environment

        return environment.main()
    # An environment to install into has its own Python: another one cannot stand in for it.
    python = None if HERE in sys.argv[1:] else find_python()
    if python is None:
        print(how_to_get_it(), file=sys.stderr)
        return 1
    root = os.path.dirname(FOLDER)
    return subprocess.call([python, "-m", "course.bootstrap", *sys.argv[1:]], cwd=root)


def find_python() -> "str | None":
    """Return the path of a Python 3.11 on PATH, or that Windows' launcher knows."""
    # All of PATH, as the first python3.11 may be there in name alone (a shim of pyenv's).
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    candidates = [[os.path.join(folder, "python3.11")] for folder in folders]
    for command in [*candidates, ["py", "-3.11"]]:
        if shutil.which(command[0]) is None:
            continue
        try:
            answer = subprocess.check_output([*command, "-c", REPORT], stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            continue
        found = answer.decode(errors="replace").strip()
        if found:
            return found
    return None


def how_to_get_it() -> str:
    """Return what to tell somebody without a Python 3.11; the Makefile shows the same file."""
    with open(os.path.join(FOLDER, "python-missing.txt"), encoding="utf-8") as text:
        first = "The course needs Python 3.11, and this is Python " + platform.python_version()
        return first + ".\n" + text.read().rstrip()


if __name__ == "__main__":
    sys.exit(main())
