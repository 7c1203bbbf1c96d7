"""The files that a build may see: its context, less what .dockerignore leaves out.

https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import os
import posixpath
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

IGNORE_FILE = ".dockerignore"


@dataclass(frozen=True)
class Rule:
    """One line of .dockerignore. `keeps` is for one that begins with "!"."""

    pattern: re.Pattern[str]
    keeps: bool


def read_ignore_file(context: Path, dockerfile: str) -> list[Rule]:
    """The rules of `{dockerfile}.dockerignore` where there is one, else of .dockerignore."""
    for file in (context / f"{dockerfile}.dockerignore", context / IGNORE_FILE):
        if file.is_file():
            return parse_ignore_file(file.read_text(encoding="utf-8-sig"))
    return []


def parse_ignore_file(text: str) -> list[Rule]:
    rules = []
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        keeps = line.startswith("!")
        pattern = posixpath.normpath(line.removeprefix("!").strip()).lstrip("/")
        if pattern not in (".", ""):
            rules.append(Rule(as_regex(pattern), keeps))
    return rules


def as_regex(pattern: str) -> re.Pattern[str]:
    """Go's filepath.Match, and `**` for any number of folders."""
    text, rest = "", pattern
    while rest:
        if rest.startswith("**/"):
            text, rest = text + "(?:.*/)?", rest[3:]
        elif rest.startswith("**"):
            text, rest = text + ".*", rest[2:]
        elif rest[0] == "*":
            text, rest = text + "[^/]*", rest[1:]
        elif rest[0] == "?":
            text, rest = text + "[^/]", rest[1:]
        elif rest[0] == "[" and (match := re.match(r"\[(\^?)((?:\\.|[^\]\\])+)\]", rest)):
            inside = re.sub(r"([\[&~|^])", r"\\\1", match[2])
            text, rest = f"{text}(?!/)[{match[1]}{inside}]", rest[match.end() :]
        elif rest[0] == "\\" and len(rest) > 1:
            text, rest = text + re.escape(rest[1]), rest[2:]
        else:
            text, rest = text + re.escape(rest[0]), rest[1:]
    try:
        return re.compile(text, re.DOTALL)
    except re.error:  # a range that is none, such as [z-a], which matches nothing in Go
        return re.compile(r"(?!)")


def ignored(path: str, rules: Sequence[Rule]) -> bool:
    """Whether `path`, relative and with slashes, is left out; the last rule that fits decides."""
    parts = path.split("/")
    parents = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    left_out = False
    for rule in rules:
        if rule.keeps is left_out and any(rule.pattern.fullmatch(each) for each in parents):
            left_out = not rule.keeps
    return left_out


def context_paths(context: Path, rules: Sequence[Rule]) -> Iterator[str]:
    """Every file, folder and link in the context that is not left out, sorted, parents first."""
    may_skip = not any(rule.keeps for rule in rules)
    for folder, folders, files in os.walk(context):
        relative = Path(folder).relative_to(context)
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted({*folders, *files}):
            path = (relative / name).as_posix()
            if not ignored(path, rules):
                yield path
            elif may_skip and name in folders:
                folders.remove(name)
        folders[:] = sorted(set(folders) - set(links))


def write_tar(context: Path, dockerfile: str, output: IO[bytes]) -> None:
    """The context as an engine takes it. The Dockerfile is in it even if it is left out, and so is
    .dockerignore, which tells the engine to leave them out itself."""
    paths = set(context_paths(context, read_ignore_file(context, dockerfile)))
    paths.add(dockerfile)
    if (context / IGNORE_FILE).is_file():
        paths.add(IGNORE_FILE)
    with tarfile.open(fileobj=output, mode="w") as archive:
        for path in sorted(paths):
            archive.add(context / path, path, recursive=False, filter=_plain)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Owned by root, as Docker sends it; sockets and devices stay behind.

    Folders are open to whoever runs in the image: here they are closed, as the state folder is.
    """
    if not (info.isfile() or info.isdir() or info.issym() or info.islnk()):
        return None
    if info.isdir():
        info.mode = 0o755
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def inside(context: Path, path: str) -> Path:
    """A path that the caller named, within the context. Raises ValueError when it leads out."""
    found = (context / path).resolve()
    if not found.is_relative_to(context.resolve()):
        raise ValueError(f"{path} is outside of the build context")
    return found
