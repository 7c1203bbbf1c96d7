"""What a run of ACR Tasks is asked to do, read once from the body: a build, or commands.

https://learn.microsoft.com/rest/api/containerregistry/registries/schedule-run
"""

from __future__ import annotations

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields, refusing
from emulator.services.container_registry import build_request, command_request
from emulator.services.container_registry.build_request import BuildRequest
from emulator.services.container_registry.command_request import CommandRequest

DEFAULT_TIMEOUT = 3600  # seconds
SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 300, 28800
DEFAULT_CPU = 2
_OTHER_TYPES = ("FileTaskRunRequest", "TaskRunRequest")

RunRequest = BuildRequest | CommandRequest


def read_run_request(body: Fields, server: str, run_id: str) -> RunRequest:
    """The request as it will be carried out. Raises ArmError naming the field at fault."""
    body = Fields(body.value, body.path, refusing("InvalidRunRequest"))
    kind = body.text("type")
    if kind in _OTHER_TYPES:
        raise not_emulated(
            f"runs of the type {kind}; {build_request.TYPE} and {command_request.TYPE} are"
        )
    if kind not in (build_request.TYPE, command_request.TYPE):
        raise body.wrong("type", f"{build_request.TYPE} or {command_request.TYPE}")
    body.not_emulated(("agentPoolName", "isArchiveEnabled", "logTemplate"), f"a {kind}")
    _check_platform(body.object("platform"))
    _check_credentials(body.object("credentials"))
    timeout = body.whole("timeout", DEFAULT_TIMEOUT, least=SHORTEST_TIMEOUT, most=LONGEST_TIMEOUT)
    cpu = body.object("agentConfiguration").whole("cpu", DEFAULT_CPU, least=1)
    read = BuildRequest.read if kind == build_request.TYPE else CommandRequest.read
    return read(body, server, run_id, timeout, cpu)


def _check_platform(platform: Fields) -> None:
    system = platform.required_text("os")
    if system.lower() != "linux":
        raise not_emulated(f"builds for {system}")
    architecture = platform.text("architecture") or "amd64"
    if architecture.lower() != "amd64" or platform.text("variant"):
        raise not_emulated(f"builds for the architecture {architecture}")


def _check_credentials(credentials: Fields) -> None:
    if credentials.object("customRegistries").names():
        raise not_emulated("credentials for other registries in a build")
    source = credentials.object("sourceRegistry")
    source.choice("loginMode", ("None", "Default"))
    # The caller may do everything here, which is what [caller] asks for.
    if (source.text("identity") or "none").lower() not in ("none", "[caller]"):
        raise not_emulated("managed identities as credentials of a build")
