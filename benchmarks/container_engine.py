"""A container group that is a container, against `docker run` of the same image by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from urllib.parse import urlsplit

import requests

from benchmarks.containers import CPU, MEMORY, POLL, build, start_group
from benchmarks.figures import Figure, Skipped
from benchmarks.processes import environment, free_port, local_azure, scratch, wait_for
from emulator.containers.engine import discovery
from emulator.home import Home


def measure(samples: int) -> Figure:
    found = discovery.find({**os.environ, discovery.SWITCH: "engine"})
    if found.engine is None:
        raise Skipped(found.description)
    name, engine = f"{found.engine.name} {found.engine.version}", command_line(found.engine.url)
    figure = Figure(
        "container group, engine",
        measures=f"a container group from its PUT to the first 200, run by {name}",
        against=f"`{engine[0]} run` of the same image by hand, with the same limits",
        unit="s",
        aim=1.2,
        better="lower",
    )
    with scratch() as folder:
        with environment({discovery.SWITCH: "engine"}), local_azure(Home(folder / "azure")):
            body = build()
            image = body["properties"]["containers"][0]["properties"]["image"]
            start_group(body)  # so that the first sample finds both as warm as the last
            start_by_hand(engine, image)
            for _ in range(samples):
                figure.add(start_group(body), start_by_hand(engine, image))
        subprocess.run([*engine, "rmi", image], check=True, stdout=subprocess.DEVNULL)
    return figure


def command_line(url: str) -> list[str]:
    """The engine's own command, which asks the same socket. Raises Skipped."""
    if shutil.which("docker"):
        return ["docker", "--host", url]
    if shutil.which("podman") and urlsplit(url).scheme == "unix":
        return ["podman", "--url", url]
    raise Skipped("neither the command docker nor podman is on this machine")


def start_by_hand(engine: list[str], image: str) -> float:
    port = free_port()
    command = [*engine, "run", "--detach", "--publish", f"127.0.0.1:{port}:80"]
    command += ["--cpus", str(CPU), "--memory", f"{MEMORY:g}g", image]
    with requests.Session() as client:
        client.trust_env = False
        began = time.perf_counter()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        wait_for(lambda: client.get(f"http://127.0.0.1:{port}/").ok, "the container", POLL)
        taken = time.perf_counter() - began
    remove = [*engine, "rm", "--force", "--volumes", done.stdout.strip()]
    subprocess.run(remove, check=True, stdout=subprocess.DEVNULL)
    return taken
