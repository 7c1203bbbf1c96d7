"""Containers, by an engine and as processes: what both runtimes do alike."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from emulator.containers.choice import choose_runtime
from emulator.containers.engine import discovery
from emulator.containers.runtime import (
    BuildFailed,
    Container,
    ContainerRuntime,
    ContainerRuntimeError,
    ContainerState,
    ExecSession,
    ImageNotFound,
)
from tests.emulator.containers.container_images import (
    BASE_IMAGE,
    ENGINE,
    REGISTRY,
    ask,
    build,
    context,
    is_answered,
    log_lines,
    script,
    spec,
)
from tests.waiting import until_async

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["process", "engine"])
async def runtime(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[ContainerRuntime]:
    if request.param == "engine" and ENGINE.engine is None:
        pytest.skip(ENGINE.description)
    found = await choose_runtime(
        tmp_path / "containers", {**os.environ, discovery.SWITCH: request.param}
    )
    if request.param == "engine" and await found.image(BASE_IMAGE) is None:
        await found.close()
        pytest.skip(f"the engine has no image {BASE_IMAGE}: run .ci/containers")
    yield found
    await found.close()


@pytest.fixture
async def mirror(runtime: ContainerRuntime, tmp_path: Path) -> ContainerRuntime:
    """A runtime that has the image mirror:1."""
    await build(runtime, context(tmp_path / "mirror"))
    return runtime


async def ran(runtime: ContainerRuntime, folder: Path, code: str, **changes: object) -> Container:
    """A container that has run the Python code to its end."""
    container = await runtime.start(spec(folder, command=script(code), **changes))
    async with asyncio.timeout(30):
        await container.wait()
    return container


# Images


async def test_an_image_is_built_found_listed_and_removed(
    runtime: ContainerRuntime, tmp_path: Path
) -> None:
    name = f"mirror:{secrets.token_hex(4)}"
    before = datetime.now(UTC) - timedelta(seconds=2)
    built, log = await build(runtime, context(tmp_path / "mirror", main__py=name), name)
    assert built.reference == f"{REGISTRY}/{name}"
    assert built.digest.startswith("sha256:")
    assert len(built.digest) == 71
    assert built.size > 0
    assert built.ports == (80,)
    assert before <= built.created <= datetime.now(UTC) + timedelta(seconds=2)
    assert any("WORKDIR /app" in line for line in log)
    assert await runtime.image(built.reference) == built
    assert built in await runtime.images(REGISTRY)
    assert await runtime.pull(built.reference, None, log.append) == built
    assert await runtime.images("another.azurecr.io") == []
    await runtime.remove_image(built.reference)
    assert await runtime.image(built.reference) is None
    await runtime.remove_image(built.reference)


async def test_an_image_has_every_tag_it_is_given(
    runtime: ContainerRuntime, tmp_path: Path
) -> None:
    tags = [f"{REGISTRY}/tags:{secrets.token_hex(4)}" for _ in range(2)]
    folder = context(tmp_path / "mirror")
    await runtime.build(folder, "Dockerfile", tags, {"BASE_IMAGE": BASE_IMAGE}, print)
    first, second = [await runtime.image(tag) for tag in tags]
    assert first
    assert second
    assert first.digest == second.digest
    await runtime.remove_image(tags[0])
    assert await runtime.image(tags[1]) == second
    await runtime.remove_image(tags[1])


async def test_an_unknown_image_is_not_found(runtime: ContainerRuntime, tmp_path: Path) -> None:
    unknown = f"{REGISTRY}/unknown:1"
    assert await runtime.image(unknown) is None
    with pytest.raises(ImageNotFound, match="unknown:1"):
        await runtime.pull(unknown, ("user", "password"), print)
    with pytest.raises(ImageNotFound, match="unknown:1"):
        await runtime.start(spec(tmp_path, image=unknown))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("COPY missing.txt .", "missing.txt"),
        ("COPY ../outside.txt .", "outside.txt"),
        ("RUN false-command", "false-command"),
        ("FLY /moon", "FLY"),
    ],
)
async def test_a_build_error_names_the_line_and_the_reason(
    runtime: ContainerRuntime, tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    folder = context(
        tmp_path / "mirror", f"ARG BASE_IMAGE\nFROM $BASE_IMAGE\n# why\nWORKDIR /app\n{line}\n"
    )
    with pytest.raises(BuildFailed) as failure:
        await build(runtime, folder, "broken:1")
    assert "Dockerfile line 5" in str(failure.value)
    assert reason in str(failure.value)
    assert failure.value.log.endswith(str(failure.value))
    assert await runtime.image(f"{REGISTRY}/broken:1") is None


async def test_what_dockerignore_leaves_out_is_not_in_the_image(
    runtime: ContainerRuntime, tmp_path: Path
) -> None:
    folder = context(tmp_path / "mirror")
    (folder / ".dockerignore").write_text("Dockerfile\n.dockerignore\n*.txt\n!kept.txt\nlarge/\n")
    (folder / "large").mkdir()
    for name in ("left.txt", "kept.txt", "large/weights.bin"):
        (folder / name).write_text("x")
    await build(runtime, folder)
    container = await runtime.start(spec(tmp_path, ports=(80,)))
    assert (await ask(container))["files"] == ["kept.txt", "main.py"]


# Running


async def test_a_container_answers_at_its_address(mirror: ContainerRuntime, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    container = await mirror.start(
        spec(tmp_path, ports=(80,), variables={"TASTE": "sweet and sour", "COLOUR": "red"})
    )
    assert container.state is ContainerState.RUNNING
    seen = await ask(container)
    assert seen["variables"]["TASTE"] == "sweet and sour"
    assert seen["variables"]["COLOUR"] == "red"
    assert seen["files"] == ["Dockerfile", "main.py"]
    assert seen["folder"].endswith("/app")
    assert container.started
    assert before <= container.started <= datetime.now(UTC)
    assert (container.exit_code, container.reason, container.finished) == (None, "", None)
    await mirror.remove(container)
    with pytest.raises(OSError, match="refused"):
        await asyncio.open_connection("127.0.0.1", container.address[80])


async def test_a_fastapi_app_runs(runtime: ContainerRuntime, tmp_path: Path) -> None:
    folder = context(
        tmp_path / "hello",
        """
        ARG BASE_IMAGE
        FROM ${BASE_IMAGE}
        WORKDIR /app
        COPY requirements.txt .
        RUN pip install --no-cache-dir --upgrade -r requirements.txt
        COPY app.py ./
        USER 1000
        EXPOSE 8080
        CMD exec uvicorn app:app --host ${HOST:-0.0.0.0} --port ${PORT:-8080}
        """,
        requirements__txt="fastapi\nuvicorn\n",
        app__py="""
            from fastapi import FastAPI

            app = FastAPI()

            @app.get("/hello/{name}")
            def hello(name: str) -> dict[str, str]:
                return {"hello": name}
            """,
    )
    await build(runtime, folder, "hello:1")
    container = await runtime.start(spec(tmp_path, image=f"{REGISTRY}/hello:1", ports=(8080,)))
    assert await ask(container, 8080, path="/hello/world") == {"hello": "world"}
    await runtime.stop(container)
    # Not 137: uvicorn heard SIGTERM, and was not killed.
    # uvicorn ends itself with the signal it was sent; a container's first process survives that.
    assert container.exit_code == (0 if runtime.kind == "container" else 143)
    assert "Application startup complete." in container.spec.log_file.read_text()


async def test_args_replace_cmd_alone(runtime: ContainerRuntime, tmp_path: Path) -> None:
    folder = context(
        tmp_path / "entry",
        """
        ARG BASE_IMAGE
        FROM ${BASE_IMAGE}
        ENTRYPOINT ["python3", "-c", "import sys; print(sys.argv[1:])"]
        CMD ["from", "cmd"]
        """,
    )
    await build(runtime, folder, "entry:1")
    image = f"{REGISTRY}/entry:1"
    outputs = []
    for number, changes in enumerate(({}, {"args": ("given",)}, {"command": ("echo", "command")})):
        container = await runtime.start(spec(tmp_path, f"c{number}", image=image, **changes))
        await container.wait()
        outputs += log_lines(container)
    assert outputs == ["['from', 'cmd']", "['given']", "command"]


@pytest.mark.parametrize(
    ("code", "exit_code", "reason"),
    [
        ("print('done')", 0, "Completed"),
        ("raise SystemExit(3)", 3, "Error"),
        ("raise RuntimeError('broken')", 1, "Error"),
    ],
)
async def test_exit_codes(
    mirror: ContainerRuntime, tmp_path: Path, code: str, exit_code: int, reason: str
) -> None:
    container = await ran(mirror, tmp_path, code)
    assert (container.exit_code, container.reason) == (exit_code, reason)
    assert container.state is ContainerState.TERMINATED
    assert container.started
    assert container.finished
    assert container.started <= container.finished


async def test_a_program_that_is_not_there_ends_with_127(
    mirror: ContainerRuntime, tmp_path: Path
) -> None:
    container = await mirror.start(spec(tmp_path, command=("no-such-program",)))
    assert await container.wait() == 127
    assert container.reason == "Error"
    assert "no-such-program" in container.spec.log_file.read_text()


async def test_more_memory_than_the_limit_is_oom_killed(
    mirror: ContainerRuntime, tmp_path: Path
) -> None:
    code = """
        import time
        print("growing")
        held = []
        for _ in range(40):
            held.append(bytearray(b"x" * 10_000_000))
            time.sleep(0.02)
        time.sleep(30)
        """
    container = await ran(mirror, tmp_path, code, memory_gb=0.125)
    assert (container.exit_code, container.reason) == (137, "OOMKilled")
    assert log_lines(container) == ["growing"]


async def test_memory_within_the_limit_is_left_alone(
    mirror: ContainerRuntime, tmp_path: Path
) -> None:
    code = "import time; held = bytearray(b'x' * 60_000_000); time.sleep(0.5)"
    container = await ran(mirror, tmp_path, code, memory_gb=0.25)
    assert container.reason == "Completed"


STUBBORN = """
    import signal, time
    {handler}
    print("ready")
    while True:
        time.sleep(0.05)
    """


async def until_logged(container: Container, text: str) -> None:
    await until_async(lambda: text in container.spec.log_file.read_text())


async def test_stop_asks_first(mirror: ContainerRuntime, tmp_path: Path) -> None:
    handler = "signal.signal(15, lambda *_: (print('bye'), exit(7)))"
    code = STUBBORN.format(handler=handler)
    container = await mirror.start(spec(tmp_path, command=script(code)))
    await until_logged(container, "ready")
    await mirror.stop(container, grace=10)
    assert (container.exit_code, container.reason) == (7, "Error")
    assert log_lines(container) == ["ready", "bye"]
    await mirror.stop(container)


async def test_stop_kills_after_the_grace(mirror: ContainerRuntime, tmp_path: Path) -> None:
    code = STUBBORN.format(handler="signal.signal(15, signal.SIG_IGN)")
    container = await mirror.start(spec(tmp_path, command=script(code)))
    await until_logged(container, "ready")
    began = time.monotonic()
    await mirror.stop(container, grace=1)
    assert time.monotonic() - began > 0.9
    assert (container.exit_code, container.reason) == (137, "Error")


async def test_log_lines_have_times_and_keep_their_order(
    mirror: ContainerRuntime, tmp_path: Path
) -> None:
    code = """
        import sys, time
        for number in range(200):
            print("line", number)
        time.sleep(0.2)
        print("error", file=sys.stderr, flush=True)
        time.sleep(0.2)
        print("café")
        print("no end", end="")
        """
    container = await ran(mirror, tmp_path, code)
    lines = container.spec.log_file.read_text().splitlines()
    assert log_lines(container) == [
        *(f"line {number}" for number in range(200)),
        "error",
        "café",
        "no end",
    ]
    times = [datetime.fromisoformat(line.partition(" ")[0]) for line in lines]
    assert times == sorted(times)
    assert all(line.partition(" ")[0].endswith("Z") for line in lines)
    assert times[200] - times[199] > timedelta(seconds=0.1)
    assert abs(datetime.now(UTC) - times[-1]) < timedelta(seconds=20)


async def test_secret_files_are_there_and_read_only(
    mirror: ContainerRuntime, tmp_path: Path
) -> None:
    code = """
        import os, sys
        path = sys.argv[1]
        print(open(path, "rb").read())
        print(oct(os.stat(path).st_mode & 0o333))
        """
    container = await mirror.start(
        spec(
            tmp_path,
            command=(*script(code), "/mnt/secrets/key"),
            files={"/mnt/secrets/key": b"\x00hush\xff"},
        )
    )
    await container.wait()
    assert log_lines(container) == [repr(b"\x00hush\xff"), "0o0"]


async def test_a_containers_changes_are_its_own(mirror: ContainerRuntime, tmp_path: Path) -> None:
    code = """
        open("main.py", "a").write("changed")
        print(len(open("main.py").read()))
        """
    first = await ran(mirror, tmp_path, code)
    await mirror.remove(first)
    second = await ran(mirror, tmp_path, code, name="group--again")
    assert log_lines(first) == log_lines(second)


# Groups


async def test_a_group_shares_localhost_and_empty_dirs(
    mirror: ContainerRuntime, tmp_path: Path
) -> None:
    shared = {
        "group": "trio",
        "group_ports": (80, 8080),
        "empty_dirs": {"/mnt/shared": "scratch"},
    }
    writer = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('from the first')"
    first = await mirror.start(
        spec(tmp_path, "trio--init", command=(*script(writer), "/mnt/shared/note"), **shared)
    )
    assert await first.wait() == 0
    # A program of its own port, told by PORT where it is a process.
    main = await mirror.start(spec(tmp_path, "trio--main", ports=(80,), **shared))
    side = await mirror.start(
        spec(
            tmp_path,
            "trio--side",
            ports=(8080,),
            variables={"PORT": "8080"},
            command=(*script(MIRROR_OF_FILE), "/mnt/shared/note"),
            **shared,
        )
    )
    assert (await ask(main))["argv"] == ["main.py"]
    assert await ask(side, 8080) == "from the first"
    reach = """
        import os, urllib.request
        port = os.environ.get("PORT_80", "80")
        print(urllib.request.urlopen(f"http://localhost:{port}/").status)
        """
    third = await mirror.start(spec(tmp_path, "trio--ask", command=script(reach), **shared))
    assert await third.wait() == 0
    assert log_lines(third) == ["200"]
    # The group's network outlives its first container.
    await mirror.remove(main)
    assert await ask(side, 8080) == "from the first"
    for each in (first, side, third):
        await mirror.remove(each)
    fresh = await mirror.start(
        spec(
            tmp_path,
            "trio--fresh",
            command=(*script("import os, sys; print(os.listdir(sys.argv[1]))"), "/mnt/shared"),
            **shared,
        )
    )
    await fresh.wait()
    assert log_lines(fresh) == ["[]"]


async def test_a_program_that_listens_on_another_port_is_reached_there_alone(
    mirror: ContainerRuntime, tmp_path: Path
) -> None:
    told = {"variables": {"PORT": "8080"}}
    opened = await mirror.start(spec(tmp_path, "opened", ports=(8080,), **told))
    assert (await ask(opened, 8080))["argv"] == ["main.py"]
    second = await mirror.start(spec(tmp_path, "second", ports=(80, 8080), **told))
    assert (await ask(second, 8080))["argv"] == ["main.py"]
    closed = await mirror.start(spec(tmp_path, "closed", ports=(80,), **told))
    inside = """
        import os, time, urllib.request
        port = os.environ.get("PORT", "80")  # on this machine, where it is a process
        while True:
            try:
                urllib.request.urlopen(f"http://localhost:{port}/")
                break
            except OSError:
                time.sleep(0.02)
        """
    untold = await mirror.start(spec(tmp_path, "untold", ports=(8080,)))  # it takes its own, 80
    for container in (closed, untold):
        session = await mirror.exec(container, script(inside), tty=False)
        await read_all(session)  # it listens
    assert not await is_answered(second, 80)
    assert not await is_answered(closed, 80)
    assert not await is_answered(untold, 8080)


MIRROR_OF_FILE = """
    import http.server, json, os, sys

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(open(sys.argv[1]).read()).encode())

    address = (os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"]))
    http.server.HTTPServer(address, Handler).serve_forever()
    """


# exec


async def read_all(session: ExecSession) -> bytes:
    data = b""
    async with asyncio.timeout(20):
        while chunk := await session.read():
            data += chunk
    return data


@pytest.fixture
async def sleeper(mirror: ContainerRuntime, tmp_path: Path) -> Container:
    return await mirror.start(
        spec(tmp_path, command=script("import time; time.sleep(600)"), variables={"WHO": "me"})
    )


async def test_exec_answers_output_and_exit_code(
    mirror: ContainerRuntime, sleeper: Container
) -> None:
    command = "echo $WHO; pwd; echo wrong >&2; [ -t 0 ] && echo terminal; exit 5"
    session = await mirror.exec(sleeper, ["sh", "-c", command], tty=False)
    output = (await read_all(session)).decode()
    assert "me\n" in output
    assert "/app\n" in output
    assert "wrong\n" in output
    assert "terminal" not in output
    assert await session.wait() == 5
    await session.close()


async def test_exec_with_a_terminal_is_a_conversation(
    mirror: ContainerRuntime, sleeper: Container
) -> None:
    session = await mirror.exec(sleeper, ["sh"], tty=True, rows=30, cols=90)
    await session.write(b"stty size; tty >/dev/null && echo is-a-$((1 + 1))-tty\n")
    output = b""
    async with asyncio.timeout(20):
        while b"is-a-2-tty" not in output:
            output += await session.read()
    assert b"30 90" in output
    await session.resize(40, 100)
    await session.write(b"stty size; exit 9\n")
    assert b"40 100" in await read_all(session)
    assert await session.wait() == 9
    await session.close()


async def test_exec_needs_a_container_that_runs(
    mirror: ContainerRuntime, sleeper: Container
) -> None:
    await mirror.stop(sleeper, 0)
    with pytest.raises(ContainerRuntimeError, match="does not run"):
        await mirror.exec(sleeper, ["true"], tty=False)


# What is left


OWNER = """
import asyncio, os, sys
from pathlib import Path
from emulator.containers.choice import choose_runtime
from tests.emulator.containers.container_images import ask, script, spec

async def main():
    folder = Path(sys.argv[1])
    runtime = await choose_runtime(folder / "containers", os.environ)
    command = ("sh", "-c", "setsid sleep 600 & exec python3 main.py")
    container = await runtime.start(
        spec(folder, ports=(80,), command=command, empty_dirs={"/mnt/x": "x"}, group="left")
    )
    await ask(container)
    print(container.address[80], flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_kill_9_of_the_owner_leaves_nothing(mirror: ContainerRuntime, tmp_path: Path) -> None:
    switch = "process" if mirror.kind == "process" else "engine"
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, str(tmp_path)),
        env={**os.environ, discovery.SWITCH: switch, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    )
    assert owner.stdout
    port = int(await owner.stdout.readline())
    owner.kill()
    await owner.wait()
    await mirror.recover()
    with pytest.raises(OSError, match="refused"):
        await asyncio.open_connection("127.0.0.1", port)
    if mirror.kind == "process":
        running = str(tmp_path / "containers" / "running")
        assert not [each for each in psutil.process_iter() if running in _mark(each)]
        assert not list(Path(running).iterdir())
    # A new one of the same name can start.
    container = await mirror.start(spec(tmp_path, ports=(80,), group="left"))
    await ask(container)


def _mark(process: psutil.Process) -> str:
    try:
        return str(process.environ().get("AZURE_LOCAL_CONTAINER"))
    except psutil.Error:
        return ""


async def test_closing_ends_every_container(mirror: ContainerRuntime, tmp_path: Path) -> None:
    containers = [
        await mirror.start(spec(tmp_path, f"c{number}", ports=(80,), group="g" * number))
        for number in range(2)
    ]
    for container in containers:
        await ask(container)
    await mirror.close()
    assert {container.state for container in containers} == {ContainerState.TERMINATED}
    for container in containers:
        with pytest.raises(OSError, match="refused"):
            await asyncio.open_connection("127.0.0.1", container.address[80])
