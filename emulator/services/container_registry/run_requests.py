"""What a run of ACR Tasks is asked to do: the rules of a DockerBuildRequest.

https://learn.microsoft.com/rest/api/containerregistry/registries/schedule-run
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated

DEFAULT_TIMEOUT = 3600  # seconds
SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 300, 28800
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PATH}(?:/{_PATH})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# Settings that would change the result, and that no runtime here can honour.
_NOT_EMULATED = ("agentPoolName", "target", "noCache", "isArchiveEnabled", "logTemplate")


@dataclass(frozen=True)
class BuildRequest:
    """A quick build. `images` are (repository, tag); `timeout` is in seconds."""

    source: str
    dockerfile: str
    images: tuple[tuple[str, str], ...]
    push: bool
    arguments: dict[str, str]
    timeout: int


def parse(body: dict[str, Any], server: str, run_id: str) -> BuildRequest:
    """The request as it will be carried out. Raises ArmError naming the field at fault."""
    kind = body.get("type")
    if kind != "DockerBuildRequest":
        known = ("EncodedTaskRunRequest", "FileTaskRunRequest", "TaskRunRequest")
        if kind in known:
            raise not_emulated(f"runs of the type {kind}; DockerBuildRequest is")
        raise _invalid(f"The type must be DockerBuildRequest, not {kind!r}.", "type")
    for name in _NOT_EMULATED:
        if body.get(name):
            raise not_emulated(f"{name} of a DockerBuildRequest")
    _check_platform(body.get("platform"))
    _check_credentials(body.get("credentials"))
    source = body.get("sourceLocation")
    if not source:
        raise _invalid("The source location is missing.", "sourceLocation")
    if "://" in source:
        raise not_emulated(f"builds from a remote location ({source}); uploaded sources are")
    dockerfile = body.get("dockerFilePath")
    if not dockerfile:
        raise _invalid("The path of the Dockerfile is missing.", "dockerFilePath")
    timeout = body.get("timeout") or DEFAULT_TIMEOUT
    if not isinstance(timeout, int) or not SHORTEST_TIMEOUT <= timeout <= LONGEST_TIMEOUT:
        raise _invalid(
            f"The timeout must be {SHORTEST_TIMEOUT} to {LONGEST_TIMEOUT} seconds, "
            f"not {timeout!r}.",
            "timeout",
        )
    names = body.get("imageNames") or []
    return BuildRequest(
        source,
        str(dockerfile).replace("\\", "/"),
        tuple(_image(str(name), server, run_id) for name in names),
        bool(body.get("isPushEnabled", True)) and bool(names),
        {one["name"]: str(one.get("value", "")) for one in body.get("arguments") or []},
        timeout,
    )


def _image(name: str, server: str, run_id: str) -> tuple[str, str]:
    """Repository and tag of "digits:1", of "{server}/digits:1", or of "digits:{{.Run.ID}}"."""
    date = f"{datetime.now(UTC):%Y%m%d-%H%M%Sz}"
    values = {"Run.ID": run_id, "Run.Registry": server, "Run.Date": date}
    filled = re.sub(r"\{\{\s*\.([\w.]+)\s*\}\}", lambda found: values.get(found[1], found[0]), name)
    filled = filled.replace("$ID", run_id).replace("$Registry", server)
    first, slash, rest = filled.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        if first.lower() != server:
            raise not_emulated(f"a push to another registry ({first})")
        filled = rest
    repository, _, tag = filled.partition(":")
    tag = tag or "latest"
    if not _REPOSITORY.fullmatch(repository) or not _TAG.fullmatch(tag):
        raise _invalid(
            f"The image name '{name}' is invalid. A repository has lower-case letters, digits and "
            "single separators (. _ - /), a tag up to 128 letters, digits and . _ -: digits:1.",
            "imageNames",
        )
    return repository, tag


def _check_platform(platform: Any) -> None:
    given = platform if isinstance(platform, dict) else {}
    if not given.get("os"):
        raise _invalid("The platform's operating system is missing.", "platform.os")
    if given["os"].lower() != "linux":
        raise not_emulated(f"builds for {given['os']}")
    if (given.get("architecture") or "amd64").lower() != "amd64" or given.get("variant"):
        raise not_emulated(f"builds for the architecture {given.get('architecture')}")


def _check_credentials(credentials: Any) -> None:
    given = credentials if isinstance(credentials, dict) else {}
    if given.get("customRegistries"):
        raise not_emulated("credentials for other registries in a build")


def _invalid(message: str, target: str) -> ArmError:
    return bad_request(message, code="InvalidRunRequest", target=target)
