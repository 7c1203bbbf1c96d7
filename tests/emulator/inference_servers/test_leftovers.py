"""What a killed emulator leaves: nothing on Linux, and elsewhere what the next run ends."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from emulator.inference_servers import supervisor
from emulator.inference_servers.supervisor import ServerSpec, State, Supervisor
from emulator.processes.leftovers import MARK
from tests.emulator.inference_servers.servers import post, served, tree
from tests.waiting import until, until_async

pytestmark = pytest.mark.anyio
Spec = Callable[..., ServerSpec]
BOTH_STARTS = pytest.mark.parametrize("plainly", [False, True], ids=["forked", "plain"])

EMULATOR = """
import asyncio, sys, pickle
from pathlib import Path
from emulator.inference_servers.supervisor import Supervisor

async def main():
    specs = pickle.loads(sys.stdin.buffer.read())
    runtime = Supervisor(Path(sys.argv[1]))
    servers = [await runtime.start(spec, lambda _: None) for spec in specs]
    for server in servers:
        await server.ready()
    print(*(server.pid for server in servers), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


# Leaves its group and its parent, and what it runs has nothing of its environment.
DAEMON = """
    import os, subprocess

    def init():
        command = "setsid sh -c 'sleep {seconds} & exec sleep {seconds}' & exec sleep {seconds}"
        subprocess.Popen(["sh", "-c", command], env={{"PATH": os.environ["PATH"]}})
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execvpe("sleep", ["sleep", "{seconds}"], {{"PATH": os.environ["PATH"]}})
            os._exit(0)

    def run(data):
        return 1
"""


def daemon(unique: str) -> str:
    """The script, with a number of seconds by which its processes are known."""
    return DAEMON.format(seconds=seconds(unique))


def seconds(unique: str) -> str:
    return f"6{int(unique, 16)}"


def sleeping(unique: str) -> list[int]:
    """The ids of the script's sleeping processes."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline() == ["sleep", seconds(unique)]:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has subreapers")
@BOTH_STARTS
@pytest.mark.parametrize("how", ["stop", "kill", "close"])
async def test_what_left_the_group_ends_with_its_server(
    runtime: Supervisor, spec: Spec, plainly: bool, how: str, unique: str
) -> None:
    other = await served(runtime, spec(name="other", plainly=plainly))
    server = await served(runtime, spec(daemon(unique), plainly=plainly))
    await until_async(lambda: len(sleeping(unique)) == 4)
    if how == "stop":
        await runtime.stop(server)
    elif how == "close":
        await runtime.close()
    else:  # the server itself; what it started is not with the one that comes after it
        before = set(sleeping(unique))
        tree(server.pid or 0)[0].kill()
        await until_async(lambda: server.restarts == 1 and server.state is State.READY)
        await until_async(lambda: len(set(sleeping(unique)) - before) == 4)
        await until_async(lambda: not before & set(sleeping(unique)))
        await runtime.stop(server)
    await until_async(lambda: not sleeping(unique), 5)
    if how != "close":
        assert await post(other.port, 2) == 2
        assert other.restarts == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
def test_nothing_outlives_a_killed_emulator(tmp_path: Path, spec: Spec, unique: str) -> None:
    specs = [
        spec(daemon(unique), name="ep--a--0"),
        spec(daemon(unique), name="ep--b--0", plainly=True),
    ]
    with subprocess.Popen(
        [sys.executable, "-c", EMULATOR, str(tmp_path / "runtime")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(supervisor.__file__).parents[2],
    ) as emulator:
        assert emulator.stdin
        assert emulator.stdout
        emulator.stdin.write(pickle.dumps(specs))
        emulator.stdin.close()
        leaders = [int(pid) for pid in emulator.stdout.readline().split()]
        assert len(leaders) == 2
        until(lambda: len(sleeping(unique)) == 8)
        below = psutil.Process(emulator.pid).children(recursive=True)
        emulator.kill()
    gone, alive = psutil.wait_procs(below, timeout=10)
    assert alive == []
    assert len(gone) == len(below)
    assert not sleeping(unique)


async def test_recover_ends_what_a_crash_left(tmp_path: Path, unique: str) -> None:
    """Guards may be killed, too: then the mark in the environment is what is left to go by."""
    folder = tmp_path / "runtime"
    shell = f"setsid sleep {seconds(unique)} & exec sleep {seconds(unique)}"
    marks = [folder / "ep--blue--0", tmp_path / "runtime-of-another" / "ep--blue--0"]
    led, stranger = (
        subprocess.Popen(
            ["sh", "-c", shell], start_new_session=True, env={**os.environ, MARK: str(mark)}
        )
        for mark in marks
    )
    try:
        await until_async(lambda: len(sleeping(unique)) == 4)
        await Supervisor(folder).recover()
        assert led.wait(5) == -9
        assert stranger.poll() is None
        assert len(sleeping(unique)) == 2
    finally:
        for pid in sleeping(unique):
            os.kill(pid, 9)
        for each in (led, stranger):
            each.wait()


@BOTH_STARTS
async def test_a_server_whose_guard_is_killed_leaves_nothing(
    runtime: Supervisor, spec: Spec, plainly: bool, unique: str
) -> None:
    script = f"""
        import subprocess

        def init():
            subprocess.Popen(["setsid", "sleep", "{seconds(unique)}"])

        def run(data):
            return 1
    """
    server = await served(runtime, spec(script, plainly=plainly))
    await until_async(lambda: sleeping(unique))
    [before] = sleeping(unique)
    psutil.Process(server.pid).kill()
    await until_async(lambda: server.restarts == 1 and server.state is State.READY)
    await until_async(lambda: before not in sleeping(unique))
    await runtime.stop(server)
    await until_async(lambda: not sleeping(unique), 5)
