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
from emulator.inference_servers.supervisor import ServerSpec, Supervisor
from tests.emulator.inference_servers.servers import group, served
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
Spec = Callable[..., ServerSpec]

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
def test_nothing_outlives_a_killed_emulator(tmp_path: Path, spec: Spec) -> None:
    specs = [spec(name="ep--a--0"), spec(name="ep--b--0", plainly=True)]
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
        assert [len(group(leader)) for leader in leaders] == [2, 2]
        below = psutil.Process(emulator.pid).children(recursive=True)
        assert len(below) == 5  # two servers with a worker each, and the fork server
        emulator.kill()
    gone, alive = psutil.wait_procs(below, timeout=5)
    assert alive == []
    assert len(gone) == 5


async def test_recover_ends_what_a_crash_left(tmp_path: Path, spec: Spec) -> None:
    what = spec()
    environment = {**os.environ, "AML_APP_ROOT": str(what.app_root)}
    shell = "sleep 600 & exec sleep 600"
    led, orphaned, stranger = (
        subprocess.Popen(["sh", "-c", shell], start_new_session=True, env=environment)
        for _ in range(3)
    )
    try:
        earlier = Supervisor(tmp_path / "runtime")
        await until_async(lambda: all(len(group(p.pid)) == 2 for p in (led, orphaned, stranger)))
        for each in (led, orphaned, stranger):
            earlier.records.add(str(each.pid), each.pid, what.app_root)
        orphaned.kill()  # its group lives on
        orphaned.wait()
        record = tmp_path / "runtime" / f"{stranger.pid}.process.json"
        record.write_text(record.read_text().replace('"created": ', '"created": 1'))

        runtime = Supervisor(tmp_path / "runtime")
        await runtime.recover()
        assert led.wait(5) == -9
        await until_async(lambda: group(led.pid) == [] and group(orphaned.pid) == [], 5)
        assert stranger.poll() is None  # another process that has the same id by now
        assert not list((tmp_path / "runtime").glob("*.process.json"))
    finally:
        for each in (led, orphaned, stranger):
            for member in group(each.pid):
                member.kill()
            each.wait()


async def test_records_are_there_while_servers_run(
    runtime: Supervisor, spec: Spec, tmp_path: Path
) -> None:
    record = tmp_path / "runtime" / "ep--blue--0.process.json"
    server = await served(runtime, spec())
    await until_async(record.exists)
    await runtime.stop(server)
    assert not record.exists()
