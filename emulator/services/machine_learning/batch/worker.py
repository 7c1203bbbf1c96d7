"""One worker of a node: a process of the deployment's Python that has the scoring script loaded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.processes.guarded import GuardedProcess

DRIVER = Path(__file__).with_name("driver.py")
LONGEST_ANSWER = 2**24  # bytes: a traceback is one


class InitError(Exception):
    """The script could not be loaded, or its init() raised. `traceback` is the script's."""

    def __init__(self, reason: str, traceback: str) -> None:
        super().__init__(reason)
        self.traceback = traceback


class RunError(Exception):
    """A mini-batch failed. `traceback` is the script's, "" where there is none.

    `is_alive`: whether the worker can be given another mini-batch; `timed_out`: whether it took
    longer than it may.
    """

    def __init__(
        self, reason: str, traceback: str = "", *, is_alive: bool = False, timed_out: bool = False
    ) -> None:
        super().__init__(reason)
        self.traceback = traceback
        self.is_alive = is_alive
        self.timed_out = timed_out


@dataclass(frozen=True)
class WorkerSpec:
    """`variables` is the process's whole environment, `appends` whether results are written."""

    python: Path
    code: Path
    script: Path
    level: str
    appends: bool
    variables: Mapping[str, str]


class Worker:
    """Begin with `start`; `end` it whatever happens."""

    def __init__(self, process: GuardedProcess) -> None:
        self.process = process
        self.pid = process.pid

    @classmethod
    async def start(cls, spec: WorkerSpec, stdout: Path, stderr: Path) -> Worker:
        """Start the process. It is not known yet whether the script loads: `ready` waits for that.

        Raises OSError.
        """
        for log in (stdout, stderr):
            log.parent.mkdir(parents=True, exist_ok=True)
        settings = {
            "script": str(spec.script),
            "root": str(spec.code),
            "level": spec.level,
            "stdout": str(stdout),
            "stderr": str(stderr),
            "append": spec.appends,
        }
        process = await GuardedProcess.start(
            (str(spec.python), str(DRIVER), json.dumps(settings)),
            cwd=spec.code,
            env=dict(spec.variables),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST_ANSWER,
        )
        return cls(process)

    async def ready(self) -> None:
        """Return once init() has returned. Raises InitError."""
        answer = await self._answer()
        if answer is None:
            code = await self.process.wait()
            raise InitError(f"the process ended with exit code {code} before init() returned", "")
        if not answer.get("ready"):
            raise InitError(answer["error"], answer["traceback"])

    async def run(
        self, number: int, files: Sequence[Path], result: Path, timeout: float
    ) -> tuple[int, float]:
        """Score one mini-batch. Returns the number of items and the seconds that run() took.

        Raises RunError.
        """
        request = {"id": number, "files": [str(file) for file in files], "result": str(result)}
        stdin = self.process.process.stdin
        assert stdin
        try:
            async with asyncio.timeout(timeout):
                stdin.write(json.dumps(request).encode() + b"\n")
                await stdin.drain()
                answer = await self._answer()
        except TimeoutError:
            raise RunError(
                f"The run() function in the entry script had timeout: it did not return within "
                f"{timeout:g} seconds",
                timed_out=True,
            ) from None
        except ConnectionError:
            answer = None
        if answer is None:
            code = await self.process.wait()
            raise RunError(f"the process ended with exit code {code} while run() was under way")
        if "error" in answer:
            raise RunError(answer["error"], answer["traceback"], is_alive=True)
        return int(answer["items"]), float(answer["seconds"])

    async def end(self) -> None:
        """End the process and all that it started."""
        await self.process.end(0)

    async def _answer(self) -> dict[str, Any] | None:
        """The next answer, None when the process has ended instead."""
        stdout = self.process.process.stdout
        assert stdout
        line = await stdout.readline()
        if not line.endswith(b"\n"):
            return None
        answer: dict[str, Any] = json.loads(line)
        return answer
