"""What a run of ACR Tasks is asked to do: a DockerBuildRequest, read once from the body.

https://learn.microsoft.com/rest/api/containerregistry/registries/schedule-run
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields, refusing

DEFAULT_TIMEOUT = 3600  # seconds
SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 300, 28800
DEFAULT_CPU = 2
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PATH}(?:/{_PATH})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# Settings that would change the result, and that no runtime here can honour.
_NOT_EMULATED = ("agentPoolName", "target", "noCache", "isArchiveEnabled", "logTemplate")
_OTHER_TYPES = ("EncodedTaskRunRequest", "FileTaskRunRequest", "TaskRunRequest")


@dataclass(frozen=True)
class BuildRequest:
    """A quick build. `images` are (repository, tag); `timeout` is in seconds.

    `cpu` is how many cores it asks for, which is shown and has no effect that could be seen.
    """

    source: str
    dockerfile: str
    images: tuple[tuple[str, str], ...]
    push: bool
    arguments: dict[str, str]
    timeout: int
    cpu: int

    @classmethod
    def read(cls, body: Fields, server: str, run_id: str) -> BuildRequest:
        """The request as it will be carried out. Raises ArmError naming the field at fault."""
        body = Fields(body.value, body.path, refusing("InvalidRunRequest"))
        kind = body.text("type")
        if kind in _OTHER_TYPES:
            raise not_emulated(f"runs of the type {kind}; DockerBuildRequest is")
        if kind != "DockerBuildRequest":
            raise body.wrong("type", "DockerBuildRequest")
        body.not_emulated(_NOT_EMULATED, "a DockerBuildRequest")
        _check_platform(body.object("platform"))
        _check_credentials(body.object("credentials"))
        source = body.required_text("sourceLocation")
        if "://" in source:
            raise not_emulated(f"builds from a remote location ({source}); uploaded sources are")
        images = tuple(_image(body, name, server, run_id) for name in body.texts("imageNames"))
        return cls(
            source,
            body.required_text("dockerFilePath").replace("\\", "/"),
            images,
            body.flag("isPushEnabled", True) and bool(images),
            _arguments(body),
            body.whole("timeout", DEFAULT_TIMEOUT, least=SHORTEST_TIMEOUT, most=LONGEST_TIMEOUT),
            body.object("agentConfiguration").whole("cpu", DEFAULT_CPU, least=1),
        )

    def to_body(self) -> dict[str, Any]:
        """As a request has it, to be read again."""
        return {
            "type": "DockerBuildRequest",
            "platform": {"os": "Linux"},
            "sourceLocation": self.source,
            "dockerFilePath": self.dockerfile,
            "imageNames": [f"{repository}:{tag}" for repository, tag in self.images],
            "isPushEnabled": self.push,
            "arguments": [{"name": name, "value": value} for name, value in self.arguments.items()],
            "timeout": self.timeout,
            "agentConfiguration": {"cpu": self.cpu},
        }


def _arguments(body: Fields) -> dict[str, str]:
    """The build arguments. Whether one is a secret changes nothing: the log prints none."""
    found = {}
    for argument in body.objects("arguments"):
        argument.flag("isSecret")
        found[argument.required_text("name")] = argument.text("value", "")
    return found


def _image(body: Fields, name: str, server: str, run_id: str) -> tuple[str, str]:
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
        raise body.error(
            "imageNames",
            f"The image name '{name[:200]}' is invalid. A repository has lower-case letters, "
            "digits and single separators (. _ - /), a tag up to 128 letters, digits and . _ -: "
            "digits:1.",
        )
    return repository, tag


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
