"""Builds that go on until they are ended."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

import psutil

from tests.emulator.services.container_machine import Machine
from tests.waiting import until

MARK = "azure-local-build-check"


class EndlessBuilds:
    """Makes sources whose build does not end by itself, and tells which are under way.

    In an engine the build sleeps. Where a process stands for a container it asks a package index
    that takes connections and does not answer.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        # Its own, so that a build left by another test is not taken for one of these.
        self.mark = f"{MARK}-{secrets.token_hex(4)}"
        self.index = socket.create_server(("127.0.0.1", 0))
        self.index.setblocking(False)
        self.clients: list[socket.socket] = []

    def files(self) -> dict[str, str]:
        if self.machine.kind == "process":
            port = self.index.getsockname()[1]
            package = f"{self.mark}-{secrets.token_hex(4)}"
            run = f"pip install --index-url http://127.0.0.1:{port}/simple {package}"
        else:
            run = f"python -c 'import time; time.sleep(600)  # {self.mark}'"
        base = f"ARG BASE_IMAGE={self.machine.base}\nFROM ${{BASE_IMAGE}}"
        return {"Dockerfile": f"{base}\nRUN {run}\n"}

    def under_way(self) -> int:
        """How many builds are under way."""
        return len(self._asking()) if self.machine.kind == "process" else len(self._sleeping())

    def _asking(self) -> list[socket.socket]:
        while True:
            try:
                self.clients.append(self.index.accept()[0])
            except BlockingIOError:
                break
        self.clients = [client for client in self.clients if _is_open(client)]
        return self.clients

    def until_gone(self, seconds: float) -> None:
        """Wait until none is under way.

        An engine may let the command of a build that nobody waits for run to its end, as Podman 4.3
        does, and may begin one when nobody waits for it any more: each is ended here.
        """
        until(self._all_ended, seconds)

    def _all_ended(self) -> bool:
        for process in self._sleeping():
            with suppress(psutil.Error):
                process.kill()
        return not self.under_way()

    def _sleeping(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                command = process.cmdline()
                if command[:1] == ["python"] and any(self.mark in word for word in command):
                    found.append(process)
        return found

    def close(self) -> None:
        for one in (self.index, *self.clients):
            one.close()


def _is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False
