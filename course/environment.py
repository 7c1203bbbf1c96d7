"""Makes the course's environment complete: .venv, or with `--here` the one that is active.

A stamp keyed by the lock file says that an environment is complete, so the next run takes
milliseconds; one without its stamp was interrupted and is made anew. This runs before anything is
installed, so it needs the standard library alone; course/bootstrap.py starts it with Python 3.11.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".course-ready"
DISK_NEEDED = 4 * 10**9  # bytes, of the finished environment without CUDA

NO_VENV = """\
{python} comes without the venv module. On Debian and Ubuntu it is a package of its own:
  sudo apt install python3.11-venv
Then run the same command again."""

NO_ENVIRONMENT = """\
--here installs into the environment that is active, and none is.
Activate a conda environment with Python 3.11 first, or leave --here away to get .venv."""

# What pip and uv print when they fail, and what that means to the reader. The first match counts.
CAUSES = (
    (
        r"No space left on device",
        "The disk is full. The course needs about 4 GB here, and pip another 1 GB in its cache "
        "and in the folder for temporary files (TMPDIR).",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|invalid peer certificate",
        "The package registry's certificate is not trusted here. Behind a company proxy, point "
        "PIP_CERT and SSL_CERT_FILE at the company's CA file.",
    ),
    (
        r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|Read timed out"
        r"|ProxyError|Network is unreachable|Connection refused|getaddrinfo failed",
        "The package registry cannot be reached. Check the network (behind a proxy, set "
        "HTTPS_PROXY).",
    ),
    (
        r"No matching distribution found for (?P<what>torch|tensorflow)\b",
        "There is no {what} for this computer. PyTorch and TensorFlow are built for Linux and "
        "Windows on x86-64, Linux on ARM and Macs with Apple silicon.",
    ),
    (r"externally-managed-environment", NO_ENVIRONMENT),
    (r"Permission denied", "A file may not be written here. See who owns this folder and .venv."),
)


class SetupError(Exception):
    """The set-up cannot go on; the message says why and what to do."""


class StepError(SetupError):
    """A command of the set-up failed; `output` is the end of what it printed."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="course.bootstrap", description="Set the course up.")
    parser.add_argument(
        "--here", action="store_true", help="install into the active environment, not into .venv"
    )
    here = parser.parse_args(arguments).here
    try:
        set_up(root, here=here)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


def set_up(root: Path, here: bool = False) -> None:
    """Make the environment complete, unless its stamp says that it is. Raises SetupError."""
    prefix = Path(sys.prefix) if here else root / ".venv"
    key = fingerprint(root)
    if is_ready(prefix, key):
        return
    if here and not (sys.prefix != sys.base_prefix or (prefix / "conda-meta").is_dir()):
        raise SetupError(NO_ENVIRONMENT)
    base = getattr(sys, "_base_executable", None) or sys.executable
    with only_one(root / ".setup.lock") as lock:
        if is_ready(prefix, key):
            return
        started = time.monotonic()
        was_complete = (prefix / STAMP).exists() and interpreter(prefix).exists()
        (prefix / STAMP).unlink(missing_ok=True)
        steps = Steps(root / "build" / "setup.log", total=3 if here else 4, lock=lock)
        if not here:
            make_venv(steps, base, prefix, clear=not was_complete)
        if not was_complete:
            check_disk(root)
        install(steps, root, str(interpreter(prefix)))
        (prefix / STAMP).write_text(key)
        print(f"Ready after {duration(time.monotonic() - started)}.", flush=True)


def fingerprint(root: Path) -> str:
    """Return a hash of everything that an environment depends on.

    Its folder is part of it: an environment's scripts name the folder, so it cannot be moved.
    """
    digest = hashlib.sha256(str(root).encode())
    for file in (root / "requirements.lock", root / "pyproject.toml", Path(__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_ready(prefix: Path, key: str) -> bool:
    try:
        return (prefix / STAMP).read_text() == key and interpreter(prefix).exists()
    except OSError:
        return False


def interpreter(prefix: Path) -> Path:
    if os.name != "nt":
        return prefix / "bin" / "python"
    in_venv = prefix / "Scripts" / "python.exe"
    return in_venv if in_venv.exists() else prefix / "python.exe"


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[int]:
    """Hold the set-up's lock; the operating system frees the lock of a process that is killed.

    Yields the file descriptor that holds it.
    """
    with lock.open("a") as handle:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another set-up is under way here: waiting for it.", flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()


def check_disk(root: Path) -> None:
    free = shutil.disk_usage(root).free
    if free < DISK_NEEDED:
        raise SetupError(
            f"The disk has {free / 1e9:.1f} GB free, and the course needs "
            f"{DISK_NEEDED / 1e9:.0f} GB. Make room, then run the same command again."
        )


def make_venv(steps: Steps, base: str, prefix: Path, clear: bool) -> None:
    modules = subprocess.run([base, "-c", "import ensurepip, venv"], capture_output=True)
    if modules.returncode != 0:
        raise SetupError(NO_VENV.format(python=base))
    steps.run(
        "The virtual environment .venv",
        [base, "-m", "venv", *(["--clear"] if clear else []), str(prefix)],
    )


def install(steps: Steps, root: Path, python: str) -> None:
    pip = [python, "-m", "pip", "install", "--progress-bar=off"]
    lock = root / "requirements.lock"
    versions = locked_versions(lock)
    if platform.system() == "Linux" and "torch" in versions:
        install_cpu_torch(steps, pip, python, versions, lock)
    else:
        steps.skip()
    # The lock is complete, so pip need not work out again what depends on what.
    steps.run(
        f"{len(versions)} packages, 2 to 5 minutes the first time",
        [*pip, "--no-deps", "-r", str(lock)],
    )
    steps.run(
        "The course command and its two kernels",
        [*pip, "--no-deps", "--no-build-isolation", "-e", str(root)],
        [python, "-m", "course", "kernels"],
    )


def install_cpu_torch(
    steps: Steps, pip: list[str], python: str, versions: dict[str, str], lock: Path
) -> None:
    """On Linux the plain torch drags several GB of CUDA along, so look for the CPU build first:

    in the sources that pip is configured with, then where uv knows it to be. No registry is named.
    """
    torch = f"torch=={versions['torch']}"
    shown = subprocess.run([python, "-m", "pip", "show", "torch"], capture_output=True, text=True)
    if re.search(rf"^Version: {re.escape(versions['torch'])}(\+|$)", shown.stdout, re.MULTILINE):
        steps.skip()
        return
    uv_install = [python, "-m", "uv", "pip", "install", "--python", python]
    ways = [
        [[*pip, "--no-deps", f"{torch}+cpu"]],
        [
            [*pip, "--no-deps", f"uv=={versions['uv']}"],
            [*uv_install, "--no-deps", "--torch-backend=cpu", torch],
        ],
    ]
    title = "PyTorch, the build without CUDA (200 MB)"
    for number, commands in enumerate(ways):
        try:
            steps.run(title, *commands, again=number > 0)
            return
        except StepError as error:
            if "No space left" in error.output:
                raise
    steps.run(
        "PyTorch: its build without CUDA cannot be had here, so several GB of CUDA come along",
        [*pip, "--constraint", str(lock), torch],
        again=True,
    )


def locked_versions(lock: Path) -> dict[str, str]:
    """Return the version of each package in the lock file, by the package's name."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE))


class Steps:
    """Runs the commands of each step, shows the progress, and keeps their output in a log."""

    def __init__(self, log: Path, total: int, lock: int | None = None) -> None:
        self.log = log
        # The commands hold the lock too: one that outlives a killed set-up keeps the next waiting.
        self.inherited = (lock,) if lock is not None and os.name != "nt" else ()
        self.total = total
        self.number = 0
        log.parent.mkdir(exist_ok=True)
        log.write_text("")

    def skip(self) -> None:
        self.number += 1

    def run(self, title: str, *commands: list[str], again: bool = False) -> None:
        """Run the commands in turn; `again` says that the step before failed. Raises StepError."""
        self.number += 0 if again else 1
        line = StatusLine(f"[{self.number}/{self.total}] {title}")
        started = time.monotonic()
        for command in commands:
            output = self._run(command, line, started)
            if output is not None:
                line.end("failed")
                raise StepError(self._explain(output), output)
        line.end(duration(time.monotonic() - started))

    def _run(self, command: list[str], line: StatusLine, started: float) -> str | None:
        """Run a command; return None when it succeeds, else the end of its output."""
        tail: deque[str] = deque(maxlen=60)
        settings = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0"}
        process = subprocess.Popen(
            command,
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=self.inherited,
        )
        assert process.stdout is not None
        output = process.stdout

        def read() -> None:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"$ {' '.join(command)}\n")
                for text in output:
                    log.write(text)
                    tail.append(text)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            while reader.is_alive():
                reader.join(0.2)
                line.show(time.monotonic() - started, tail[-1].strip() if tail else "")
            code = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        return None if code == 0 else "".join(tail)

    def _explain(self, output: str) -> str:
        for pattern, meaning in CAUSES:
            if match := re.search(pattern, output):
                return f"{meaning.format(**match.groupdict())}\nThen run the same command again."
        last = "\n".join(f"  {text}" for text in output.strip().splitlines()[-8:])
        return f"This step failed; its last words were:\n{last}\nAll of them: {self.log}"


class StatusLine:
    """A line that is redrawn on a terminal; elsewhere it is printed at its start and its end."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.live = sys.stdout.isatty()
        print(title if self.live else f"{title} ...", end="" if self.live else "\n", flush=True)

    def show(self, seconds: float, detail: str) -> None:
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            text = f"{self.title}  {duration(seconds)}  {detail}"
            print(f"\r{text[:width]:<{width}}", end="", flush=True)

    def end(self, result: str) -> None:
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r{f'{self.title}  {result}':<{width}}", flush=True)
        else:
            print(f"    {result}", flush=True)


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
