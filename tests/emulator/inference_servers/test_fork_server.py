"""Servers forked from a warm process: as good as started plainly, and sooner ready."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from emulator.inference_servers import fork_server, fork_servers, supervisor
from emulator.inference_servers.supervisor import (
    Server,
    ServerFailed,
    ServerSpec,
    State,
    Supervisor,
)
from emulator.processes.leftovers import marked
from tests.emulator.inference_servers.servers import (
    ECHO,
    MIRROR,
    is_forked,
    post,
    served,
    tree,
)
from tests.waiting import until_async

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone forks servers"),
]
Spec = Callable[..., ServerSpec]


def parent(server: Server) -> psutil.Process:
    found = psutil.Process(server.pid).parent()
    assert found
    return found


async def test_servers_of_one_environment_share_a_fork_server(
    runtime: Supervisor, spec: Spec
) -> None:
    servers = await asyncio.gather(
        *(served(runtime, spec(name=f"ep--blue--{number}")) for number in range(3))
    )
    assert len({parent(server).pid for server in servers}) == 1
    assert await asyncio.gather(*(post(server.port, 1) for server in servers)) == [1, 1, 1]
    assert len({server.port for server in servers}) == 3


async def test_another_interpreter_or_framework_has_its_own(
    runtime: Supervisor, spec: Spec
) -> None:
    one = await served(runtime, spec(name="a"))
    other = await served(runtime, spec(name="b", preload=("sqlite3",)))
    assert parent(one) != parent(other)


async def test_warm_starts_it_ahead(runtime: Supervisor, spec: Spec) -> None:
    what = spec()
    runtime.warm(what.python, what.preload)
    await until_async(lambda: runtime.fork_servers.started)
    [loading] = runtime.fork_servers.started.values()
    ahead = (await loading).process.pid
    server = await served(runtime, what)
    assert parent(server).ppid() == ahead


EARLY = [
    {"OMP_NUM_THREADS": "1"},  # read by native code
    {"PYTHONHASHSEED": "0"},  # read by Python when it starts
]


@pytest.mark.parametrize("variables", EARLY, ids=lambda variables: next(iter(variables)))
async def test_variable_of_the_deployment_is_there_when_frameworks_are_loaded(
    runtime: Supervisor, spec: Spec, variables: dict[str, str]
) -> None:
    servers = [
        await served(runtime, spec(MIRROR, name="a", variables=variables)),
        await served(runtime, spec(MIRROR, name="b", variables=variables)),
        await served(runtime, spec(MIRROR, name="c")),
    ]
    assert all(is_forked(server) for server in servers)
    assert parent(servers[0]) == parent(servers[1]) != parent(servers[2])
    assert parent(servers[0]).environ().items() >= variables.items()
    assert (await post(servers[0].port, "dict(os.environ)")).items() >= variables.items()


@pytest.mark.parametrize(
    "line",
    ['os.environ["KERAS_BACKEND"] = "torch"', "os.environ.setdefault('KERAS_BACKEND', 'torch')"],
)
async def test_variable_set_by_the_code_too(runtime: Supervisor, spec: Spec, line: str) -> None:
    server = await served(runtime, spec(f"import os\n{line}\n" + dedent(MIRROR)))
    assert is_forked(server)
    assert parent(server).environ()["KERAS_BACKEND"] == "torch"
    assert await post(server.port, "os.environ['KERAS_BACKEND']") == "torch"


@pytest.mark.parametrize(
    "line",
    [
        'os.environ.update({"KERAS_BACKEND": "torch"})',
        'os.environ["KERAS_BACKEND"] = "torch" if sys.argv else "jax"',
        'os.environ["KERAS_BACKEND"] = "torch"; os.environ["KERAS_BACKEND"] = "jax"',
        'os.environ["TF_NAME"] = "a"',  # and the deployment sets it to b
    ],
)
async def test_plain_start_where_it_cannot_be_told(
    runtime: Supervisor, spec: Spec, line: str
) -> None:
    script = f"import os, sys\n{line}\n" + dedent(MIRROR)
    server = await served(runtime, spec(script, variables={"TF_NAME": "b"}))
    assert not is_forked(server)


@pytest.mark.parametrize("name", ["PYDANTIC_DISABLE_PLUGINS", "HOME"])
async def test_plain_start_where_a_module_looked_at_a_variable(
    runtime: Supervisor, spec: Spec, name: str
) -> None:
    server = await served(runtime, spec(MIRROR, variables={name: "/nowhere"}))
    assert not is_forked(server)
    assert await post(server.port, f"os.environ['{name}']") == "/nowhere"


async def test_a_module_that_looks_at_all_variables_leaves_it_forked(
    runtime: Supervisor, spec: Spec, tmp_path: Path
) -> None:
    (tmp_path / "looks_at_all.py").write_text("import os\ndict(os.environ)\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    server = await served(runtime, spec(python=python, preload=("looks_at_all",)))
    assert is_forked(server)


async def test_other_variables_leave_it_forked(runtime: Supervisor, spec: Spec) -> None:
    server = await served(runtime, spec(MIRROR, variables={"LABELS": "0-9", "TZ": "UTC"}))
    assert is_forked(server)
    assert await post(server.port, "os.environ['LABELS']") == "0-9"


async def test_own_module_with_an_installed_name(runtime: Supervisor, spec: Spec) -> None:
    """The inference server puts the deployment's folder last on the path, forked or not."""
    for plainly in (False, True):
        what = spec(MIRROR, name=f"ep--{plainly}", plainly=plainly)
        (what.app_root / "flask.py").write_text("raise RuntimeError('the wrong one')\n")
        (what.app_root / "labels.py").write_text("names = ['zero', 'one']\n")
        server = await served(runtime, what)
        assert await post(server.port, "__import__('labels').names") == ["zero", "one"]
        assert "site-packages" in await post(server.port, "__import__('flask').__file__")


async def test_killed_fork_server_is_replaced(
    runtime: Supervisor, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACK_OFF_FIRST", 0.1)
    servers = [await served(runtime, spec(name=name)) for name in ("a", "b")]
    first = parent(servers[0])
    first.kill()
    await until_async(lambda: all(s.restarts == 1 and s.state is State.READY for s in servers))
    assert parent(servers[0]) == parent(servers[1]) != first
    assert [server.exit_code for server in servers] == [137, 137]


async def test_fork_server_that_cannot_start_leaves_the_error_to_the_server(
    runtime: Supervisor, spec: Spec
) -> None:
    """An interpreter without the inference server, say: the log says so, as Azure's does."""
    what = spec(variables={"GREETING": "hello"})
    broken = what.app_root.parent / "python"
    broken.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # no site-packages
    broken.chmod(0o755)
    server = await runtime.start(spec(python=broken), lambda _: None)
    with pytest.raises(ServerFailed) as failed:
        await server.ready()
    said = "A required package azureml-inference-server-http is missing."
    assert said in failed.value.log


async def test_idle_fork_server_ends(
    runtime: Supervisor, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_servers, "IDLE", 0.3)
    server = await served(runtime, spec())
    warm = parent(server)
    await asyncio.sleep(1)
    assert server.state is State.READY
    await runtime.stop(server)
    await until_async(lambda: not warm.is_running(), 3)
    again = await served(runtime, spec())
    assert await post(again.port, 2) == 2


async def test_random_numbers_differ_between_servers_and_workers(
    runtime: Supervisor, spec: Spec
) -> None:
    script = """
        import json, os, random
        import numpy

        def init():
            pass

        def run(data):
            return [os.getpid(), random.random(), float(numpy.random.random())]
    """
    servers = [
        await served(runtime, spec(script, name=n, preload=("numpy",), variables=two))
        for n, two in (("a", {"WORKER_COUNT": "2"}), ("b", {"WORKER_COUNT": "2"}))
    ]
    seen: dict[int, tuple[float, float]] = {}
    async with asyncio.timeout(20):
        while len(seen) < 4:
            for server in servers:
                pid, *numbers = await post(server.port, None)
                seen.setdefault(pid, (numbers[0], numbers[1]))
    assert len({python for python, _ in seen.values()}) == 4
    assert len({numpy for _, numpy in seen.values()}) == 4


async def test_loggers_of_preloaded_libraries_still_log(runtime: Supervisor, spec: Spec) -> None:
    script = (
        ECHO
        + "\n    import logging, urllib3.connectionpool\n"
        + """
    def init():
        logging.getLogger("urllib3.connectionpool").warning("as in a plain start")
"""
    )
    for plainly in (False, True):
        preload = ("urllib3.connectionpool",)
        what = spec(script, name=f"ep--{plainly}", plainly=plainly, preload=preload)
        await served(runtime, what)
        assert "as in a plain start" in what.log_file.read_text()


# What is stopped, or asked for and not wanted any more


def running_in(spec: ServerSpec) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(spec.app_root):
                found.append(process.pid)
    return found


async def test_stopped_fork_server_is_asked_no_more_and_its_servers_live_on(
    runtime: Supervisor, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "FORK_LIMIT", 0.5)
    first = await served(runtime, spec(name="a"))
    warm = parent(first)
    warm.suspend()
    second = await served(runtime, spec(name="b"))
    assert not is_forked(second)
    third = await served(runtime, spec(name="c"))
    assert is_forked(third)
    assert parent(third) != warm
    assert await post(first.port, 1) == 1
    assert (first.restarts, first.state) == (0, State.READY)

    what = first.spec
    async with asyncio.timeout(supervisor.GRACE + 10):
        await runtime.stop(first)
    assert not running_in(what)
    await until_async(lambda: not warm.is_running(), 5)  # none of its servers is left
    assert await post(third.port, 3) == 3


async def test_close_ends_a_stopped_fork_server_and_its_servers(
    runtime: Supervisor, spec: Spec
) -> None:
    server = await served(runtime, spec())
    warm = parent(server)
    warm.suspend()
    async with asyncio.timeout(20):
        await runtime.close()
    assert not running_in(server.spec)
    await until_async(lambda: not warm.is_running(), 5)  # init reaps it


async def test_fork_server_that_does_not_load_in_time_is_ended(
    runtime: Supervisor, spec: Spec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fork_server, "LOAD_LIMIT", 0.3)
    (tmp_path / "slow_to_load.py").write_text("import time\ntime.sleep(600)\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    server = await served(runtime, spec(python=python, preload=("slow_to_load",)))
    assert not is_forked(server)
    loading = [
        process.pid
        for process in psutil.process_iter()
        if "slow_to_load" in _words(process) and str(python) in _words(process)
    ]
    assert loading == []


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


async def test_stop_at_any_moment_of_a_start_leaves_nothing(
    runtime: Supervisor, spec: Spec
) -> None:
    await served(runtime, spec(name="warm"))
    what = [spec(name="forked"), spec(name="plain", plainly=True)]
    for moment in range(40):
        for each in what:
            server = await runtime.start(each, lambda _: None)
            for _ in range(moment):
                await asyncio.sleep(0 if moment % 2 else 0.0005)
            await runtime.stop(server)
            assert server.state is State.STOPPED
            assert not running_in(each), moment


async def test_stopping_twice_at_once_waits_for_the_end_both_times(
    runtime: Supervisor, spec: Spec
) -> None:
    server = await served(runtime, spec())

    async def stop() -> list[int]:
        await runtime.stop(server)
        return running_in(server.spec)

    assert await asyncio.gather(stop(), stop(), stop()) == [[], [], []]


async def test_a_stop_that_is_cancelled_stops_all_the_same(runtime: Supervisor, spec: Spec) -> None:
    server = await served(runtime, spec())
    stopping = asyncio.create_task(runtime.stop(server))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    await until_async(lambda: not running_in(server.spec))
    await runtime.stop(server)


async def test_close_during_a_start_leaves_nothing(spec: Spec, tmp_path: Path) -> None:
    for moment in (0, 1, 5, 20, 200):
        runtime = Supervisor(tmp_path / f"runtime-{moment}")
        what = [spec(name="forked"), spec(name="plain", plainly=True)]
        runtime.warm(what[0].python, ())
        for each in what:
            await runtime.start(each, lambda _: None)
        for _ in range(moment):
            await asyncio.sleep(0.001)
        await runtime.close()
        assert not [pid for each in what for pid in running_in(each)]
        assert not marked(runtime.folder)
        with pytest.raises(ServerFailed):
            await runtime.start(what[0], lambda _: None)


IGNORES_TERM = """
    import signal

    def init():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def run(data):
        return 1
"""


@pytest.mark.parametrize("plainly", [False, True], ids=["forked", "plain"])
@pytest.mark.parametrize("state", ["stopped", "ignores"])
async def test_stop_ends_whatever_state_the_server_is_in(
    runtime: Supervisor,
    spec: Spec,
    plainly: bool,
    state: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "GRACE", 0.5)
    server = await served(runtime, spec(IGNORES_TERM, plainly=plainly))
    if state == "stopped":
        for process in tree(server.pid or 0):
            process.suspend()
        psutil.Process(server.pid).suspend()
    async with asyncio.timeout(20):
        await runtime.stop(server)
    assert not running_in(server.spec)
    assert server.pid is None


@pytest.mark.slow
async def test_torch_computes_in_several_forked_servers_at_once(
    runtime: Supervisor, spec: Spec
) -> None:
    script = """
        import json
        import torch

        def init():
            global layer
            torch.manual_seed(7)
            layer = torch.nn.Linear(512, 512)

        def run(data):
            with torch.inference_mode():
                x = torch.ones(256, 512)
                for _ in range(json.loads(data)):
                    x = torch.tanh(layer(x))
            return [float(x.sum()), torch.get_num_threads(), torch.initial_seed()]
    """
    servers = [
        await served(runtime, spec(script, name=name, preload=("torch",))) for name in ("a", "b")
    ]
    assert all(is_forked(server) for server in servers)
    plain = await served(runtime, spec(script, name="c", preload=("torch",), plainly=True))
    assert not is_forked(plain)
    answers = await asyncio.gather(*(post(s.port, 50) for s in (*servers, plain) for _ in "12"))
    assert len({tuple(answer) for answer in answers}) == 1


@pytest.mark.slow
async def test_keras_computes_in_several_forked_servers_at_once(
    runtime: Supervisor, spec: Spec
) -> None:
    script = """
        import json
        import keras
        import numpy

        def init():
            global model
            keras.utils.set_random_seed(7)
            model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])

        def run(data):
            images = numpy.ones((json.loads(data), 64), "float32")
            return float(model(images, training=False).numpy().sum())
    """
    servers = [
        await served(runtime, spec(script, name=name, preload=("tensorflow",)))
        for name in ("a", "b")
    ]
    assert all(is_forked(server) for server in servers)
    answers = await asyncio.gather(*(post(server.port, 32) for server in servers for _ in "12"))
    assert answers == pytest.approx([32.0] * 4, rel=1e-4)
