"""The commands of a Dockerfile's RUN that a process image can honour.

pip install ...                   noted, and installed at the end of the build if it is not there
mkdir, chmod                      done below the image's root
useradd, chown and their like     no effect: a process runs as the user who runs local Azure
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

# Of users and owners, which a process has none of; and of caches, which it has none of either.
NO_EFFECT = frozenset(
    (
        *("addgroup", "adduser", "chgrp", "chown", "groupadd", "groupmod", "passwd"),
        *("useradd", "usermod", "true", ":"),
    )
)
# pip's options that change nothing about what is installed, and how many words follow each.
PIP_NO_EFFECT = frozenset(
    (
        *("--no-cache-dir", "--upgrade", "-U", "--quiet", "-q", "-qq", "--verbose", "-v", "--user"),
        *("--no-input", "--disable-pip-version-check", "--no-compile", "--compile"),
        *("--break-system-packages", "--no-warn-script-location", "--progress-bar=off"),
        *("--ignore-installed", "--force-reinstall", "--isolated", "--require-virtualenv"),
    )
)
PIP_KEPT = frozenset(("--pre", "--prefer-binary", "--no-index"))
PIP_WITH_VALUE = frozenset(
    (
        *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host"),
        *("--only-binary", "--no-binary"),
    )
)
PIP_VALUE_NO_EFFECT = frozenset(
    ("--timeout", "--retries", "--root-user-action", "--cache-dir", "--progress-bar")
)
# What installs packages and is in every environment already.
INSTALLERS = frozenset(("pip", "setuptools", "wheel"))
_PYTHON = re.compile(r"python(3(\.\d+)?)?")


class NotHonoured(ValueError):  # noqa: N818 - a build error's reason
    """The message is a sentence that says what and why."""


@dataclass
class Packages:
    """What pip is to install, over all RUN instructions so far."""

    requirements: list[Requirement] = field(default_factory=list)
    options: list[str] = field(default_factory=list)


@dataclass
class Shell:
    """Honours commands. `place` maps a path of the image, relative to the working folder, to one
    of this machine, or raises NotHonoured; `note` says what has no effect."""

    place: Callable[[str], Path]
    packages: Packages
    note: Callable[[str], None]

    def run_line(self, line: str) -> None:
        """A command line of the shell form; its variables are filled in already."""
        for command in commands(line):
            self.run(command)

    def run(self, words: list[str]) -> None:
        name = words[0].rpartition("/")[2]
        if _PYTHON.fullmatch(name) and words[1:3] == ["-m", "pip"]:
            name, words = "pip", words[2:]
        if name in ("pip", "pip3"):
            self._pip(words[1:])
        elif name == "mkdir":
            self._mkdir(words[1:])
        elif name == "chmod":
            self._chmod(words[1:])
        elif name in NO_EFFECT:
            self.note(f"{shlex.join(words)}: no effect, a process runs as you.")
        elif name == "set" and all(word.startswith(("-", "+")) for word in words[1:]):
            return  # each command that fails ends the build anyway
        else:
            raise NotHonoured(
                f"'{name}' cannot be run: without a container there is no file system of the"
                " image's own to run it in. Honoured are pip install, mkdir, chmod and what"
                " concerns users. With Docker or Podman started, every command is."
            )

    def _mkdir(self, words: list[str]) -> None:
        for word in words:
            if not word.startswith("-"):
                self.place(word).mkdir(parents=True, exist_ok=True)
            elif word not in ("-p", "--parents", "-v", "-pv"):
                raise NotHonoured(f"of mkdir's options only -p is honoured, not '{word}'.")

    def _chmod(self, words: list[str]) -> None:
        files = [word for word in words if not re.fullmatch(r"-[Rvcf]+", word)]
        if len(files) < 2:
            raise NotHonoured("chmod needs a mode and a file.")
        mode, *paths = files
        for path in paths:
            top = self.place(path)
            if not top.exists():
                raise NotHonoured(f"chmod: there is no {path} in the image.")
            for file in (top, *(top.rglob("*") if len(files) < len(words) else ())):
                if not file.is_symlink():
                    file.chmod(_mode(mode, file.stat().st_mode))

    def _pip(self, words: list[str]) -> None:
        if not words or words[0] != "install":
            raise NotHonoured(f"of pip's commands only install is honoured, not '{words[:1]}'.")
        rest = words[1:]
        while rest:
            word = rest.pop(0)
            name, equals, value = word.partition("=")
            if word in PIP_NO_EFFECT or name in PIP_VALUE_NO_EFFECT:
                if name in PIP_VALUE_NO_EFFECT and not equals and rest:
                    rest.pop(0)
            elif word in ("-r", "--requirement", "-c", "--constraint") and rest:
                self._requirements_file(rest.pop(0), kept=word in ("-r", "--requirement"))
            elif name in ("--requirement", "--constraint") and equals:
                self._requirements_file(value, kept=name == "--requirement")
            elif word in PIP_KEPT or (name in PIP_WITH_VALUE and equals):
                self.packages.options.append(word)
            elif word in PIP_WITH_VALUE and rest:
                self.packages.options.append(f"{word} {rest.pop(0)}")
            elif word.startswith("-"):
                raise NotHonoured(f"pip's option '{word}' is not honoured.")
            else:
                self._require(word)

    def _require(self, text: str) -> None:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise NotHonoured(
                f"pip install {text}: it is no package's name. Projects in a folder, files and"
                " URLs are not installed; copy the code and list what it needs."
            ) from error
        if requirement.url:
            raise NotHonoured(f"pip install {text}: packages are installed by name only.")
        requirement.name = canonicalize_name(requirement.name)
        if requirement.name in INSTALLERS and not requirement.specifier:
            self.note(f"pip install {text}: left out, the environment has its own.")
        else:
            self.packages.requirements.append(requirement)

    def _requirements_file(self, name: str, *, kept: bool) -> None:
        """https://pip.pypa.io/en/stable/reference/requirements-file-format/"""
        if not kept:
            raise NotHonoured("pip's option --constraint is not honoured; name the versions.")
        file = self.place(name)
        if not file.is_file():
            raise NotHonoured(f"there is no {name} in the image: COPY it first.")
        text = re.sub(r"\\\r?\n", " ", file.read_text(encoding="utf-8-sig", errors="replace"))
        for line in text.splitlines():
            line = re.sub(r"(^|\s)#.*", "", line).strip()
            line = re.sub(r"\s--hash[= ]\S+", "", line).strip()
            if line.startswith("-"):
                self._pip(["install", *_nested(shlex.split(line), name)])
            elif line:
                self._require(line)


def _nested(words: list[str], name: str) -> list[str]:
    """A requirements file that names another names it relative to itself."""
    if len(words) == 2 and words[0] in ("-r", "--requirement"):
        return [words[0], name.rpartition("/")[0] + "/" * ("/" in name) + words[1]]
    return words


def commands(line: str) -> list[list[str]]:
    """The commands of a line, joined by && or ;. Raises NotHonoured for more of a shell."""
    if re.search(r"`|\$\(", line):
        raise NotHonoured("a command inside a command ($(...)) needs a shell in a container.")
    splitter = shlex.shlex(line, posix=True, punctuation_chars=True)
    splitter.whitespace_split = True
    splitter.commenters = ""
    found: list[list[str]] = [[]]
    try:
        words = list(splitter)
    except ValueError as error:
        raise NotHonoured(f"the line cannot be read: {error}.") from error
    for word in words:
        if word in ("&&", ";"):
            found.append([])
        elif word and set(word) <= set("();<>|&"):
            raise NotHonoured(f"'{word}' needs a shell in a container; && and ; are honoured.")
        else:
            found[-1].append(word)
    return [each for each in found if each]


def _mode(text: str, before: int) -> int:
    """755, +x, u+x, a+rx: modes that give; others are not honoured."""
    if re.fullmatch(r"[0-7]{3,4}", text):
        return int(text, 8)
    match = re.fullmatch(r"([ugoa]*)\+([rwx]+)", text)
    if match is None:
        raise NotHonoured(f"of chmod's modes those like 755 and +x are honoured, not '{text}'.")
    bits = sum({"r": 4, "w": 2, "x": 1}[letter] for letter in set(match[2]))
    who = match[1] or "a"
    shifts = {"u": 6, "g": 3, "o": 0}
    chosen = shifts if "a" in who else {letter: shifts[letter] for letter in set(who)}
    for shift in chosen.values():
        before |= bits << shift
    return before & 0o7777
