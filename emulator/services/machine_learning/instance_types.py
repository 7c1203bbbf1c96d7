"""The virtual machines that a managed online deployment can run on. Those with a GPU are not here.

https://learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list
https://learn.microsoft.com/azure/virtual-machines/sizes
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.arm.errors import not_emulated
from emulator.services.machine_learning.errors import bad_argument


@dataclass(frozen=True)
class InstanceType:
    """`family` is the one that quota is counted by."""

    family: str
    vcpus: int
    memory_gb: float


# Family -> size -> (vCPUs, memory in GB).
_FAMILIES: dict[str, dict[str, tuple[int, float]]] = {
    "standardDSv2Family": {
        "Standard_DS1_v2": (1, 3.5),
        "Standard_DS2_v2": (2, 7),
        "Standard_DS3_v2": (4, 14),
        "Standard_DS4_v2": (8, 28),
        "Standard_DS5_v2": (16, 56),
    },
    "standardDAv4Family": {
        "Standard_D2a_v4": (2, 8),
        "Standard_D4a_v4": (4, 16),
        "Standard_D8a_v4": (8, 32),
        "Standard_D16a_v4": (16, 64),
        "Standard_D32a_v4": (32, 128),
        "Standard_D48a_v4": (48, 192),
        "Standard_D64a_v4": (64, 256),
        "Standard_D96a_v4": (96, 384),
    },
    "standardDASv4Family": {
        "Standard_D2as_v4": (2, 8),
        "Standard_D4as_v4": (4, 16),
        "Standard_D8as_v4": (8, 32),
        "Standard_D16as_v4": (16, 64),
        "Standard_D32as_v4": (32, 128),
        "Standard_D48as_v4": (48, 192),
        "Standard_D64as_v4": (64, 256),
        "Standard_D96as_v4": (96, 384),
    },
    "standardFSv2Family": {
        "Standard_F2s_v2": (2, 4),
        "Standard_F4s_v2": (4, 8),
        "Standard_F8s_v2": (8, 16),
        "Standard_F16s_v2": (16, 32),
        "Standard_F32s_v2": (32, 64),
        "Standard_F48s_v2": (48, 96),
        "Standard_F64s_v2": (64, 128),
        "Standard_F72s_v2": (72, 144),
    },
    "standardFXMDVSFamily": {
        "Standard_FX4mds": (4, 84),
        "Standard_FX12mds": (12, 252),
        "Standard_FX24mds": (24, 504),
        "Standard_FX36mds": (36, 756),
        "Standard_FX48mds": (48, 1008),
    },
    "standardESv3Family": {
        "Standard_E2s_v3": (2, 16),
        "Standard_E4s_v3": (4, 32),
        "Standard_E8s_v3": (8, 64),
        "Standard_E16s_v3": (16, 128),
        "Standard_E32s_v3": (32, 256),
        "Standard_E48s_v3": (48, 384),
        "Standard_E64s_v3": (64, 432),
    },
    **{
        f"standard{family}Family": {
            f"Standard_L{vcpus}{suffix}": (vcpus, vcpus * 8) for vcpus in (8, 16, 32, 48, 64, 80)
        }
        for family, suffix in (("LASv3", "as_v3"), ("LSv2", "s_v2"), ("LSv3", "s_v3"))
    },
}
# Of Azure's list, those with a GPU.
_GPU = re.compile(
    r"Standard_(NC(24|48|96)ads_A100_v4|NC(4|8|16|64)as_T4_v3|NC(6|12|24)s_v[23]"
    r"|NC40ads_H100_v5|NC80adis_H100_v5|ND96amsr_A100_v4|ND96asr_v4|ND40rs_v2"
    r"|ND96isr?_H100_v5|NV(6|12|18|36|72)ads_A10_v5|NV36adms_A10_v5)",
    re.IGNORECASE,
)

INSTANCE_TYPES: dict[str, InstanceType] = {
    size: InstanceType(family, vcpus, memory_gb)
    for family, sizes in _FAMILIES.items()
    for size, (vcpus, memory_gb) in sizes.items()
}
_SPELLED = {size.lower(): size for size in INSTANCE_TYPES}


def find_instance_type(path: str, name: str) -> str:
    """The type's name as Azure spells it. Raises ArmError: 400 for an unknown one in the field at
    `path`, 501 for one with a GPU."""
    if spelled := _SPELLED.get(name.lower()):
        return spelled
    if _GPU.fullmatch(name):
        raise not_emulated(f"instance types with a GPU, such as {name}")
    raise bad_argument(
        path,
        f"The instance type '{name[:80]}' is not supported. Choose one of "
        f"{', '.join(INSTANCE_TYPES)}.",
    )
