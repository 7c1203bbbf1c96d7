"""The program of a container that is a process: its words, variables and interpreter.

https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from emulator.containers.dockerfile import split_words, substitute
from emulator.containers.process.build import BASE_VARIABLES
from emulator.containers.process.images import ImageConfig
from emulator.containers.process.paths import on_this_machine
from emulator.containers.process.ports import LOOPBACK
from emulator.containers.runtime import ContainerSpec
from emulator.processes.environment import clean_environment
from emulator.processes.leftovers import CONTAINER_MARK


def variables(
    spec: ContainerSpec, config: ImageConfig, root: Path, ports: Mapping[int, int]
) -> dict[str, str]:
    """The whole environment. `ports` are container port -> port of this machine, of its group."""
    clean = clean_environment(Path(config.python))
    home = root / "root"
    home.mkdir(exist_ok=True)
    given = {
        name: on_this_machine(value, root)
        for name, value in (BASE_VARIABLES | config.variables | dict(spec.variables)).items()
    }
    machine = os.pathsep.join(
        each for each in clean["PATH"].split(os.pathsep) if each != str(Path(config.python).parent)
    )
    own = (each for each in given["PATH"].split(os.pathsep) if each.startswith(f"{root}{os.sep}"))
    told = {f"PORT_{port}": str(here) for port, here in ports.items()}
    if port := asked_port(spec, config) or next(iter(spec.ports), 0):
        told["PORT"] = str(ports[port])
    if config.listens:
        asked = spec.variables.get(config.port_variable, "")
        port = int(asked) if re.fullmatch(r"\d{1,5}", asked) else config.listens
        told |= {"LISTEN": str(ports.get(port, 0)), "LISTEN_AS": str(port)}
    return {
        **clean,
        "HOME": str(home),
        **given,
        # Where the base image has its Python is this one.
        "PATH": os.pathsep.join((*own, str(Path(config.python).parent), machine)),
        "HOST": LOOPBACK,
        **told,
        CONTAINER_MARK: str(root),
    }


def asked_port(spec: ContainerSpec, config: ImageConfig) -> int:
    """The port of the container that its program listens on as far as it can be known, 0 if not.

    It is the one that the variable PORT asks for; without that, the image's own program listens on
    a port that the image exposes. A stand-in is told its ports in another way.
    """
    if config.listens:
        return 0
    text = (config.variables | dict(spec.variables)).get("PORT", "")
    if re.fullmatch(r"[1-9]\d{0,4}", text):
        return int(text)
    if spec.command is not None or spec.args is not None:
        return 0
    exposed = config.ports
    return next((port for port in exposed if port in spec.ports), next(iter(exposed), 0))


def words(
    spec: ContainerSpec, config: ImageConfig, root: Path, environment: Mapping[str, str]
) -> list[str]:
    """What is run: the image's ENTRYPOINT and CMD, or what the spec has instead."""
    if spec.command is not None:
        found = [*spec.command, *(spec.args or ())]
    elif config.entrypoint_shell:
        found = shell(config.entrypoint_shell, environment)
    else:
        found = list(config.entrypoint)
        if spec.args is not None:
            found += spec.args
        elif config.cmd_shell:
            found += shell(config.cmd_shell, environment)
        else:
            found += config.cmd
    return [on_this_machine(word, root) for word in found]


def shell(
    line: str, environment: Mapping[str, str], *, windows: bool = os.name == "nt"
) -> list[str]:
    """The shell form. Windows has no /bin/sh: there the variables are filled in here, and the
    line must be one plain command."""
    if not windows:
        return ["/bin/sh", "-c", line]
    found = [substitute(word, environment) for word in split_words(line)]
    return found[1:] if found[:1] == ["exec"] else found
