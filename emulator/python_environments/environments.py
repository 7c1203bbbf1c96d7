"""Which Python runs a deployment.

This one, where it has what the environment's conda file asks for: then a view of it, in which
nothing is that the list does not bring. Else a virtual environment built from that file by pip,
once, and kept. Azure builds an image at this point, so a list that cannot be installed is its
ImageBuildFailure, with pip's log.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.processes.guarded import GuardedProcess
from emulator.processes.leftovers import MARK, kill_marked
from emulator.processes.tasks import to_the_end
from emulator.python_environments.images import find_image
from emulator.python_environments.indexes import out_of_reach
from emulator.python_environments.pythons import find_python, minor_for_uv, uv_install

if TYPE_CHECKING:
    from importlib.metadata import Distribution

    from packaging.requirements import Requirement

    from emulator.python_environments.conda import CondaFile

Log = Callable[[str], None]

COMPLETE = "complete.json"
PYTHONS = "pythons"  # those that uv has brought
# What conda puts into every environment with Python.
ALWAYS_THERE = ("pip", "setuptools", "wheel")
PIP = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_USER": "0",
    "PYTHONUNBUFFERED": "1",
}
# What would lead the built Python to packages that are not its own.
NOT_FOR_PIP = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")


@dataclass(frozen=True)
class PythonEnvironment:
    """An interpreter, and the frameworks in it that a fork server may load ahead."""

    python: Path
    preload: tuple[str, ...] = ()


class BuildError(Exception):
    """The environment cannot be had. `log` is the whole build log, its last line the reason."""

    def __init__(self, log: str) -> None:
        super().__init__(log.rstrip().rpartition("\n")[2])
        self.log = log


class PythonEnvironments:
    """Finds or builds the interpreter of each environment. `folder` holds those built."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.builds: dict[str, _Build] = {}
        self.views: dict[tuple[str, ...], Path] = {}
        self.making_view = asyncio.Lock()
        self.bringing_python = asyncio.Lock()
        for leftover in folder.iterdir():  # of a build that a crash has cut short
            if (
                leftover.name != PYTHONS
                and leftover.is_dir()
                and not (leftover / COMPLETE).exists()
            ):
                kill_marked(leftover)
                shutil.rmtree(leftover, ignore_errors=True)

    async def resolve(self, conda: str | None, image: str, log: Log) -> PythonEnvironment:
        """The interpreter for a conda file (YAML; None if there is none) on top of an image.

        Of the image, the packages count where there is no conda file, and the inference server:
        images for inference have it, with others it must be listed.
        `log` is called with each line of the build log, from the event loop. Raises BuildError.
        """
        lines: list[str] = []

        def note(line: str) -> None:
            lines.append(line)
            log(line)

        note(f"Image: {image}")
        # Imported when it is first needed: local Azure is to answer as soon as it is started.
        from emulator.python_environments.conda import (
            CondaFileError,
            read_conda_file,
            read_dependencies,
        )

        base = find_image(image)
        try:
            if conda is not None:
                file = read_conda_file(conda)
            elif base.dependencies is not None:
                file = read_dependencies(base.dependencies)
            else:
                raise CondaFileError(f"Local Azure does not know what is in the image {image}.")
        except CondaFileError as error:
            note(str(error))
            raise BuildError("\n".join(lines)) from error
        if conda is None:
            note(
                f"No conda file: the image's own packages, {', '.join(file.pip_lines()) or 'none'}."
            )
        if base.has_server:
            file = file.with_server()
        for entry, command in file.programs:
            where = shutil.which(command)
            if where is None:
                note(
                    f"The conda file asks for '{entry}', which is no Python package, and this"
                    f" machine has no program '{command}'. Local Azure has no conda: install it"
                    " so that it is on the PATH when local Azure starts, or leave it out."
                )
                raise BuildError("\n".join(lines))
            note(f"{entry} is no Python package: this machine's own is used, {where}.")
        for name in file.left_out:
            note(f"Left out: {name} is no Python package, and wheels bring what they need of it.")
        for entry, taken in file.stands_for:
            note(f"Of {entry}, {taken} alone is taken.")
        missing = file.missing_here()
        if not missing and (view := await self._view(file.requirements)):
            note(
                f"This Python, {version_of(sys.version_info)}, has every package of the list; what"
                " the list does not bring is hidden."
            )
            return PythonEnvironment(view, file.frameworks)
        missing = missing or ["does not say which files its packages have"]
        note("This Python will not do, it " + "; it ".join(missing) + ".")
        python = await self._find_python(file, note)
        if python is None:
            note(
                f"No Python {file.python} is on this machine. Install it and put it on the PATH"
                f" (with uv: uv python install '{file.python}'), or ask for"
                f" python={version_of(sys.version_info[:2])} in the conda file."
            )
            raise BuildError("\n".join(lines))
        try:
            built = await self._built(python, file.pip_lines(), note, file.constraints)
        except BuildError as error:
            raise BuildError("\n".join(lines)) from error
        return PythonEnvironment(built, file.frameworks)

    async def with_packages(
        self, requirements: Sequence[Requirement], pip_options: Sequence[str], log: Log
    ) -> Path:
        """An interpreter of this Python's version that has the packages, with what they require,
        and no others. Raises BuildError."""
        from emulator.python_environments.conda import missing_of

        missing = dict.fromkeys(each for one in requirements for each in missing_of(one))
        if not missing:
            if view := await self._view(requirements):
                return view
            missing = dict.fromkeys(["does not say which files its packages have"])
        log("This Python will not do, it " + "; it ".join(missing) + ". Building one.")
        return await self._built(sys.executable, [*pip_options, *map(str, requirements)], log)

    async def _view(self, requirements: Sequence[Requirement]) -> Path | None:
        """The interpreter of a view of this Python; None where a package cannot be shown alone."""
        from packaging.requirements import Requirement

        from emulator.python_environments import view
        from emulator.python_environments.closure import closure

        def find() -> tuple[Path, list[Distribution]]:
            found = closure([*requirements, *map(Requirement, ALWAYS_THERE)])
            digest = digest_of([sys.prefix, *here, *sorted(found)])
            return self.folder / f"view-{digest}", list(found.values())

        here = await asyncio.to_thread(view.installed_here)
        lines = sorted(map(str, requirements))
        key = (digest_of(here), *lines)
        if key in self.views:
            return self.views[key]
        async with self.making_view:
            folder, shown = await asyncio.to_thread(find)
            if not all(map(view.can_be_shown, shown)):
                return None
            if not (folder / COMPLETE).exists():
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                await to_the_end(
                    asyncio.to_thread(view.make_view, folder, interpreter_of(folder), shown)
                )
                (folder / COMPLETE).write_text(json.dumps({"list": lines}))
            self.views[key] = interpreter_of(folder)
        return self.views[key]

    async def close(self) -> None:
        """End the builds that are under way; they are begun anew when they are next needed."""
        for build in list(self.builds.values()):
            build.task.cancel()
            with suppress(asyncio.CancelledError, BuildError):
                await build.task

    async def _find_python(self, file: CondaFile, note: Log) -> str | None:
        """One of this machine's, else one that uv brings, each line of what it says noted."""
        folder = self.folder / PYTHONS
        found = await find_python(file.allows, folder)
        minor = minor_for_uv(file.allows)
        if found or minor is None or not (command := uv_install(minor, folder)):
            return found
        note(f"No Python {file.python} is on this machine. Asking uv for one:")
        note("$ " + " ".join(command))
        async with self.bringing_python:
            await _run_logged(command, note, folder)
        return await find_python(file.allows, folder)

    async def _built(
        self, python: str, lines: list[str], log: Log, constraints: Sequence[str] = ()
    ) -> Path:
        digest = digest_of([python, *lines, *constraints])
        folder = self.folder / digest
        interpreter = interpreter_of(folder)
        if (folder / COMPLETE).exists():
            log(f"It was built before: {folder.name}.")
            return interpreter
        while (build := self.builds.get(digest)) and build.task.cancelling():
            await asyncio.wait({build.task})
        if build is None:
            build = self.builds[digest] = _Build(python, folder, interpreter, lines, constraints)
            build.task.add_done_callback(lambda _: self.builds.pop(digest, None))
        build.tell(log)
        try:
            await asyncio.shield(build.task)
        finally:
            build.listeners.remove(log)
            if not build.listeners:  # nobody waits for it any longer
                build.task.cancel()
        return interpreter


class _Build:
    """One build under way, for all that wait for it."""

    def __init__(
        self,
        python: str,
        folder: Path,
        interpreter: Path,
        requirements: list[str],
        constraints: Sequence[str],
    ) -> None:
        self.lines: list[str] = []
        self.listeners: list[Log] = []
        self.task = asyncio.create_task(
            self._run(python, folder, interpreter, requirements, constraints)
        )

    def tell(self, log: Log) -> None:
        for line in self.lines:
            log(line)
        self.listeners.append(log)

    def note(self, line: str) -> None:
        self.lines.append(line)
        for listener in self.listeners:
            listener(line)

    async def _run(
        self,
        python: str,
        folder: Path,
        interpreter: Path,
        requirements: list[str],
        constraints: Sequence[str],
    ) -> None:
        # Built where it stays, because scripts in it name their interpreter by its whole path;
        # the last file makes it complete.
        listed, held = folder / "requirements.txt", folder / "constraints.txt"
        pip: tuple[str, ...] = (str(interpreter), "-m", "pip", "install")
        pip = (*pip, "--requirement", str(listed))
        try:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            dead = await out_of_reach(requirements)
            for url in dead.values():
                self.note(f"Left out: the index {url} cannot be reached from this machine.")
            listed.write_text("".join(f"{line}\n" for line in requirements if line not in dead))
            if constraints:
                self.note(f"As conda has them, the list's packages need {', '.join(constraints)}.")
                held.write_text("\n".join(constraints) + "\n")
                pip = (*pip, "--constraint", str(held))
            for command in (
                (python, "-m", "venv", str(folder)),
                pip,
            ):
                self.note("$ " + " ".join(command))
                code = await _run_logged(command, self.note, folder)
                if code:
                    errors = [line for line in self.lines if line.startswith("ERROR: ")]
                    reason = errors[-1].removeprefix("ERROR: ") if errors else f"exit code {code}"
                    self.note(f"The environment could not be built: {reason}.")
                    raise BuildError("\n".join(self.lines))
            (folder / "new.json").write_text(json.dumps({"python": python, "list": requirements}))
            (folder / "new.json").replace(folder / COMPLETE)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise


async def _run_logged(command: Iterable[str], note: Log, mark: Path) -> int:
    """Run a program that does not outlive this one, each line of its output noted."""
    variables = {name: value for name, value in os.environ.items() if name not in NOT_FOR_PIP}
    process = await GuardedProcess.start(
        tuple(command),
        env=variables | PIP | {MARK: str(mark)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=2**20,
    )
    try:
        assert process.process.stdout
        async for line in process.process.stdout:
            note(line.decode(errors="replace").rstrip())
        return await process.wait()
    finally:
        await process.end(0)


def interpreter_of(folder: Path) -> Path:
    """The Python of the virtual environment in the folder."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def digest_of(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def version_of(parts: Iterable[object]) -> str:
    return ".".join(str(part) for part in list(parts)[:3])
