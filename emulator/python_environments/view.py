"""A virtual environment in which some of this Python's packages are to be found, and no others.

Nothing is installed or copied: it holds links to the packages' files, so it is made in half a
second and takes no room. What is in it is as it would be after an installation: modules, metadata,
.pth files, commands, for the interpreter itself and for every process that it starts.

    bin/python                     as in every virtual environment
    lib/python3.x/site-packages/   closure.pth alone, and what a script installs while it runs
    linked/                        the links

The links stand apart from site-packages, because pip replaces in its own environment what is to
have another version, and would follow a link to do so.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
import sysconfig
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

# Started through the shell: the path of an interpreter may be too long for a line with "#!". As
# those of pip, it does nothing when it is imported: processes that multiprocessing starts do that.
COMMAND = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from {module} import {first}
if __name__ == "__main__":
    sys.exit({called}())
"""


def installed_here() -> list[str]:
    """What says which packages this Python has, in which versions: the names of their metadata."""
    names = []
    for entry in sys.path:
        if os.path.isdir(entry):
            names += [f"{entry}/{name}" for name in os.listdir(entry) if name.endswith("-info")]
    return sorted(names)


def can_be_shown(distribution: Distribution) -> bool:
    """Whether it says which files it has, as what pip or conda has installed does."""
    return ".dist-info/RECORD" in (distribution.read_text("RECORD") or "")


def make_view(folder: Path, python: Path, distributions: Iterable[Distribution]) -> None:
    """Make the environment in `folder`, with its interpreter at `python`.

    All the distributions must be such as can be shown.
    """
    venv.EnvBuilder(symlinks=os.name == "posix").create(folder)
    places = {"base": str(folder), "platbase": str(folder)}
    linked = folder / "linked"
    linked.mkdir()
    site_packages = Path(sysconfig.get_path("purelib", "venv", places))
    (site_packages / "closure.pth").write_text(f"import site; site.addsitedir({str(linked)!r})\n")
    shown: dict[Path, list[Distribution]] = {}
    for distribution in distributions:
        shown.setdefault(Path(str(distribution.locate_file(""))), []).append(distribution)
    for site, here in shown.items():
        _link_all(site, here, linked)
    if os.name == "posix":
        for distribution in (each for here in shown.values() for each in here):
            _write_commands(distribution, python)


def _link_all(site: Path, shown: list[Distribution], target: Path) -> None:
    """Link what the distributions have in `site`: a folder as a whole where it is theirs alone."""
    records = [each.read_text("RECORD") or "" for each in shown]
    names = {_info_name(record) for record in records}
    children: dict[str, set[str]] = {}  # of each folder, those that are shown
    for record in records:
        for file in _files(record):
            path = PurePosixPath(file)
            for parent in path.parents:
                children.setdefault(str(parent), set()).add(path.name)
                path = parent
    shared: set[str] = set()  # the folders that others have files in
    for record_file in site.glob("*.dist-info/RECORD"):
        if record_file.parent.name in names:
            continue
        lines = record_file.read_text().splitlines()
        # Few share a folder with any of these, and those with thousands of files never do.
        if {line.partition("/")[0] for line in lines} & children["."]:
            folders = {file.rpartition("/")[0] for file in _files("\n".join(lines))}
            shared.update(str(each) for path in folders for each in _with_parents(path))

    def link(folder: str, into: Path) -> None:
        for name in children[folder]:
            path = name if folder == "." else f"{folder}/{name}"
            if path in shared and path in children:
                (into / name).mkdir()
                link(path, into / name)
            elif (site / path).exists():
                link_to(site / path, into / name)
                _link_compiled(site / path, into)

    link(".", target)


def _info_name(record: str) -> str:
    # As it is called on disk, which need not be the normalized name of this version.
    return next(file for file in _files(record) if file.endswith(".dist-info/RECORD")).split("/")[0]


def _files(record: str) -> Iterator[str]:
    """The files of a RECORD that are in site-packages, those that Python compiles left out."""
    for row in csv.reader(record.splitlines()):
        if row and not row[0].startswith(("..", "/")) and "__pycache__" not in row[0]:
            yield row[0].replace("\\", "/")


def _with_parents(path: str) -> Iterator[PurePosixPath]:
    yield PurePosixPath(path)
    yield from PurePosixPath(path).parents


def _link_compiled(source: Path, into: Path) -> None:
    name = f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    compiled = source.parent / "__pycache__" / name
    if source.suffix == ".py" and compiled.is_file():
        (into / "__pycache__").mkdir(exist_ok=True)
        link_to(compiled, into / "__pycache__" / name)


def link_to(source: Path, target: Path) -> None:
    """A symbolic link; where the system does not let one make it, hard links, or copies."""
    try:
        target.symlink_to(source)
    except OSError:
        if source.is_dir():
            shutil.copytree(source, target, copy_function=_link_file)
        else:
            _link_file(str(source), str(target))


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)


def _write_commands(distribution: Distribution, python: Path) -> None:
    for command in distribution.entry_points.select(group="console_scripts"):
        file = python.with_name(command.name)
        first = command.attr.partition(".")[0]
        file.write_text(
            COMMAND.format(python=python, module=command.module, first=first, called=command.attr)
        )
        file.chmod(0o755)
