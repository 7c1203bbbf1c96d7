"""What an engine is told of a container, in the engine's own terms.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

from aiodocker.exceptions import DockerError

from emulator.containers.handle import NOT_EXECUTABLE, NOT_FOUND
from emulator.containers.runtime import ContainerSpec

LOOPBACK = "127.0.0.1"
GIB = 2**30
# Keeps a group's network while its containers come and go, as Kubernetes' pause container does.
HOLDER = ("sleep", "infinity")
HOLDER_MEMORY = 16 * 2**20  # bytes
# Below this port only root may listen, as on Azure; Docker's own setting lets everybody.
# https://azureossd.github.io/2024/06/10/Container-Apps-Binding-to-ports-under-1024/
SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "1024"}
# What engines say of a program that is not there, or that may not be run.
SAID = {
    "executable file not found": NOT_FOUND,
    "no such file or directory": NOT_FOUND,
    "permission denied": NOT_EXECUTABLE,
    "exec format error": NOT_EXECUTABLE,
    "is a directory": NOT_EXECUTABLE,
}


def container_config(
    spec: ContainerSpec, labels: Mapping[str, str], volumes: Mapping[str, str], holder: str | None
) -> dict[str, Any]:
    """`volumes` are mount path -> the engine's name of the volume; `holder` is the id of the
    container whose network this one shares."""
    memory = round(spec.memory_gb * GIB)
    host: dict[str, Any] = {
        "NanoCpus": round(spec.cpu * 1e9),
        "Memory": memory,
        "MemorySwap": memory,  # as much with swap as without: the limit is the limit
        "Mounts": [
            {"Type": "volume", "Source": name, "Target": path} for path, name in volumes.items()
        ],
    }
    config: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{name}={value}" for name, value in spec.variables.items()],
        "Labels": dict(labels),
        "HostConfig": host,
    }
    if spec.command is not None:
        config |= {"Entrypoint": list(spec.command), "Cmd": list(spec.args or ())}
    elif spec.args is not None:
        config["Cmd"] = list(spec.args)
    if holder is None:
        _publish(config, spec.ports)
    else:
        host["NetworkMode"] = f"container:{holder}"
    return config


def holder_config(spec: ContainerSpec, labels: Mapping[str, str]) -> dict[str, Any]:
    """What keeps the network of the group whose first container `spec` is."""
    config: dict[str, Any] = {
        "Image": spec.image,
        "Entrypoint": list(HOLDER),
        "Cmd": [],
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": dict(labels),
        "HostConfig": {"Memory": HOLDER_MEMORY, "MemorySwap": HOLDER_MEMORY},
    }
    _publish(config, {*spec.group_ports, *spec.ports})
    return config


def _publish(config: dict[str, Any], ports: Iterable[int]) -> None:
    """A network of its own, each port at one of this machine that the engine chooses."""
    config["HostConfig"]["Sysctls"] = SYSCTLS
    config["ExposedPorts"] = {f"{port}/tcp": {} for port in ports}
    config["HostConfig"]["PortBindings"] = {
        f"{port}/tcp": [{"HostIp": LOOPBACK, "HostPort": ""}] for port in ports
    }


def archive(files: Mapping[str, bytes], folders: Iterable[str]) -> bytes:
    """A tar of the secret files and of the folders that every user may write to.

    The image's user may be any, so a secret is readable to all within the container, as in a
    secret volume; nothing outside of it reaches its file system.

    It ends with its two empty blocks, without the padding that fills a tape's record: Podman's
    reader ends at those blocks, and whatever is still to be written to it then is a "broken pipe",
    status 500, every now and then (https://github.com/containers/buildah/issues/6573).
    """
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for path in folders:
            info = tarfile.TarInfo(path.lstrip("/"))
            info.type, info.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(info)
        for path, content in files.items():
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size, info.mode = len(content), 0o444
            tar.addfile(info, io.BytesIO(content))
        end = tar.offset + 2 * tarfile.BLOCKSIZE
    return output.getvalue()[:end]


def program_error(error: BaseException) -> int | None:
    """The exit code with which `docker run` ends when the program itself cannot be started."""
    if not isinstance(error, DockerError) or "exec" not in error.message:
        return None
    said = error.message.lower()
    return next((code for words, code in SAID.items() if words in said), None)
