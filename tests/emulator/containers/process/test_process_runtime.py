"""Containers that are processes: what of a Dockerfile is honoured, what not, and what is said."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from emulator.containers.process.build import MINOR, is_python
from emulator.containers.process.command import shell
from emulator.containers.process.images import ProcessImages
from emulator.containers.process.paths import below, on_this_machine
from emulator.containers.process.run_commands import NotHonoured, commands
from emulator.containers.process.runtime import ProcessRuntime
from emulator.containers.runtime import (
    BuildFailed,
    Container,
    ContainerRuntimeError,
    ContainerState,
)
from emulator.processes.leftovers import marked
from tests.emulator.containers.container_images import (
    REGISTRY,
    ask,
    build,
    context,
    log_lines,
    script,
    spec,
)
from tests.waiting import until_async

pytestmark = pytest.mark.anyio


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[ProcessRuntime]:
    runtime = ProcessRuntime(tmp_path / "containers", "processes of this machine: a test")
    yield runtime
    await runtime.close()


async def run(runtime: ProcessRuntime, folder: Path, dockerfile: str, **files: str) -> list[str]:
    """Build it, run it to its end; the log without times."""
    await build(runtime, context(folder / "context", dockerfile, **files), "one:1")
    container = await runtime.start(spec(folder, image=f"{REGISTRY}/one:1"))
    async with asyncio.timeout(20):
        await container.wait()
    lines = log_lines(container)
    await runtime.remove(container)
    return lines


# What is honoured

SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"


async def test_settings_reach_the_program(runtime: ProcessRuntime, tmp_path: Path) -> None:
    lines = await run(
        runtime,
        tmp_path,
        f"""
        ARG TAG={MINOR}-slim
        FROM python:$TAG
        ARG TAG
        ARG COLOUR=blue
        ENV COLOUR_OF=$COLOUR GREETING="hello \\"you\\""
        ENV OLD one two
        ENV MODEL=/app/models/a.pt PATH="/app/bin:$PATH" LABELLED=$TAG
        WORKDIR /app
        WORKDIR models
        COPY show.py ..
        ENTRYPOINT ["python", "/app/show.py", "$COLOUR"]
        CMD ["a b", "c"]
        """,
        show__py=SHOW,
    )
    argv, variables, folder = json.loads(lines[0])
    assert argv == ["$COLOUR", "a b", "c"], "the exec form has no variables"
    assert variables["COLOUR_OF"] == "blue"
    assert variables["GREETING"] == 'hello "you"'
    assert variables["OLD"] == "one two"
    assert variables["LABELLED"] == f"{MINOR}-slim"
    assert folder.endswith("/app/models")
    assert variables["MODEL"] == f"{folder}/a.pt"
    assert (Path(variables["PATH"].split(os.pathsep)[1]) / "python").exists()
    assert variables["PYTHONUNBUFFERED"] == "1"
    assert not any("AZURE" in name and name != "AZURE_LOCAL_CONTAINER" for name in variables)


async def test_the_shell_form_has_variables(runtime: ProcessRuntime, tmp_path: Path) -> None:
    lines = await run(
        runtime,
        tmp_path,
        f"""
        FROM python:{MINOR}
        ENV NAME=world
        CMD echo "hello ${{NAME}}" && exec echo ${{PORT:-80}} ${{HOST}}
        """,
    )
    assert lines == ["hello world", "80 127.0.0.1"]


async def test_copy_puts_files_where_they_belong(runtime: ProcessRuntime, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    for name in ("src/a.py", "src/deep/b.py", "one.txt", "two.txt", "run.sh"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("#!/bin/sh\necho ran\n")
    (folder / "src" / "again").symlink_to("a.py")
    lines = await run(
        runtime,
        tmp_path,
        f"""
        FROM python:{MINOR}
        WORKDIR /app
        COPY src code
        COPY --chown=1000:1000 *.txt ./texts/
        COPY one.txt renamed
        COPY --chmod=755 run.sh /usr/local/bin/
        ADD ["two.txt", "/data/"]
        RUN mkdir -p made/deep && chmod +x code/a.py; true
        CMD find . | sort; cat /data/two.txt; run.sh; test -x code/a.py && echo x; code/again
        """,
    )
    assert lines == [
        *(".", "./code", "./code/a.py", "./code/again", "./code/deep", "./code/deep/b.py"),
        *("./made", "./made/deep", "./renamed", "./texts", "./texts/one.txt", "./texts/two.txt"),
        *("#!/bin/sh", "echo ran", "ran", "x", "ran"),
    ]


async def test_packages_that_are_here_are_used_as_they_are(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    folder = context(
        tmp_path / "context",
        f"""
        FROM python:{MINOR}
        COPY requirements.txt more.txt /tmp/
        RUN pip install --upgrade pip && \\
            python -m pip install --no-cache-dir -r /tmp/requirements.txt "uvicorn>=0.1"
        """,
        requirements__txt="# what the app needs\nfastapi>=0.1  # the web\n-r more.txt\n",
        more__txt="starlette ; python_version > '3'\nclick>=8 \\\n  , <99\n",
    )
    image, log = await build(runtime, folder, "packages:1")
    stored = runtime.images_here.find(image.reference)
    assert stored
    assert f"Packages: 4, in {stored.config.python}" in log
    for module, there in (("uvicorn", True), ("numpy", False)):
        look = [stored.config.python, "-Ic", f"import {module}"]
        found = subprocess.run(look, capture_output=True, check=False).returncode == 0
        assert found is there
    names = [Requirement(each).name for each in stored.config.requirements]
    assert names == ["fastapi", "starlette", "click", "uvicorn"]
    assert any("left out, the environment has its own" in line for line in log)


async def test_an_image_is_built_on_a_stand_in_and_kept_over_a_restart(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    text = 'FROM alpine:3\nCOPY said.txt /said.txt\nENTRYPOINT ["cat", "/said.txt"]'
    lines = await run(runtime, tmp_path, text, **{"said.txt": "as it was copied\n"})
    assert lines[0].startswith("[local Azure] A stand-in for the image alpine:3")
    assert lines[1:] == ["as it was copied"]
    again = ProcessRuntime(tmp_path / "containers", "after a restart")
    assert await again.image(f"{REGISTRY}/one:1") is not None
    assert await again.image("alpine:3") is None  # made anew when it is pulled
    await again.close()


async def test_what_has_no_effect_is_said(runtime: ProcessRuntime, tmp_path: Path) -> None:
    folder = context(
        tmp_path / "context",
        f"""
        FROM --platform=linux/amd64 python:{MINOR}
        LABEL version=1
        RUN useradd --create-home app && chown -R app /app
        USER app
        EXPOSE 80
        HEALTHCHECK --interval=5s CMD curl --fail http://localhost/
        STOPSIGNAL SIGTERM
        CMD ["uvicorn", "main:app", "--port", "80"]
        """,
    )
    image, log = await build(runtime, folder, "notes:1", {"UNUSED": "1"})
    for expected in (
        "platform: no effect",
        "useradd --create-home app: no effect",
        "USER app: no effect",
        "EXPOSE 80: on Azure the user app may not listen there (permission denied)",
        "CMD names a fixed port",
        "recorded; Azure has probes of its own",
        "UNUSED is declared by no ARG",
        "is this machine's Python",
    ):
        assert any(expected in line for line in log), expected
    stored = runtime.images_here.find(image.reference)
    assert stored
    assert stored.config.healthcheck.startswith("--interval=5s CMD curl")
    assert stored.config.labels == {"version": "1"}
    container = await runtime.start(spec(tmp_path, image=image.reference))
    assert "not a container" in container.message
    assert "USER app: no effect" in container.message


# What is not

REFUSED = {
    "FROM node:22": "this machine's Python",
    "FROM python:2.7": "this machine's is",
    "FROM $UNSET": "an empty name",
    f"FROM python:{MINOR}\nFROM python:{MINOR}": "stages",
    f"FROM python:{MINOR}\nCOPY --from=build /a /b": "stages",
    f"FROM python:{MINOR}\nRUN apt-get update && apt-get install -y git": "'apt-get' cannot be run",
    f"FROM python:{MINOR}\nRUN echo x | tee y": "'|' needs a shell",
    f"FROM python:{MINOR}\nRUN pip install $(cat list)": "inside a command",
    f"FROM python:{MINOR}\nRUN pip install .": "no package's name",
    f"FROM python:{MINOR}\nRUN pip install -r none.txt": "COPY it first",
    f"FROM python:{MINOR}\nRUN pip install --target=/x fastapi": "'--target=/x' is not honoured",
    f"FROM python:{MINOR}\nRUN pip uninstall fastapi": "only install is honoured",
    f"FROM python:{MINOR}\nRUN pip install 'unclosed": "cannot be read",
    f"FROM python:{MINOR}\nRUN --mount=type=secret,id=x true": "--mount",
    f"FROM python:{MINOR}\nADD https://example.com/a.txt /": "not fetched",
    f"FROM python:{MINOR}\nADD a.tar.gz /": "not unpacked",
    f'FROM python:{MINOR}\nSHELL ["bash", "-c"]': "shell",
    f"FROM python:{MINOR}\nONBUILD RUN true": "others are built on",
    f"FROM python:{MINOR}\nSTOPSIGNAL SIGKILL": "SIGTERM",
    f"FROM python:{MINOR}\nEXPOSE web": "no port",
    f"FROM python:{MINOR}\nEXPOSE 70000": "no port",
    f"FROM python:{MINOR}\nCOPY main.py": "source and a destination",
    f"FROM python:{MINOR}\nRUN chmod u-x main.py": "chmod",
    f"FROM python:{MINOR}\nENV A=${{B%x}}": "forms of a variable",
}


@pytest.mark.parametrize("text", REFUSED)
async def test_what_cannot_be_honoured_is_refused_with_line_and_reason(
    runtime: ProcessRuntime, tmp_path: Path, text: str
) -> None:
    folder = context(tmp_path / "context", text)
    with pytest.raises(BuildFailed) as failure:
        await build(runtime, folder, "refused:1")
    line = text.count("\n") + 1
    assert str(failure.value).startswith(f"Dockerfile line {line}: ")
    assert REFUSED[text] in str(failure.value)
    assert await runtime.images(REGISTRY) == []
    left = [each.name for each in (tmp_path / "containers" / "images").iterdir()]
    assert left == []


@pytest.mark.slow
async def test_packages_that_cannot_be_had_end_the_build(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    folder = context(
        tmp_path / "context",
        f"FROM python:{MINOR}\nRUN pip install --no-index no-such-package==9.9\n",
    )
    with pytest.raises(BuildFailed) as failure:
        await build(runtime, folder, "refused:1")
    assert str(failure.value).startswith("Dockerfile line 2: RUN pip install: ")
    assert "no-such-package==9.9" in str(failure.value)
    assert "$ " in failure.value.log


@pytest.mark.parametrize(
    "lines",
    [
        "COPY ../secret /app/",
        "COPY /../../secret /app/",
        "COPY folder-link/secret /app/",
        "COPY folder /app/",
        "COPY up /app/up\nCOPY main.py /app/up/main.py",
    ],
)
async def test_copy_never_leaves_the_context_or_the_image(
    runtime: ProcessRuntime, tmp_path: Path, lines: str
) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = context(tmp_path / "context", f"FROM python:{MINOR}\n{lines}")
    (folder / "folder-link").symlink_to("..")
    (folder / "up").symlink_to("../../../..")
    (folder / "folder").mkdir()
    (folder / "folder" / "absolute").symlink_to(tmp_path / "secret")
    with pytest.raises(BuildFailed, match=r"^Dockerfile line [23]: COPY: "):
        await build(runtime, folder, "refused:1")


async def test_a_link_that_leads_out_of_the_context_leads_nowhere(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "link").symlink_to("../secret")
    lines = await run(
        runtime,
        tmp_path,
        f"FROM python:{MINOR}\nWORKDIR /app\nCOPY link .\nCMD cat link || readlink link",
    )
    assert lines == ["cat: link: No such file or directory", "../secret"]


@pytest.mark.parametrize("target", ["/../../escape", "../../../../../../../escape", "/a/../../b"])
async def test_a_destination_never_leaves_the_image(
    runtime: ProcessRuntime, tmp_path: Path, target: str
) -> None:
    """In a container `..` of the root is the root, and so it is here."""
    lines = await run(
        runtime,
        tmp_path,
        f"FROM python:{MINOR}\nWORKDIR /deep\nCOPY main.py {target}/\nCMD ls ..",
        main__py="",
    )
    assert lines[0] in ("b", "deep")
    assert {each.name for each in tmp_path.iterdir()} <= {
        *("containers", "context", "group--main.log"),
    }


async def test_secret_files_cannot_be_put_elsewhere(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    await build(runtime, context(tmp_path / "context"))
    container = await runtime.start(
        spec(tmp_path, command=script("pass"), files={"/../../../escape": b"x"})
    )
    await container.wait()
    assert not list(tmp_path.glob("escape"))
    assert len(list((tmp_path / "containers" / "running").glob("*/escape"))) == 1


# Running


async def test_a_group_whose_leader_dies_leaves_no_children(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    await build(runtime, context(tmp_path / "context"))
    code = """
        import os, subprocess, sys
        child = subprocess.Popen(["sleep", "600"])
        print(child.pid)
        os._exit(4)
        """
    container = await runtime.start(spec(tmp_path, command=script(code)))
    assert await container.wait() == 4
    pid = int(log_lines(container)[0])
    await until_async(lambda: "sleep" not in _command(pid))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


# A process that leaves its group (setsid) and its parent (double fork), without its environment.
DAEMON = """
    import os, subprocess, sys, time
    subprocess.Popen(["setsid", "sleep", "{seconds}"], env={{"PATH": os.environ["PATH"]}})
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvpe("sleep", ["sleep", "{seconds}"], {{"PATH": os.environ["PATH"]}})
        os._exit(0)
    {then}
    """


def sleeping(seconds: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cmdline() == ["sleep", seconds]:
                found.append(process.pid)
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has subreapers")
@pytest.mark.parametrize("how", ["stop", "remove", "close", "exit", "killed guard"])
async def test_what_left_the_group_ends_with_its_container(
    runtime: ProcessRuntime, tmp_path: Path, unique: str, how: str
) -> None:
    seconds = f"6{int(unique, 16)}"
    await build(runtime, context(tmp_path / "context"))
    then = f"sys.exit({how == 'exit'})" if how == "exit" else "time.sleep(600)"
    code = textwrap.dedent(DAEMON).format(seconds=seconds, then="time.sleep(1); " + then)
    if how == "killed guard":  # then only the mark in the environment tells whose it was
        code = code.replace(', env={"PATH": os.environ["PATH"]}', "")
        code = code.replace(', {"PATH": os.environ["PATH"]}', ", os.environ")
    container = await runtime.start(spec(tmp_path, command=script(code)))
    await until_async(lambda: len(sleeping(seconds)) == 2)
    if how == "exit":
        assert await container.wait() == 1
    elif how == "killed guard":
        process = runtime.containers[container.id].process
        assert process
        psutil.Process(process.pid).kill()
        assert await container.wait() == 137
    elif how == "close":
        await runtime.close()
    else:
        await getattr(runtime, how)(container)
    await until_async(lambda: not sleeping(seconds))


async def test_what_an_exec_session_leaves_goes_on_until_its_container_ends(
    runtime: ProcessRuntime, tmp_path: Path, unique: str
) -> None:
    """As with Docker."""
    seconds = f"6{int(unique, 16)}"
    await build(runtime, context(tmp_path / "context"))
    container = await runtime.start(spec(tmp_path, command=("sleep", "600")))
    command = f"setsid sleep {seconds} >/dev/null 2>&1 & echo started; exit 7"
    session = await runtime.exec(container, ("sh", "-c", command), tty=False)
    assert await session.read() == b"started\n"
    assert await session.wait() == 7
    await session.close()
    await until_async(lambda: len(sleeping(seconds)) == 1)  # once setsid has become it
    await runtime.stop(container)
    await until_async(lambda: not sleeping(seconds))


async def test_a_start_that_is_cancelled_leaves_nothing(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    await build(runtime, context(tmp_path / "context"))
    for moment in range(30):
        starting = asyncio.create_task(runtime.start(spec(tmp_path, command=("sleep", "600"))))
        for _ in range(moment):
            await asyncio.sleep(0.001)
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await runtime.remove(await starting)
        assert not marked(tmp_path / "containers")
        assert list((tmp_path / "containers" / "running").iterdir()) == []
        assert runtime.containers == {}
        assert runtime.ports.of_group == {}


async def test_a_stopped_process_is_ended(runtime: ProcessRuntime, tmp_path: Path) -> None:
    await build(runtime, context(tmp_path / "context"))
    code = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready")
        time.sleep(600)
        """
    container = await runtime.start(spec(tmp_path, command=script(code)))
    process = runtime.containers[container.id].process
    assert process
    guard = psutil.Process(process.pid)
    await until_async(lambda: log_lines(container))
    for each in (*guard.children(), guard):
        each.suspend()
    async with asyncio.timeout(20):
        await runtime.stop(container, 0.3)
    assert container.exit_code == 137
    assert not marked(tmp_path / "containers")


async def test_a_killed_process_is_an_error_and_not_out_of_memory(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    await build(runtime, context(tmp_path / "context"))
    code = "import os; os.kill(os.getpid(), 9)"
    container = await runtime.start(spec(tmp_path, command=script(code)))
    assert await container.wait() == 137
    assert container.reason == "Error"


async def test_memory_is_counted_over_all_processes(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    await build(runtime, context(tmp_path / "context"))
    code = """
        import multiprocessing, time

        def hold():
            held = bytearray(b"x" * 60_000_000)
            time.sleep(30)

        for _ in range(3):
            multiprocessing.Process(target=hold).start()
        time.sleep(30)
        """
    container = await runtime.start(spec(tmp_path, command=script(code), memory_gb=0.125))
    async with asyncio.timeout(20):
        assert await container.wait() == 137
    assert container.reason == "OOMKilled"


async def test_many_containers_start_at_once(runtime: ProcessRuntime, tmp_path: Path) -> None:
    await build(runtime, context(tmp_path / "context"))
    containers: list[Container] = await asyncio.gather(
        *(runtime.start(spec(tmp_path, f"c{number}", ports=(80,))) for number in range(8))
    )
    ports = {container.address[80] for container in containers}
    assert len(ports) == 8
    pids = {(await ask(container))["pid"] for container in containers}
    assert len(pids) == 8
    await asyncio.gather(*(runtime.remove(container) for container in containers))
    assert all(container.state is ContainerState.TERMINATED for container in containers)
    assert list((tmp_path / "containers" / "running").iterdir()) == []


@pytest.mark.parametrize("tty", [True, False])
async def test_a_word_that_no_program_can_be_given_is_said_in_a_sentence(
    runtime: ProcessRuntime, tmp_path: Path, tty: bool
) -> None:
    await build(runtime, context(tmp_path / "context"))
    container = await runtime.start(spec(tmp_path, command=("sleep", "600")))
    with pytest.raises(ContainerRuntimeError, match="could not be started"):
        await runtime.exec(container, ["echo", "a\0b"], tty=tty)


async def test_closing_an_exec_session_ends_its_program(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    await build(runtime, context(tmp_path / "context"))
    container = await runtime.start(spec(tmp_path, command=("sleep", "600")))
    for tty in (True, False):
        session = await runtime.exec(container, ["sleep", "600"], tty=tty)
        await session.close()
        assert await session.wait() == 137
    session = await runtime.exec(container, ["sleep", "600"], tty=True)
    await runtime.stop(container, 0)
    assert await session.wait() == 137


async def test_an_image_without_a_command_needs_one(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    folder = context(tmp_path / "context", f"FROM python:{MINOR}\nCMD []\nENTRYPOINT []\n")
    await build(runtime, folder, "none:1")
    container = await runtime.start(spec(tmp_path, image=f"{REGISTRY}/none:1"))
    assert await container.wait() == 0, "the base image's python3, with no input"
    with pytest.raises(ContainerRuntimeError, match="no command"):
        await runtime.start(spec(tmp_path, image=f"{REGISTRY}/none:1", args=(), command=()))


# Images on disk


async def test_the_same_content_is_the_same_image(runtime: ProcessRuntime, tmp_path: Path) -> None:
    first, _ = await build(runtime, context(tmp_path / "one"), "a:1")
    second, _ = await build(runtime, context(tmp_path / "two"), "a:2")
    other, _ = await build(runtime, context(tmp_path / "three", main__py="pass"), "a:3")
    assert first.digest == second.digest
    assert first.digest != other.digest
    replaced, _ = await build(runtime, context(tmp_path / "three", main__py="pass"), "a:1")
    assert replaced.digest == other.digest
    await runtime.remove_image(second.reference)
    folders = [each for each in (tmp_path / "containers" / "images").iterdir() if each.is_dir()]
    assert len(folders) == 1


async def test_images_outlive_a_crash_and_half_a_build_does_not(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    image, _ = await build(runtime, context(tmp_path / "one"), "a:1")
    (runtime.images_here.begin() / "rootfs" / "half").touch()
    again = ProcessImages(tmp_path / "containers" / "images")
    found = again.find(image.reference)
    assert found
    assert found.named(image.reference) == image
    assert {each.name for each in again.folder.iterdir()} == {
        *("tags.json", image.digest.removeprefix("sha256:")),
    }


def test_without_a_tag_it_is_the_latest(tmp_path: Path) -> None:
    images = ProcessImages(tmp_path)
    assert images.find("a.azurecr.io/b") is None


# Small things


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (f"python:{MINOR}", True),
        (f"python:{MINOR}-slim", True),
        (f"python:{MINOR}.9-slim-bookworm", True),
        (f"docker.io/library/python:{MINOR}", True),
        (f"localhost:5000/python:{MINOR}-debian", True),
        (f"python:{MINOR}@sha256:{'0' * 64}", True),
        (f"python:{MINOR}0", False),
        ("python", False),
        ("python:3", False),
        (f"pythons:{MINOR}", False),
        (f"pypy:{MINOR}", False),
    ],
)
def test_which_base_images_are_python(image: str, expected: bool) -> None:
    assert is_python(image) is expected


def test_a_shell_line_is_taken_apart() -> None:
    assert commands("pip install 'a b' && mkdir x; true") == [
        ["pip", "install", "a b"],
        ["mkdir", "x"],
        ["true"],
    ]


@pytest.mark.parametrize("line", ["a | b", "a > b", "a & b", "(a)", "a || b", "a `b`", "a>=1"])
def test_more_of_a_shell_is_refused(line: str) -> None:
    with pytest.raises(NotHonoured):
        commands(line)


def test_the_shell_form_without_a_shell() -> None:
    line = "exec uvicorn app:app --port ${PORT:-80} --name 'a b'"
    assert shell(line, {"PORT": "8080"}, windows=True) == [
        *("uvicorn", "app:app", "--port", "8080", "--name", "a b"),
    ]
    assert shell(line, {}, windows=False) == ["/bin/sh", "-c", line]


def test_paths_of_the_image_are_found_on_this_machine(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "app").mkdir(parents=True)
    (root / "app" / "main.py").touch()
    for text, expected in {
        "/app/main.py": f"{root}/app/main.py",
        "python /app/main.py --log=/app/new.log": (
            f"python {root}/app/main.py --log={root}/app/new.log"
        ),
        "/app:/usr/bin": f"{root}/app:/usr/bin",
        "cat '/app/main.py'": f"cat '{root}/app/main.py'",
        "/bin/sh": "/bin/sh",
        "http://localhost/app": "http://localhost/app",
        "file:///app": "file:///app",
        "a/app": "a/app",
        "./app": "./app",
        "/": "/",
        "//app": "//app",
        "1 / 2": "1 / 2",
    }.items():
        assert on_this_machine(text, root) == expected


@given(st.text(st.sampled_from("./ab-"), max_size=20))
def test_no_path_leads_out_of_the_container(path: str) -> None:
    root = Path("/nowhere/root")
    assert below(root, path).is_relative_to(root)
