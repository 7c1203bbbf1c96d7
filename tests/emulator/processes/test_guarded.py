"""A guarded program: what it started ends with it, however it ends and wherever that went."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from emulator.processes import guarded
from emulator.processes.guarded import GuardedProcess
from tests.waiting import until, until_async

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(os.name != "posix", reason="there are no guards on Windows"),
]
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux: subreapers")

# Leaves its group (setsid), and its parent as well (a double fork).
LEAVES = (
    "import os\n"
    "for session in (True, False):\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        if session or os.fork() == 0:\n"
    "            os.execvpe('sleep', ['sleep', '{seconds}'], {{'PATH': os.environ['PATH']}})\n"
    "        os._exit(0)\n"
)


@pytest.fixture
def seconds(unique: str) -> str:
    """How long this test's programs sleep: they are known by it."""
    return f"6{int(unique, 16)}"


def sleeping(seconds: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cmdline() == ["sleep", seconds]:
                found.append(process.pid)
    return found


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("true",), 0),
        (("sh", "-c", "exit 5"), 5),
        (("sh", "-c", "kill -9 $$"), 137),
        (("sh", "-c", "kill -15 $$"), 143),
        (("/no/such/program",), 127),
        (("/",), 126),
    ],
)
async def test_it_ends_as_its_program_does(words: tuple[str, ...], code: int) -> None:
    process = await GuardedProcess.start(words, stderr=subprocess.DEVNULL)
    assert await process.wait() == code
    assert process.ended
    await process.end(0)  # once more is nothing
    assert await process.wait() == code


@on_linux
async def test_what_it_left_ends_when_the_program_does(seconds: str) -> None:
    code = LEAVES.format(seconds=seconds) + "import time; time.sleep(0.5); os._exit(3)"
    process = await GuardedProcess.start(python(code))
    await until_async(lambda: len(sleeping(seconds)) == 2)
    assert await process.wait() == 3
    assert sleeping(seconds) == []


@on_linux
@pytest.mark.parametrize("stopped", ["", "program", "guard", "both"])
@pytest.mark.parametrize("grace", [0, 0.2])
async def test_end_ends_all_in_whatever_state(seconds: str, stopped: str, grace: float) -> None:
    code = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + LEAVES.format(seconds=seconds)
        + "import time; time.sleep(600)"
    )
    process = await GuardedProcess.start(python(code))
    await until_async(lambda: len(sleeping(seconds)) == 2)
    guard = psutil.Process(process.pid)
    if stopped in ("program", "both"):
        for child in guard.children():
            child.suspend()
    if stopped in ("guard", "both"):
        guard.suspend()
    async with asyncio.timeout(20):
        await process.end(grace)
    assert await process.wait() == 137
    await until_async(lambda: not sleeping(seconds))


@on_linux
async def test_a_program_has_its_grace_and_what_left_goes_with_it(seconds: str) -> None:
    code = (
        "import os, signal, sys, time\n"
        + LEAVES.format(seconds=seconds)
        + "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4)); time.sleep(600)"
    )
    process = await GuardedProcess.start(python(code))
    await until_async(lambda: len(sleeping(seconds)) == 2)
    await asyncio.sleep(0.2)  # for its handler
    await process.end(30)
    assert await process.wait() == 4
    await until_async(lambda: not sleeping(seconds))


@on_linux
async def test_lingering_lets_go_on_what_the_program_left(seconds: str) -> None:
    code = LEAVES.format(seconds=seconds) + "os._exit(7)"
    process = await GuardedProcess.start(python(code), lingering=True)
    assert await process.wait() == 7
    assert process.ended
    assert not process.all_ended
    await until_async(lambda: len(sleeping(seconds)) == 2)
    await process.end(0)
    assert process.all_ended
    await until_async(lambda: not sleeping(seconds))


async def test_the_output_ends_with_the_program() -> None:
    process = await GuardedProcess.start(("echo", "all"), stdout=subprocess.PIPE)
    assert process.process.stdout
    async with asyncio.timeout(20):
        assert await process.process.stdout.read() == b"all\n"
        assert await process.wait() == 0


async def test_a_start_that_is_cancelled_leaves_nothing(seconds: str) -> None:
    for moment in range(30):
        starting = asyncio.create_task(GuardedProcess.start(("sleep", seconds)))
        for _ in range(moment):
            await asyncio.sleep(0 if moment < 15 else 0.001)
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await (await starting).end(0)
        assert sleeping(seconds) == []


@on_linux
def test_it_ends_with_whoever_started_it(seconds: str) -> None:
    code = (
        "import asyncio, sys\n"
        "from emulator.processes.guarded import GuardedProcess\n"
        "async def main():\n"
        "    await GuardedProcess.start(sys.argv[1:])\n"
        "    print('started', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    leaves = LEAVES.format(seconds=seconds) + "import time; time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", code, *python(leaves)],
        cwd=Path(guarded.__file__).parents[2],
        stdout=subprocess.PIPE,
    ) as starter:
        assert starter.stdout
        assert starter.stdout.readline() == b"started\n"
        until(lambda: len(sleeping(seconds)) == 2)
        starter.kill()
    until(lambda: not sleeping(seconds))
