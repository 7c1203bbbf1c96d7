"""Containers of a group: their logs, and terminals in them. And what a region offers.

https://learn.microsoft.com/rest/api/container-instances/containers
https://learn.microsoft.com/rest/api/container-instances/location
"""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.arm.errors import ArmError, conflict
from emulator.arm.fields import Fields, refusing
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.locations import check_location
from emulator.arm.regions import REGIONS
from emulator.arm.resources import require
from emulator.services.container_instances import logs
from emulator.services.container_instances.container_runner import ContainerRunner
from emulator.services.container_instances.group_lifecycle import GroupLifecycle
from emulator.services.container_instances.paths import CONTAINER, GROUP, GROUP_TYPE, LOCATION
from emulator.services.container_instances.quota import MOST_CPU, MOST_MEMORY, usages
from emulator.services.container_instances.terminals import Terminals
from emulator.store import Resource, Store

LARGEST_SIDE = 9999  # rows or columns of a terminal


class ContainerActions:
    ROUTES = (
        ("GET", CONTAINER + "/logs", "list_logs"),
        ("POST", CONTAINER + "/exec", "execute_command"),
        ("POST", CONTAINER + "/attach", "attach"),
        ("GET", LOCATION + "/usages", "list_usage"),
        ("GET", LOCATION + "/capabilities", "list_capabilities"),
    )

    def __init__(self, store: Store, groups: GroupLifecycle, terminals: Terminals) -> None:
        self.store = store
        self.groups = groups
        self.terminals = terminals

    async def list_logs(self, request: ArmRequest) -> ArmResponse:
        runner = self._runner(request)
        tail = Fields(dict(request.query), refuse=refusing("BadArgument")).whole("tail", least=1)
        timestamps = request.query.get("timestamps", "").lower() == "true"
        content = await asyncio.to_thread(logs.read, runner.log_file, tail, timestamps=timestamps)
        return ArmResponse({"content": content})

    async def execute_command(self, request: ArmRequest) -> ArmResponse:
        runner, body = self._running(request), Fields(request.body, refuse=refusing("BadArgument"))
        command = (body.text("command") or "").strip()
        if not command or "\0" in command:
            raise body.missing("command")
        size = body.object("terminalSize")
        rows, cols = (
            size.whole(name, default, most=LARGEST_SIDE) or default
            for name, default in (("rows", 24), ("cols", 80))
        )
        assert runner.container
        location = self._location(request)
        # One program without arguments, as on Azure: the command is not split.
        return ArmResponse(self.terminals.exec(location, runner.container, (command,), rows, cols))

    async def attach(self, request: ArmRequest) -> ArmResponse:
        runner = self._running(request)
        assert runner.container
        return ArmResponse(
            self.terminals.attach(self._location(request), runner.container, runner.log_file)
        )

    async def list_usage(self, request: ArmRequest) -> ArmResponse:
        location = check_location(request.params["location"], GROUP_TYPE)
        return ArmResponse({"value": usages(self.store, location)})

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

    def _group(self, request: ArmRequest) -> Resource:
        return require(self.store, expand(GROUP, request.params))

    def _location(self, request: ArmRequest) -> str:
        return str(self._group(request).body["location"])

    def _runner(self, request: ArmRequest) -> ContainerRunner:
        group = self._group(request)
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
        # One that has ended gets a terminal too, as on Azure, which closes at once and says why:
        # test_container_exec.yaml in https://github.com/Azure/azure-cli
        if runner.container is None:
            raise conflict(
                f"The container '{runner.name}' is not running, so nothing can be run in it.",
                code="ContainerNotRunning",
                target="containerName",
            )
        return runner
