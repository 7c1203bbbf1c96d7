"""Containers of a group: their logs, and terminals in them. And what a region offers.

https://learn.microsoft.com/rest/api/container-instances/containers
https://learn.microsoft.com/rest/api/container-instances/location
"""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.arm.errors import ArmError, bad_request, conflict
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.locations import check_location
from emulator.arm.regions import REGIONS
from emulator.containers.runtime import ContainerState
from emulator.services.container_instances import logs
from emulator.services.container_instances.container_runner import ContainerRunner
from emulator.services.container_instances.groups import ContainerGroups
from emulator.services.container_instances.paths import CONTAINER, GROUP, GROUP_TYPE, LOCATION
from emulator.services.container_instances.quota import usages
from emulator.services.container_instances.rules import MOST_CPU, MOST_MEMORY
from emulator.services.container_instances.terminals import Terminals


class Containers:
    ROUTES = (
        ("GET", CONTAINER + "/logs", "list_logs"),
        ("POST", CONTAINER + "/exec", "execute_command"),
        ("POST", CONTAINER + "/attach", "attach"),
        ("GET", LOCATION + "/usages", "list_usage"),
        ("GET", LOCATION + "/capabilities", "list_capabilities"),
    )

    def __init__(self, groups: ContainerGroups, terminals: Terminals) -> None:
        self.groups = groups
        self.terminals = terminals

    async def list_logs(self, request: ArmRequest) -> ArmResponse:
        runner = self._runner(request)
        text = request.query.get("tail")
        if text is not None and (not text.isdecimal() or int(text) < 1):
            raise bad_request(f"tail must be at least 1, not '{text}'.", target="tail")
        tail = int(text) if text else None
        timestamps = request.query.get("timestamps", "").lower() == "true"
        content = await asyncio.to_thread(logs.read, runner.log_file, tail, timestamps=timestamps)
        return ArmResponse({"content": content})

    async def execute_command(self, request: ArmRequest) -> ArmResponse:
        runner, body = self._running(request), request.json()
        command = body.get("command")
        if not isinstance(command, str) or not command.strip():
            raise bad_request("The command is missing.", target="command")
        size = body.get("terminalSize") or {}
        rows, cols = _size(size.get("rows"), 24), _size(size.get("cols"), 80)
        assert runner.container
        location = self._location(request)
        # One program without arguments, as on Azure: the command is not split.
        return ArmResponse(
            self.terminals.exec(location, runner.container, (command.strip(),), rows, cols)
        )

    async def attach(self, request: ArmRequest) -> ArmResponse:
        runner = self._running(request)
        assert runner.container
        return ArmResponse(
            self.terminals.attach(self._location(request), runner.container, runner.log_file)
        )

    async def list_usage(self, request: ArmRequest) -> ArmResponse:
        location = check_location(request.params["location"], GROUP_TYPE)
        return ArmResponse({"value": usages(self.groups.store, location)})

    async def list_capabilities(self, request: ArmRequest) -> ArmResponse:
        location = check_location(request.params["location"], GROUP_TYPE)
        capability: dict[str, Any] = {
            "resourceType": "containerGroups",
            "osType": "Linux",
            "location": REGIONS[location].display,
            "ipAddressType": "Public",
            "gpu": "None",
            "capabilities": {
                "maxMemoryInGB": MOST_MEMORY,
                "maxCpu": MOST_CPU,
                "maxGpuCount": 0,
            },
        }
        return ArmResponse({"value": [capability]})

    def _location(self, request: ArmRequest) -> str:
        return str(self.groups.group(expand(GROUP, request.params)).body["location"])

    def _runner(self, request: ArmRequest) -> ContainerRunner:
        group = self.groups.group(expand(GROUP, request.params))
        name = request.params["containerName"]
        runner = self.groups.find(group, name)
        if runner is None:
            raise ArmError(
                404,
                "ContainerNotFound",
                f"The container '{name}' in container group '{group.name}' is not found.",
                target="containerName",
            )
        return runner

    def _running(self, request: ArmRequest) -> ContainerRunner:
        runner = self._runner(request)
        if runner.container is None or runner.container.state is not ContainerState.RUNNING:
            raise conflict(
                f"The container '{runner.name}' is not running, so nothing can be run in it.",
                code="ContainerNotRunning",
                target="containerName",
            )
        return runner


def _size(given: object, default: int) -> int:
    return given if isinstance(given, int) and 0 < given < 10_000 else default
