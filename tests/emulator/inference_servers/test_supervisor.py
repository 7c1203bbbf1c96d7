"""A server runs as it would in Azure's image: its environment, its logs, its end."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from emulator.inference_servers import supervisor
from emulator.inference_servers.supervisor import (
    DEFAULT_PROBE,
    Server,
    ServerFailed,
    ServerSpec,
    State,
    Supervisor,
)
from emulator.processes import logs
from tests.emulator.inference_servers.servers import (
    MIRROR,
    group,
    is_forked,
    post,
    served,
    tree,
    until_state,
)
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
Spec = Callable[..., ServerSpec]

BOTH_STARTS = pytest.mark.parametrize("plainly", [False, True], ids=["forked", "plain"])


@BOTH_STARTS
async def test_scores_on_loopback_only(runtime: Supervisor, spec: Spec, plainly: bool) -> None:
    server = await served(runtime, spec(plainly=plainly))

    assert server.state is State.READY
    assert is_forked(server) is (not plainly and sys.platform.startswith("linux"))
    assert await post(server.port, {"data": [1, 2]}) == {"data": [1, 2]}
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for each in tree(server.pid or 0)
        for connection in each.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", server.port)}


@BOTH_STARTS
async def test_environment_is_the_deployments_and_not_the_emulators(
    runtime: Supervisor,
    spec: Spec,
    plainly: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AZURE_CLIENT_SECRET", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "the emulator's own")
    what = spec(
        MIRROR, plainly=plainly, variables={"GREETING": "hello", "AML_APP_ROOT": "/not/there"}
    )
    server = await served(runtime, what)

    seen = await post(server.port, "dict(os.environ)")
    assert seen["GREETING"] == "hello"
    assert seen["AML_APP_ROOT"] == str(what.app_root)
    assert seen["AZUREML_ENTRY_SCRIPT"] == str(what.app_root / "score.py")
    assert seen["AZUREML_MODEL_DIR"] == str(what.model_dir)
    assert seen["PATH"].split(os.pathsep)[0] == str(what.python.parent)
    assert "the emulator's own" not in seen.values()
    assert await post(server.port, "os.getcwd()") == str(what.app_root)
    path = await post(server.port, "sys.path")
    assert path[-1] == str(what.app_root)  # after all that is installed, as the server has it
    assert not [entry for entry in path if "emulator" in entry]


@BOTH_STARTS
async def test_leads_a_session_of_its_own_and_has_no_input(
    runtime: Supervisor, spec: Spec, plainly: bool
) -> None:
    server = await served(runtime, spec(MIRROR, plainly=plainly))

    assert await post(server.port, "os.getpgid(0)") == server.pid
    assert await post(server.port, "os.getsid(0)") == server.pid
    assert await post(server.port, "os.readlink('/proc/self/fd/0')") == os.devnull
    links = "[os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')]"
    open_files = await post(server.port, links)
    # None of the fork server's or the emulator's: gunicorn listens, serves and wakes itself, and
    # on Linux asks the kernel who calls.
    assert sum("socket:" in file for file in open_files) == 2 + sys.platform.startswith("linux")
    assert len({file for file in open_files if "pipe:" in file}) == 1


async def test_worker_count_is_respected(runtime: Supervisor, spec: Spec) -> None:
    server = await served(runtime, spec(variables={"WORKER_COUNT": "2"}))
    await until_async(lambda: len(tree(server.pid or 0)) == 3)  # the master and its workers


FAILURES = {
    "init raises": (
        "def init():\n    raise RuntimeError('no weights')\ndef run(data):\n    pass\n",
        "RuntimeError: no weights",
    ),
    "import missing": (
        "import no_such_module\ndef init():\n    pass\ndef run(data):\n    pass\n",
        "ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "syntax error": ("def init(:\n", "SyntaxError"),
    "no run()": ("def init():\n    pass\n", "does not have a run() function defined"),
    "exits": (
        "import sys\ndef init():\n    sys.exit(5)\ndef run(data):\n    pass\n",
        "SystemExit: 5",
    ),
}


@pytest.mark.parametrize(("script", "trace"), FAILURES.values(), ids=FAILURES)
async def test_script_that_cannot_start(
    runtime: Supervisor, spec: Spec, script: str, trace: str
) -> None:
    changes: list[State] = []
    server = await runtime.start(spec(script), lambda server: changes.append(server.state))
    with pytest.raises(ServerFailed) as failed:
        await server.ready()

    assert trace in failed.value.log
    assert failed.value.exit_code == server.exit_code == 3
    assert str(failed.value) == "The inference server ended with exit code 3."
    assert changes == [State.FAILED]
    assert server.pid is None


async def test_entry_script_that_is_not_there(runtime: Supervisor, spec: Spec) -> None:
    server = await runtime.start(spec(entry_script="main.py"), lambda _: None)
    with pytest.raises(ServerFailed) as failed:
        await server.ready()
    assert "No such file or directory" in failed.value.log


async def test_log_of_a_failure_holds_nothing_of_an_earlier_run(
    runtime: Supervisor, spec: Spec
) -> None:
    what = spec("def init(:\n")
    what.log_file.write_text("from an earlier run\n")
    server = await runtime.start(what, lambda _: None)
    with pytest.raises(ServerFailed) as failed:
        await server.ready()
    assert "earlier" not in failed.value.log
    assert what.log_file.read_text().startswith("from an earlier run\n")


async def test_interpreter_that_is_not_there(runtime: Supervisor, spec: Spec) -> None:
    server = await runtime.start(spec(python=Path("/no/such/python")), lambda _: None)
    with pytest.raises(ServerFailed, match="/no/such/python could not be started") as failed:
        await server.ready()
    assert failed.value.exit_code is None


async def test_slow_init_runs_out_of_time(runtime: Supervisor, spec: Spec) -> None:
    script = "import time\ndef init():\n    time.sleep(60)\ndef run(data):\n    pass\n"
    probe = replace(DEFAULT_PROBE, initial_delay=1, period=0.5, failure_threshold=2)
    server = await runtime.start(spec(script, readiness=probe), lambda _: None)
    with pytest.raises(ServerFailed, match="did not answer within 2 seconds") as failed:
        await server.ready()
    assert failed.value.exit_code is None
    assert "Invoking user's init function" in failed.value.log


async def test_killed_server_is_restarted(
    runtime: Supervisor, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACK_OFF_FIRST", 0.2)
    changes: list[tuple[State, int]] = []

    def on_change(server: Server) -> None:
        changes.append((server.state, server.restarts))

    server = await runtime.start(spec(), on_change)
    await server.ready()
    first = server.pid
    assert first
    psutil.Process(first).kill()
    await until_async(lambda: len(changes) == 4)

    assert changes == [
        (State.READY, 0),
        (State.BACK_OFF, 0),
        (State.STARTING, 1),
        (State.READY, 1),
    ]
    assert server.exit_code == 137
    assert server.pid != first
    await until_async(lambda: group(first) == [], 5)  # its workers have gone with it
    assert await post(server.port, 1) == 1


async def test_back_off_grows(
    runtime: Supervisor, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACK_OFF_FIRST", 0.1)
    monkeypatch.setattr(supervisor, "BACK_OFF_LAST", 0.4)
    began: list[float] = []
    waits: list[float] = []

    def on_change(server: Server) -> None:
        if server.state is State.BACK_OFF:
            began.append(time.monotonic())
        elif server.state is State.STARTING:
            waits.append(time.monotonic() - began[-1])
        elif server.state is State.READY and server.pid:
            psutil.Process(server.pid).kill()

    await runtime.start(spec(), on_change)
    await until_async(lambda: len(waits) == 4)
    # At least that long, less a clock's tick; how much longer depends on how busy the machine is.
    at_least = (0.1, 0.2, 0.4, 0.4)
    assert all(wait > 0.95 * least for wait, least in zip(waits, at_least, strict=True)), waits


async def test_worker_that_dies_is_replaced_by_the_server_itself(
    runtime: Supervisor, spec: Spec
) -> None:
    server = await served(runtime, spec(MIRROR))
    worker = await post(server.port, "os.getpid()")
    psutil.Process(worker).kill()
    assert await post(server.port, "os.getpid()") != worker
    assert server.restarts == 0


async def test_server_that_hangs_is_unready_then_restarted(
    runtime: Supervisor, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "GRACE", 0.5)
    script = "import time\ndef init():\n    pass\ndef run(data):\n    time.sleep(60)\n"
    changes: list[State] = []
    what = spec(
        script,
        readiness=replace(DEFAULT_PROBE, period=0.1, timeout=0.2, failure_threshold=2),
        liveness=replace(DEFAULT_PROBE, period=0.3, timeout=0.5, failure_threshold=3),
    )
    server = await runtime.start(what, lambda server: changes.append(server.state))
    await server.ready()
    request = asyncio.create_task(post(server.port, 1))
    await until_async(lambda: len(changes) >= 5)
    request.cancel()

    assert changes[:5] == [
        State.READY,
        State.UNREADY,
        State.BACK_OFF,
        State.STARTING,
        State.READY,
    ]


async def test_unready_server_recovers(runtime: Supervisor, spec: Spec) -> None:
    script = (
        "import time\ndef init():\n    pass\ndef run(data):\n    time.sleep(1.5)\n    return 1\n"
    )
    changes: list[State] = []
    readiness = replace(
        DEFAULT_PROBE, period=0.1, timeout=0.2, failure_threshold=2, success_threshold=2
    )
    server = await runtime.start(
        spec(script, readiness=readiness), lambda server: changes.append(server.state)
    )
    await server.ready()
    assert await post(server.port, 1) == 1
    await until_async(lambda: len(changes) >= 3)
    assert changes[:3] == [State.READY, State.UNREADY, State.READY]
    assert server.restarts == 0


@BOTH_STARTS
async def test_stop_leaves_nothing(runtime: Supervisor, spec: Spec, plainly: bool) -> None:
    script = """
        import subprocess
        def init():
            subprocess.Popen(["sleep", "600"])
        def run(data):
            return 1
    """
    changes: list[State] = []
    server = await runtime.start(
        spec(script, plainly=plainly), lambda server: changes.append(server.state)
    )
    await server.ready()
    leader, port = server.pid, server.port
    assert leader
    assert len(tree(leader)) == 3
    await runtime.stop(server)

    await until_async(lambda: group(leader) == [], 2)  # init reaps the orphaned sleep
    assert not psutil.pid_exists(leader)
    assert changes == [State.READY, State.STOPPED]
    assert server.pid is None
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", port)
    await runtime.stop(server)  # twice is once
    assert changes == [State.READY, State.STOPPED]


async def test_stop_says_so_before_the_server_ends(runtime: Supervisor, spec: Spec) -> None:
    alive: list[bool] = []

    def on_change(server: Server) -> None:
        if server.state is State.STOPPED:
            alive.append(bool(server.pid) and psutil.pid_exists(server.pid or 0))

    server = await runtime.start(spec(), on_change)
    await server.ready()
    await runtime.stop(server)
    assert alive == [True]


@pytest.mark.parametrize("delay", [0, 0.05, 0.4, 0.8])
@BOTH_STARTS
async def test_stop_while_starting(
    runtime: Supervisor, spec: Spec, plainly: bool, delay: float
) -> None:
    script = "import time\ndef init():\n    time.sleep(60)\ndef run(data):\n    pass\n"
    what = spec(script, plainly=plainly)
    server = await runtime.start(what, lambda _: None)
    await asyncio.sleep(delay)
    await runtime.stop(server)
    with pytest.raises(ServerFailed, match="stopped before it was ready"):
        await server.ready()
    await until_async(lambda: not any(_runs_in(p, what.app_root) for p in psutil.process_iter()), 5)


def _runs_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except psutil.Error:
        return False


async def test_error_in_on_change_is_not_the_servers(runtime: Supervisor, spec: Spec) -> None:
    def on_change(server: Server) -> None:
        raise RuntimeError(server.state)

    server = await runtime.start(spec(), on_change)
    await server.ready()
    await until_state(server, State.READY)


# All or none


HANGS = "import time\ndef init():\n    time.sleep(600)\ndef run(data):\n    pass\n"


async def test_start_all_returns_when_all_are_ready(runtime: Supervisor, spec: Spec) -> None:
    servers = await runtime.start_all([spec(name=name) for name in "abc"], lambda _: None)
    assert [server.state for server in servers] == [State.READY] * 3
    assert [server.spec.name for server in servers] == ["a", "b", "c"]
    await runtime.stop_all(servers)
    assert not runtime.tasks


async def test_start_all_ends_all_when_one_fails(runtime: Supervisor, spec: Spec) -> None:
    specs = [spec(name="a"), spec(HANGS, name="b"), spec("def init(:\n", name="c")]
    with pytest.raises(ServerFailed) as failed:
        await runtime.start_all(specs, lambda _: None)
    assert "SyntaxError" in failed.value.log
    assert not runtime.tasks
    for what in specs:
        assert not [p for p in psutil.process_iter() if _runs_in(p, what.app_root)]


async def test_start_all_ends_all_when_it_is_cancelled(runtime: Supervisor, spec: Spec) -> None:
    specs = [spec(name="a"), spec(HANGS, name="b")]
    started: list[Server] = []
    starting = asyncio.create_task(runtime.start_all(specs, started.append))
    await until_async(lambda: started)  # the first is ready, the other never will be
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not runtime.tasks
    for what in specs:
        assert not [p for p in psutil.process_iter() if _runs_in(p, what.app_root)]


# Logs

CHATTY = """
    import sys, threading, time

    def talk():
        while True:
            sys.stderr.write("so it goes " * 1000 + "\\n")
            time.sleep(0.001)

    def init():
        threading.Thread(target=talk, daemon=True).start()

    def run(data):
        return 1
"""


async def test_log_is_trimmed_whatever_the_probes_do(
    runtime: Supervisor, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "TRIM_PERIOD", 0.05)
    monkeypatch.setattr(logs, "LIMIT", 400_000)
    monkeypatch.setattr(logs, "KEPT", 10_000)
    hourly = replace(DEFAULT_PROBE, period=3600)
    server = await served(runtime, spec(CHATTY, liveness=hourly, readiness=hourly))
    sizes = [0]

    def shrank() -> bool:
        sizes.append(server.spec.log_file.stat().st_size)
        return sizes[-1] < sizes[-2]

    await until_async(shrank)
    await until_async(shrank)
    assert await post(server.port, None) == 1


async def test_a_few_logs_of_a_deployment_are_kept(
    runtime: Supervisor, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "KEPT_FILES", 2)
    folder = spec().log_file.parent
    names = [f"inference-server.{number}.log" for number in range(6)]
    for name in names[1:5]:
        (folder / name).touch()
    first = await served(runtime, spec(log_file=folder / names[0]))
    last = await runtime.start(spec(name="b", log_file=folder / names[5]), lambda _: None)
    await last.ready()
    assert {file.name for file in folder.glob("*.log")} == {names[0], names[4], names[5]}
    assert first.state is State.READY
