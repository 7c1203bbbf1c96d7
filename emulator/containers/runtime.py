"""Running containers on this machine: the interface of both ways of doing it (see choice.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

Log = Callable[[str], None]


class ContainerState(StrEnum):
    """As Azure's `containers.instanceView.currentState.state`."""

    WAITING = "Waiting"
    RUNNING = "Running"
    TERMINATED = "Terminated"


@dataclass(frozen=True)
class ContainerSpec:
    """One container as it should run.

    `name` is unique and fit for a file name: "group--container". `image` is a reference such as
    "registry.azurecr.io/digits:1". `command` replaces ENTRYPOINT and CMD (Container Instances'
    `command`), `args` replaces CMD alone (Container Apps' `args`). `ports` are the container's
    ports to reach from this machine, on 127.0.0.1 only. `cpu` is in cores, `memory_gb` in GiB.
    `log_file` gets a line of output each, after its RFC 3339 time and a space. `files` are secret
    volumes: absolute path -> content, readable by the container alone. `empty_dirs` are mount path
    -> volume name.

    Containers of one `group` share localhost and its empty dirs. A group's network is made with
    its first container, so `group_ports` names the ports of all of them, the same with each;
    `ports` must be among them. `group` "" is a container that shares with none, which starts
    sooner: use it where there is only one and no init container.
    """

    name: str
    image: str
    command: tuple[str, ...] | None
    args: tuple[str, ...] | None
    variables: Mapping[str, str]
    ports: tuple[int, ...]
    cpu: float
    memory_gb: float
    log_file: Path
    files: Mapping[str, bytes] = field(default_factory=dict)
    empty_dirs: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    group_ports: tuple[int, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


class Container(Protocol):
    """A container that was started. Read it; its runtime alone changes it.

    `reason` is "" while it runs, then "Completed", "Error" or "OOMKilled". `exit_code` is 128 + n
    after signal n. `address` is container port -> port on 127.0.0.1. `message` says what of the
    spec is not applied here, "" if nothing; `stand_in` what stands in for its image, "" if it runs
    the image itself.
    """

    @property
    def spec(self) -> ContainerSpec: ...
    @property
    def id(self) -> str: ...
    @property
    def state(self) -> ContainerState: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def started(self) -> datetime | None: ...
    @property
    def finished(self) -> datetime | None: ...
    @property
    def address(self) -> Mapping[int, int]: ...
    @property
    def message(self) -> str: ...
    @property
    def stand_in(self) -> str: ...

    async def wait(self) -> int:
        """Return the exit code once it is terminated."""


@dataclass(frozen=True)
class Image:
    """An image that is on this machine. `digest` is "sha256:...", `size` in bytes.

    `stand_in` says what stands in for it where the image itself cannot be had, "" otherwise.
    """

    reference: str
    digest: str
    size: int
    created: datetime
    ports: tuple[int, ...]
    stand_in: str = ""


@dataclass(frozen=True)
class ThisMachine:
    """Where containers reach this machine: `name` is its name or address to them, and `address`
    is where to listen for them."""

    name: str
    address: str


@dataclass(frozen=True)
class Usage:
    """What a container uses: seconds of a core since it started, bytes of memory now."""

    cpu_seconds: float
    memory: int


class ImageNotFound(Exception):  # noqa: N818 - named as Docker names it
    """The image is not to be had; the message names it and says why."""


class BuildFailed(Exception):  # noqa: N818 - an outcome that is told, like an exit code
    """The image was not built. The message is the reason, `log` the whole build log."""

    def __init__(self, reason: str, log: str) -> None:
        super().__init__(reason)
        self.log = log


class ContainerRuntimeError(Exception):
    """The engine refused, or this machine could not do it; the message says what and why."""


class ExecSession(Protocol):
    """A program run inside a container, attached."""

    async def read(self) -> bytes:
        """Output as it comes (with a terminal: both streams as one); b"" at its end."""

    async def write(self, data: bytes) -> None:
        """Give it input."""

    async def resize(self, rows: int, cols: int) -> None:
        """Change the terminal's size. Without a terminal nothing happens."""

    async def wait(self) -> int:
        """The program's exit code, once it has ended."""

    async def close(self) -> None:
        """End it if it still runs, and let go of it."""


class ContainerRuntime(Protocol):
    """Where containers are built and run. `kind` is "container" or "process"."""

    @property
    def kind(self) -> str: ...
    @property
    def description(self) -> str: ...

    async def build(
        self,
        context: Path,
        dockerfile: str,
        tags: Sequence[str],
        build_args: Mapping[str, str],
        log: Log,
    ) -> Image:
        """Build the Dockerfile at the path `dockerfile` below `context`, and tag the image.

        `log` gets each line of the build log, from the event loop. Raises BuildFailed.
        """

    async def image(self, reference: str) -> Image | None:
        """The image if it is on this machine; nothing is pulled."""

    async def images(self, registry: str) -> list[Image]:
        """Every image here whose reference begins with the registry's login server."""

    async def tag(self, image: Image, reference: str) -> Image:
        """The same image under another name as well."""

    async def remove_image(self, reference: str) -> None:
        """Untag it. One that is not here is fine."""

    async def pull(self, reference: str, credentials: tuple[str, str] | None, log: Log) -> Image:
        """The image, pulled if it is not here. `credentials` are a user name and password.

        Raises ImageNotFound.
        """

    async def start(self, spec: ContainerSpec) -> Container:
        """Start a container. Raises ImageNotFound, ContainerRuntimeError."""

    async def stop(self, container: Container, grace: float = 10) -> None:
        """SIGTERM, `grace` seconds, then SIGKILL. One that has ended is fine."""

    async def remove(self, container: Container) -> None:
        """Kill it if it runs, and forget it. Its log file stays; its group's empty dirs go with
        the group's last container."""

    async def usage(self, container: Container) -> Usage:
        """What a running container uses. Raises ContainerRuntimeError."""

    async def exec(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        tty: bool,
        rows: int = 24,
        cols: int = 80,
    ) -> ExecSession:
        """Run a program in a running container. Raises ContainerRuntimeError."""

    async def this_machine(self) -> ThisMachine:
        """Where containers reach this machine. Raises ContainerRuntimeError where they cannot."""

    async def recover(self) -> None:
        """Remove the containers that an earlier run of this state folder has left."""

    async def close(self) -> None:
        """Remove every container of this state folder, and let go of the engine."""
