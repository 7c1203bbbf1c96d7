"""Builds an image for the process runtime: what of a Dockerfile a process can honour.

https://docs.docker.com/reference/dockerfile/

The base image is this machine's Python; files are copied below the image's root; packages are
those that this Python has, or a virtual environment that has them. What cannot be honoured is a
build error that names the line and the reason.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from emulator.containers.build_context import as_regex, context_paths, read_ignore_file
from emulator.containers.dockerfile import (
    DockerfileError,
    Instruction,
    pairs,
    parse,
    split_words,
    substitute,
)
from emulator.containers.process.images import ImageConfig
from emulator.containers.process.run_commands import NotHonoured, Packages, Shell

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
# As in the official Python image, for what the Dockerfile makes of them.
BASE_VARIABLES = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
BASE_COMMAND = ["python3"]
ARCHIVE = re.compile(r"\.(tar|tar\.(gz|bz2|xz|zst)|tgz|tbz2|txz)$")
IDLE_FLAGS = ("chown", "link")  # which have no effect here
FIRST_FREE = 1024  # the lowest port that every user may listen on
SHELL_HAS_PORT = re.compile(r"\$(\{?PORT\b)")


class Base(Protocol):
    """What an image can be built on beside this machine's Python."""

    def make(self, root: Path) -> ImageConfig:
        """Write its files below `root`; returns how it is run."""


class NoBase(Exception):  # noqa: N818 - an answer: the image is known and cannot be stood in for
    """The message says why not."""


class ProcessBuild:
    """One build. `root` is the image's root folder on this machine; `note` gets the log.

    `find_stand_in` returns what stands in for a base image, None if nothing does. Raises NoBase.
    """

    def __init__(
        self,
        context: Path,
        dockerfile: str,
        root: Path,
        build_args: Mapping[str, str],
        note: Callable[[str], None],
        find_stand_in: Callable[[str], Base | None],
    ) -> None:
        self.context = context
        self.root = root
        self.build_args = build_args
        self.note = note
        self.find_stand_in = find_stand_in
        self.config = ImageConfig()
        self.packages = Packages()
        self.pip_lines: list[int] = []
        self.global_args: dict[str, str] = {}
        self.args: dict[str, str] = {}
        self.paths = list(context_paths(context, read_ignore_file(context, dockerfile)))
        self.line = 0
        self.has_command = False
        self.shell = Shell(self._place, self.packages, self._no_effect)

    def run(self, text: str) -> None:
        """Carry out the whole Dockerfile, but for installing `packages`. Raises DockerfileError."""
        instructions = parse(text)
        used = {name for each in instructions if each.keyword == "ARG" for name in _names(each)}
        for number, each in enumerate(instructions, 1):
            self.note(f"Step {number}/{len(instructions)} : {each}")
            self.line = each.line
            try:
                getattr(self, f"_{each.keyword.lower()}")(each)
            except NotHonoured as error:
                raise DockerfileError(each.line, f"{each.keyword}: {error}") from error
            except OSError as error:
                raise DockerfileError(each.line, f"{each.keyword}: {error}.") from error
        for name in self.build_args.keys() - used:
            self.note(f"The build argument {name} is declared by no ARG and was not used.")
        config = self.config
        if not (config.entrypoint or config.entrypoint_shell or config.cmd or config.cmd_shell):
            config.cmd = list(BASE_COMMAND)
        self._check_port()

    # In the order of the reference

    def _add(self, each: Instruction) -> None:
        for source in self._words(each)[:-1]:
            if urlsplit(source).scheme or source.startswith("git@"):
                raise NotHonoured(f"{source} is not fetched; download it and COPY it.")
            if ARCHIVE.search(source):
                raise NotHonoured(f"{source} is not unpacked; unpack it and COPY the folder.")
        self._copy(each)

    def _arg(self, each: Instruction) -> None:
        scope = self.args if self.config.base else self.global_args
        for word in split_words(each.value, each.line):
            name, equals, default = word.partition("=")
            if name in self.build_args:
                scope[name] = self.build_args[name]
            elif equals:
                scope[name] = self._fill(default)
            elif name in self.global_args:
                scope[name] = self.global_args[name]

    def _cmd(self, each: Instruction) -> None:
        self.has_command = True
        self.config.cmd = list(each.words or ())
        self.config.cmd_shell = "" if each.words is not None else each.value

    def _copy(self, each: Instruction) -> None:
        mode = None
        for name, value in each.flags:
            if name == "from":
                raise NotHonoured("--from needs a build in stages, which is not honoured.")
            if name == "chmod":
                mode = _octal(value)
            elif name in IDLE_FLAGS:
                self._no_effect(f"{each.keyword} --{name}: no effect, a process runs as you.")
            else:
                raise NotHonoured(f"--{name} is not honoured.")
        *sources, target = self._words(each)
        if not sources:
            raise NotHonoured("it needs a source and a destination.")
        found = [(path, source) for source in sources for path in self._matching(source)]
        into = target.endswith("/") or target in (".", "..") or len(found) > 1
        for path, _ in found:
            self._copy_one(path, target, into, mode)

    def _entrypoint(self, each: Instruction) -> None:
        # The base's own command goes, as with Docker.
        if not self.has_command:
            self.config.cmd, self.config.cmd_shell = [], ""
        self.config.entrypoint = list(each.words or ())
        self.config.entrypoint_shell = "" if each.words is not None else each.value

    def _env(self, each: Instruction) -> None:
        # All with the values from before, as Docker has it.
        self.config.variables |= {
            self._fill(name): self._fill(value) for name, value in pairs(each)
        }

    def _expose(self, each: Instruction) -> None:
        for word in self._words(each):
            match = re.fullmatch(r"(\d+)(?:-(\d+))?(?:/(tcp|udp))?", word, re.IGNORECASE)
            first = int(match[1]) if match else 0
            last = int(match[2] or first) if match else 0
            if not 1 <= first <= last <= 65535:
                raise NotHonoured(f"'{word}' is no port: write a number from 1 to 65535.")
            if match and (match[3] or "tcp").lower() == "tcp":
                ports = {*self.config.ports, *range(first, last + 1)}
                self.config.ports = sorted(ports)

    def _from(self, each: Instruction) -> None:
        if self.config.base:
            raise NotHonoured("a build in stages is not honoured; write one stage.")
        image = substitute(each.value.split()[0], self.global_args, each.line)
        if is_python(image):
            self.config.base = image
            version = ".".join(str(part) for part in sys.version_info[:3])
            self.note(f" ---> {image} is this machine's Python {version}, and no container")
        else:
            self.config = self._stand_in(image).make(self.root)
            self.note(f" ---> {self.config.stand_in}")
        if each.flags:
            self._no_effect(f"{each.flags[0][0]}: no effect, this machine is what it is.")

    def _stand_in(self, image: str) -> Base:
        try:
            found = self.find_stand_in(image) if image else None
        except NoBase as error:
            raise NotHonoured(str(error)) from None
        if found is None:
            named = f"'{image}'" if image else "an empty name"
            raise NotHonoured(
                f"the base image is {named}. Without a container engine the base is this machine's"
                f" Python: python:{MINOR} and its variants, such as python:{MINOR}-slim."
            )
        return found

    def _healthcheck(self, each: Instruction) -> None:
        self.config.healthcheck = str(each).removeprefix("HEALTHCHECK ")
        self.note(" ---> recorded; Azure has probes of its own and does not use it")

    def _label(self, each: Instruction) -> None:
        self.config.labels |= {self._fill(name): self._fill(value) for name, value in pairs(each)}

    def _maintainer(self, each: Instruction) -> None:
        self.config.labels["maintainer"] = each.value

    def _onbuild(self, _: Instruction) -> None:
        raise NotHonoured("it is for images that others are built on, which there are none of.")

    def _run(self, each: Instruction) -> None:
        for name, value in each.flags:
            if name != "mount" or "type=cache" not in value.split(","):
                raise NotHonoured(f"--{name}={value} is not honoured.")
            self._no_effect("RUN --mount=type=cache: no effect, pip has its own cache.")
        before = len(self.packages.requirements)
        if each.words is not None:
            self.shell.run(list(each.words))
        else:
            self.shell.run_line(substitute(each.value, self._variables(), each.line, unquote=False))
        if len(self.packages.requirements) > before:
            self.pip_lines.append(each.line)

    def _shell(self, _: Instruction) -> None:
        raise NotHonoured("another shell than /bin/sh is not honoured.")

    def _stopsignal(self, each: Instruction) -> None:
        if self._fill(each.value) not in ("SIGTERM", "TERM", "15"):
            raise NotHonoured("a process is stopped with SIGTERM; no other signal is honoured.")

    def _user(self, each: Instruction) -> None:
        self.config.user = self._fill(each.value)
        self._no_effect(f"USER {self.config.user}: no effect, a process runs as you.")

    def _volume(self, each: Instruction) -> None:
        for path in each.words or self._words(each):
            self._place(path).mkdir(parents=True, exist_ok=True)
        self._no_effect("VOLUME: a folder of the container's own; it goes with the container.")

    def _workdir(self, each: Instruction) -> None:
        workdir = posixpath.join(self.config.workdir, self._fill(each.value))
        self.config.workdir = posixpath.normpath("/" + workdir.lstrip("/"))
        self._place(".").mkdir(parents=True, exist_ok=True)

    # How

    def _variables(self) -> dict[str, str]:
        """ENV wins over ARG: https://docs.docker.com/reference/dockerfile/#using-arg-variables"""
        if not self.config.base:
            return self.global_args
        return BASE_VARIABLES | self.args | self.config.variables

    def _fill(self, text: str) -> str:
        return substitute(text, self._variables(), self.line)

    def _words(self, each: Instruction) -> list[str]:
        if each.words is not None:
            return [self._fill(word) for word in each.words]
        return [self._fill(word) for word in split_words(each.value, each.line)]

    def _no_effect(self, text: str) -> None:
        self.note(f" ---> {text}")
        if text not in self.config.notes:
            self.config.notes.append(text)

    def _place(self, path: str) -> Path:
        """A path of the image on this machine; it cannot lead out of the image's root."""
        absolute = posixpath.normpath(posixpath.join("/", self.config.workdir, path)).lstrip("/")
        place = self.root / absolute
        if not place.resolve().is_relative_to(self.root.resolve()):
            raise NotHonoured(f"{path} leads out of the image by a symbolic link.")
        return place

    def _matching(self, source: str) -> list[str]:
        """The paths of the context that a source names; "" is the whole of it."""
        wanted = posixpath.normpath("/" + source).lstrip("/")
        if not wanted:
            return [""]
        pattern = as_regex(wanted)
        known = dict.fromkeys(parent for path in self.paths for parent in _with_parents(path))
        found = [path for path in known if pattern.fullmatch(path)]
        if not found:
            raise NotHonoured(
                f"there is no {source} in the build context, or .dockerignore leaves it out."
            )
        return found

    def _copy_one(self, path: str, target: str, into: bool, mode: int | None) -> None:
        source = self.context / path
        place = self._place(target)
        if source.is_dir() and not source.is_symlink():
            place.mkdir(parents=True, exist_ok=True)
            for each in self.paths:
                if not path or each.startswith(f"{path}/"):
                    below = posixpath.relpath(each, path or ".")
                    self._copy_file(each, posixpath.join(target, below), mode)
        else:
            into = into or place.is_dir()
            to = posixpath.join(target, posixpath.basename(path)) if into else target
            self._copy_file(path, to, mode)

    def _copy_file(self, path: str, target: str, mode: int | None) -> None:
        source, place = self.context / path, self._place(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            link = os.readlink(source)
            end = (place.parent / link).resolve()
            if os.path.isabs(link) or not end.is_relative_to(self.root.resolve()):
                raise NotHonoured(f"{path} is a symbolic link that leads out of the image.")
            place.unlink(missing_ok=True)
            place.symlink_to(link)
        elif source.is_dir():
            place.mkdir(exist_ok=True)
        elif source.is_file():
            if place.is_symlink():
                place.unlink()
            shutil.copy2(source, place)
            if mode is not None:
                place.chmod(mode)

    def _check_port(self) -> None:
        """A process is told its port by PORT, which a command with a fixed one does not hear.

        And it may listen where its user, which it does not run as, may not on Azure:
        https://azureossd.github.io/2024/06/10/Container-Apps-Binding-to-ports-under-1024/
        """
        low = [port for port in self.config.ports if port < FIRST_FREE]
        if low and self.config.user.partition(":")[0] not in ("", "root", "0"):
            self._no_effect(
                f"EXPOSE {low[0]}: on Azure the user {self.config.user} may not listen there"
                f" (permission denied), as only root may below {FIRST_FREE}. Take 8080."
            )
        shell = f"{self.config.entrypoint_shell} {self.config.cmd_shell}"
        words = [*self.config.entrypoint, *self.config.cmd]
        if (
            self.config.ports
            and not SHELL_HAS_PORT.search(shell)
            and any(
                re.fullmatch(r"--?(port|p|bind|b)(=.*)?", word) for word in (*words, *shell.split())
            )
        ):
            self._no_effect(
                "CMD names a fixed port. Several processes share this machine's ports, so each is"
                " given its own in PORT, with HOST: end in --host ${HOST:-0.0.0.0}"
                " --port ${PORT:-8080} (shell form)."
            )


def is_python(image: str) -> bool:
    """Whether the name says that it is a Python of this machine's minor version."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name == "python" and re.fullmatch(rf"{re.escape(MINOR)}([.-].*)?", tag) is not None


def _names(each: Instruction) -> list[str]:
    return [word.partition("=")[0] for word in split_words(each.value, each.line)]


def _with_parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _octal(value: str) -> int:
    if not re.fullmatch(r"[0-7]{3,4}", value):
        raise NotHonoured(f"--chmod={value}: write the mode as a number, such as 755.")
    return int(value, 8)
