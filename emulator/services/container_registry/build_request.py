"""A run of ACR Tasks that builds an image: a DockerBuildRequest, read once from the body.

https://learn.microsoft.com/rest/api/containerregistry/registries/schedule-run
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields
from emulator.services.container_registry.image_names import read_image_name
from emulator.services.container_registry.run_variables import fill

TYPE = "DockerBuildRequest"
# Settings that would change the result, and that no runtime here can honour.
_NOT_EMULATED = ("target", "noCache")


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
    def read(cls, body: Fields, server: str, run_id: str, timeout: int, cpu: int) -> BuildRequest:
        """The request as it will be carried out. Raises ArmError naming the field at fault."""
        body.not_emulated(_NOT_EMULATED, f"a {TYPE}")
        source = body.required_text("sourceLocation")
        if "://" in source:
            raise not_emulated(f"builds from a remote location ({source}); uploaded sources are")
        images = tuple(
            read_image_name(body, "imageNames", fill(name, server, run_id), server)
            for name in body.texts("imageNames")
        )
        return cls(
            source,
            body.required_text("dockerFilePath").replace("\\", "/"),
            images,
            body.flag("isPushEnabled", True) and bool(images),
            _arguments(body),
            timeout,
            cpu,
        )

    def to_body(self) -> dict[str, Any]:
        """As a request has it, to be read again."""
        return {
            "type": TYPE,
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
