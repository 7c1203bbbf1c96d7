"""A run of ACR Tasks that runs containers: an EncodedTaskRunRequest, read once from the body.

https://learn.microsoft.com/rest/api/containerregistry/registries/schedule-run
https://learn.microsoft.com/azure/container-registry/container-registry-tasks-reference-yaml

It is what `az acr run --cmd` sends. Of a task's steps `cmd` is emulated.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import not_emulated
from emulator.arm.fields import Fields, refusing
from emulator.services.container_registry.run_variables import fill

TYPE = "EncodedTaskRunRequest"
_TASK = ("version", "steps", "stepTimeout")
_STEP = ("id", "cmd", "env", "timeout", "disableWorkingDirectoryOverride")


@dataclass(frozen=True)
class CommandStep:
    """`image` is a whole reference; `timeout` is in seconds, 0 for none of its own."""

    id: str
    image: str
    arguments: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    timeout: int


@dataclass(frozen=True)
class CommandRequest:
    """`timeout` is in seconds, and for all steps together. `content` is the task's YAML."""

    content: str
    steps: tuple[CommandStep, ...]
    timeout: int
    cpu: int

    @classmethod
    def read(cls, body: Fields, server: str, run_id: str, timeout: int, cpu: int) -> CommandRequest:
        """Raises ArmError naming the field at fault."""
        body.not_emulated(("encodedValuesContent", "values", "sourceLocation"), f"an {TYPE}")
        # Imported here: every start of local Azure would pay for it, and hardly any needs it.
        import yaml

        encoded = body.required_text("encodedTaskContent")
        try:
            content = base64.b64decode(encoded, validate=True).decode()
            task = yaml.safe_load(content)
        except (binascii.Error, ValueError, yaml.YAMLError) as error:
            raise body.error(
                "encodedTaskContent", f"The task is no YAML in base64: {error}."
            ) from None
        fields = Fields(task, "task", refusing("InvalidTask"))
        fields.not_emulated([name for name in fields.names() if name not in _TASK], "a task")
        steps = tuple(
            _step(step, number, server, run_id)
            for number, step in enumerate(fields.objects("steps"))
        )
        if not steps:
            raise fields.missing("steps")
        return cls(content, steps, timeout, cpu)

    def to_body(self) -> dict[str, Any]:
        """As a request has it, to be read again."""
        return {
            "type": TYPE,
            "platform": {"os": "Linux"},
            "encodedTaskContent": base64.b64encode(self.content.encode()).decode(),
            "timeout": self.timeout,
            "agentConfiguration": {"cpu": self.cpu},
        }


def _step(step: Fields, number: int, server: str, run_id: str) -> CommandStep:
    step.not_emulated([name for name in step.names() if name not in _STEP], "a task's step")
    try:
        words = shlex.split(fill(step.required_text("cmd"), server, run_id))
    except ValueError as error:
        raise step.error("cmd", f"The command cannot be read: {error}.") from None
    if not words:
        raise step.missing("cmd")
    if words[0].startswith("-"):
        raise not_emulated(f"options of docker run ({words[0]}) in a task's step")
    # There is no source, so there is no working directory that could be overridden.
    step.flag("disableWorkingDirectoryOverride")
    return CommandStep(
        step.text("id") or f"acb_step_{number}",
        words[0],
        tuple(words[1:]),
        tuple(_variable(step, text) for text in step.texts("env")),
        step.whole("timeout", 0),
    )


def _variable(step: Fields, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise step.error("env", f"'{text}' is no variable: write NAME=value.")
    return name, value
