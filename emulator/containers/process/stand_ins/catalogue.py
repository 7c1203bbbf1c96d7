"""Which public images have a stand-in, and what each is made of.

They are those that Microsoft's pages of Container Instances and Container Apps use, and the plain
ones that many samples begin with. Whatever the tag, the stand-in is the same.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path

from emulator.containers.process.build import MINOR, NoBase
from emulator.containers.process.images import ImageConfig

HERE = files(__name__.rpartition(".")[0])
DOCKER_HUB = re.compile(r"^(docker\.io/|index\.docker\.io/|registry-1\.docker\.io/)?(library/)?")
MIRROR = "mcr.microsoft.com/mirror/docker/library/"
# Folders that commands of samples write to: what is below them is the container's own.
FOLDERS = ("tmp", "mnt", "opt", "srv", "home", "root", "var/log", "usr/bin", "usr/local/bin")
# Where pip installs: in the container, never into this machine's Python.
PACKAGES = "/usr/local/lib/python-packages"
# What would change this machine, which is not the container's to change.
MANAGERS = ("apk", "apt", "apt-get", "dpkg", "dnf", "microdnf", "tdnf", "yum")
MANAGER = """\
#!/bin/sh
echo "$(basename "$0"): not here. This is a stand-in for an image, a process of this machine," \\
    "whose packages are not the container's to change. Start Docker or Podman for the image." >&2
exit 1
"""
NGINX = """\
#!/bin/sh
here=$(cd "$(dirname "$0")/../share" && pwd)
exec python3 "$here/stand-in/web_page.py" "$here/nginx/html"
"""
PROGRAMS = "/usr/share/stand-in"
SHELL_DOES = (
    "runs its command with the shell and the programs of this machine, and what the command"
    " listens on are this machine's ports (PORT has one for the container's first)"
)


@dataclass(frozen=True)
class StandIn:
    """`does` completes "A stand-in for ...: it ...". `texts` are the files that it has: absolute
    path -> a file beside this one, or the text itself if that has more than one line. `unread` are
    the folders of the image that it does not read, so that nothing may be mounted in them."""

    image: str
    does: str
    config: ImageConfig = field(default_factory=ImageConfig)
    texts: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    is_shell: bool = False
    is_python: bool = False

    def make(self, root: Path, python: Path | None = None) -> ImageConfig:
        """Write its files below `root`; returns how it is run, by that interpreter if by any (None
        for the course's own)."""
        for folder in (*FOLDERS, f"{PACKAGES}/bin".lstrip("/")):
            (root / folder).mkdir(parents=True, exist_ok=True)
        managers = {f"/usr/bin/{name}": MANAGER for name in MANAGERS}
        for path, text in {**managers, **self.texts}.items():
            file = root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text if "\n" in text else (HERE / text).read_text(), newline="\n")
            file.chmod(0o755 if text.startswith("#!") else 0o644)
        notice = (
            f"A stand-in for the image {self.image}: it {self.does}. Without a container engine"
            " the image itself cannot be pulled; with Docker or Podman started it is."
        )
        variables = {
            "PATH": f"{PACKAGES}/bin:/usr/local/bin:/usr/sbin:/usr/bin",
            "PIP_TARGET": PACKAGES,
            "PYTHONPATH": PACKAGES,
            "TMPDIR": "/tmp",
        }
        return replace(
            self.config,
            base=self.image,
            python=str(python or sys.executable),
            variables={**variables, **self.config.variables},
            notes=[notice],
            stand_in=notice,
            unread=list(self.unread),
        )


def page(image: str, html: str, folder: str, *, port_variable: str = "") -> StandIn:
    """Serves one page on port 80, as the samples do."""
    program = f"{PROGRAMS}/web_page.py"
    config = ImageConfig(
        workdir=folder,
        ports=[80],
        cmd=["python3", program, folder],
        listens=80,
        port_variable=port_variable,
    )
    texts = {program: "web_page.py", f"{folder}/index.html": f"pages/{html}"}
    return StandIn(image, "serves a page of its own on the port of the image", config, texts)


def program(image: str, does: str, file: str, path: str) -> StandIn:
    """Runs one program."""
    config = ImageConfig(cmd=["python3", path])
    return StandIn(image, does, config, {path: file})


def shell(image: str, *command: str) -> StandIn:
    return StandIn(image, SHELL_DOES, ImageConfig(cmd=list(command)), is_shell=True)


def _nginx() -> StandIn:
    plain = page("nginx", "nginx.html", "/usr/share/nginx/html")
    return replace(
        plain,
        does="serves the files of /usr/share/nginx/html, and reads no configuration",
        config=replace(plain.config, workdir="/"),
        texts={**plain.texts, "/usr/sbin/nginx": NGINX},
        unread=("/etc/nginx", "/docker-entrypoint.d"),
    )


_PLAIN = {
    "nginx": _nginx(),
    "alpine": shell("alpine", "/bin/sh"),
    "busybox": shell("busybox", "sh"),
    "debian": shell("debian", "bash"),
    "hello-world": program(
        "hello-world", "says hello and ends", "hello_world.py", f"{PROGRAMS}/hello_world.py"
    ),
    "ubuntu": shell("ubuntu", "bash"),
    "python": StandIn(
        "python",
        f"is this machine's Python {MINOR}, with no package but pip and its like",
        ImageConfig(cmd=["python3"]),
        is_python=True,
    ),
}
_MICROSOFTS = {
    "azuredocs/aci-helloworld": page(
        "mcr.microsoft.com/azuredocs/aci-helloworld",
        "aci-helloworld.html",
        "/usr/src/app",
        # https://github.com/Azure-Samples/aci-helloworld/blob/master/app/index.js
        port_variable="PORT",
    ),
    "azuredocs/aci-tutorial-sidecar": program(
        "mcr.microsoft.com/azuredocs/aci-tutorial-sidecar",
        "asks port 80 of its group every three seconds and prints the headers of the answer",
        "sidecar.py",
        f"{PROGRAMS}/sidecar.py",
    ),
    "azuredocs/aci-wordcount": program(
        "mcr.microsoft.com/azuredocs/aci-wordcount",
        "counts the words of a page of the internet",
        "word_count.py",
        "/wordcount.py",
    ),
    "azuredocs/containerapps-helloworld": page(
        "mcr.microsoft.com/azuredocs/containerapps-helloworld",
        "container-apps.html",
        "/usr/src/app",
    ),
    "k8se/quickstart": page(
        "mcr.microsoft.com/k8se/quickstart", "container-apps.html", "/usr/src/app"
    ),
    "k8se/quickstart-jobs": program(
        "mcr.microsoft.com/k8se/quickstart-jobs",
        "says that it works, waits a moment and ends",
        "sample_job.py",
        f"{PROGRAMS}/sample_job.py",
    ),
    "hello-world": _PLAIN["hello-world"],
    "oss/nginx/nginx": _PLAIN["nginx"],
}
STAND_INS: Mapping[str, StandIn] = {
    **_PLAIN,
    **{f"{MIRROR}{name}": each for name, each in _PLAIN.items()},
    **{f"mcr.microsoft.com/{name}": each for name, each in _MICROSOFTS.items()},
}


def find(reference: str) -> StandIn | None:
    """The stand-in for an image; None for one that has none.

    Raises NoBase where this machine cannot be what the image is.
    """
    name, tag = _parts(reference)
    found = STAND_INS.get(name)
    if found is None:
        return None
    if found.is_python and (wrong := _other_python(tag)):
        raise NoBase(
            f"The image {reference} is Python {wrong}, and this machine's is {MINOR}, which can"
            f" stand in for python:{MINOR} alone. Start Docker or Podman for the image itself."
        )
    if found.is_shell and os.name == "nt":
        raise NoBase(
            f"The image {reference} is a Linux shell, and Windows has none to stand in for it."
            " Start Docker or Podman for the image itself."
        )
    return replace(found, image=reference)


def known() -> list[str]:
    """The images that have a stand-in, by the names that are usual."""
    return [name for name in STAND_INS if not name.startswith(MIRROR)]


def _parts(reference: str) -> tuple[str, str]:
    """The repository as STAND_INS names it, and the tag ("" if there is none)."""
    reference = DOCKER_HUB.sub("", reference.partition("@")[0])
    folder, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{folder.lower()}{slash}{name}", tag


def _other_python(tag: str) -> str:
    """The version that a tag asks for and that this Python is not, "" if there is none."""
    match = re.match(r"(\d+)(?:\.(\d+))?", tag)
    if match is None:  # latest, slim, bookworm
        return ""
    asked = ".".join(part for part in match.groups() if part)
    return "" if asked in (MINOR, MINOR.partition(".")[0]) else asked
