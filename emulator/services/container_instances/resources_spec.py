"""The cores and the memory that a container asks for.

https://learn.microsoft.com/azure/container-instances/container-instances-container-groups#resource-allocation
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import bad_request, not_emulated
from emulator.arm.fields import Fields, refusing

CPU, MEMORY = "cpu", "memoryInGB"
# How errors name them, what is asked for is a multiple of, and in which unit.
# https://github.com/docker-archive/compose-cli/blob/main/aci/convert/convert.go
_NAMES = {CPU: "Cpu", MEMORY: "MemoryInGB"}
_STEPS = {CPU: 0.01, MEMORY: 0.1}
_WORDS = {CPU: ("CPU", ""), MEMORY: ("memory", " GB")}
_ROUNDING = 1e-6


@dataclass(frozen=True)
class ContainerResources:
    """`cpu` is in cores, `memory_gb` in GB; the limits are None where none was given.

    An init container asks for none.
    """

    cpu: float = 0.0
    memory_gb: float = 0.0
    cpu_limit: float | None = None
    memory_limit_gb: float | None = None

    @classmethod
    def read(cls, properties: Fields, container: str, group: str) -> ContainerResources:
        """Raises ArmError: 501 for GPUs, 400 for what is wrong, naming the field."""
        resources = properties.object("resources")
        requests, limits = resources.object("requests"), resources.object("limits")
        if not requests.names():
            raise bad_request(
                f"The resource requests are not specified in container '{container}' of contain "
                f"group '{group}'. Both memory and CPU requests are required since API version "
                "'2017-07-01-preview'.",
                code="ResourceRequestsNotSpecified",
                target=resources.at("requests"),
            )
        if requests.has("gpu") or limits.has("gpu"):
            raise not_emulated("GPUs of a container")
        asked: dict[str, float] = {}
        most: dict[str, float | None] = {}
        for name in (CPU, MEMORY):
            amount = _amount(requests, name, container)
            if amount is None:
                raise bad_request(
                    f"The '{_NAMES[name]}' request is not specified in container '{container}' of "
                    f"contain group '{group}'. It is required since API version "
                    "'2017-07-01-preview'.",
                    code="ResourceSomeRequestsNotSpecified",
                    target=requests.at(name),
                )
            limit = _amount(limits, name, container)
            if limit is not None and limit < amount:
                raise bad_request(
                    f"The resource requirement in container '{container}' of contain group "
                    f"'{group}' is invalid. The '{_NAMES[name]}' limit value must be greater than "
                    "or equal to the request value.",
                    code="ResourceLimitsLessThanRequests",
                    target=limits.at(name),
                )
            asked[name], most[name] = amount, limit
        return cls(asked[CPU], asked[MEMORY], most[CPU], most[MEMORY])

    def to_body(self) -> dict[str, Any]:
        limits = {CPU: self.cpu_limit, MEMORY: self.memory_limit_gb}
        limits = {name: value for name, value in limits.items() if value is not None}
        return {
            "requests": {CPU: self.cpu, MEMORY: self.memory_gb},
            **({"limits": limits} if limits else {}),
        }


def check_limits(containers: Mapping[str, ContainerResources]) -> None:
    """Raises ArmError 400 for a limit above what the group's containers request together.

    https://github.com/docker-archive/compose-cli/pull/357
    """
    cpu = round(sum(one.cpu for one in containers.values()), 3)
    memory = round(sum(one.memory_gb for one in containers.values()), 3)
    for name, one in containers.items():
        for kind, limit, total in (
            (CPU, one.cpu_limit, cpu),
            (MEMORY, one.memory_limit_gb, memory),
        ):
            if limit is not None and limit > total:
                raise bad_request(
                    f"The '{_NAMES[kind]}' limit '{limit:g}' in container '{name}' is greater than "
                    f"the total request '{total:g}' of its container group.",
                    code="ContainerLimitGreaterThanContainerGroupTotalRequest",
                    target=f"resources.limits.{kind}",
                )


def _amount(fields: Fields, name: str, container: str) -> float | None:
    strict = Fields(fields.value, fields.path, refusing("InvalidResourceRequests"))
    amount = strict.number(name)
    if amount is None:
        return None
    if amount == 0:
        raise strict.error(
            name, f"The {name} of the container '{container}' must be a number above 0, not 0."
        )
    step, (word, unit) = _STEPS[name], _WORDS[name]
    if abs(amount / step - round(amount / step)) > _ROUNDING:
        raise strict.error(
            name,
            f"The {word} requirement is '{amount:g}' in container '{container}'. The {word} "
            f"requirement should be in increments of {step:g}{unit}.",
        )
    return amount
