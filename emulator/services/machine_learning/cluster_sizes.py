"""The virtual machines that a compute cluster can have, without those with a GPU.

https://learn.microsoft.com/azure/machine-learning/concept-compute-target#supported-vm-series-and-sizes
https://learn.microsoft.com/azure/virtual-machines/sizes
"""

from __future__ import annotations

import re

from emulator.arm.errors import ArmError, not_emulated
from emulator.services.machine_learning.instance_types import INSTANCE_TYPES, InstanceType

_BY_4 = {count: count * 4.0 for count in (2, 4, 8, 16, 32, 48, 64)}  # vCPUs -> memory in GB
_BY_8 = {2: 16.0, 4: 32.0, 8: 64.0, 16: 128.0, 20: 160.0, 32: 256.0, 48: 384.0, 64: 432.0}
# Number in the name -> (vCPUs, memory in GB): of Dv2 and DSv2 the number is no count.
_V2_SHAPES = (
    *((1, 3.5), (2, 7.0), (4, 14.0), (8, 28.0), (16, 56.0)),
    *((2, 14.0), (4, 28.0), (8, 56.0), (16, 112.0), (20, 140.0)),
)
_V2 = dict(zip((1, 2, 3, 4, 5, 11, 12, 13, 14, 15), _V2_SHAPES, strict=True))
# Series of Azure's list with a GPU, for high-performance computing, or of other shapes.
_OTHERS = re.compile(r"Standard_(A|D|DC|E|EC|F|H|HB|HC|HX|L|M|N[CDVGP])\d.*", re.IGNORECASE)


def _counted(family: str, template: str, sizes: dict[int, float]) -> dict[str, InstanceType]:
    return {
        template.format(count): InstanceType(family, count, memory)
        for count, memory in sizes.items()
    }


CLUSTER_SIZES: dict[str, InstanceType] = {
    **INSTANCE_TYPES,
    **{
        f"Standard_{letters}{number}_v2": InstanceType(f"Standard {letters}v2 Family", *shape)
        for letters in ("D", "DS")
        for number, shape in _V2.items()
    },
    **_counted("Standard Dv3 Family", "Standard_D{}_v3", _BY_4),
    **_counted("Standard DSv3 Family", "Standard_D{}s_v3", _BY_4),
    **_counted("Standard DDSv4 Family", "Standard_D{}ds_v4", _BY_4),
    **_counted("Standard Ev3 Family", "Standard_E{}_v3", _BY_8),
    **_counted("Standard ESv3 Family", "Standard_E{}s_v3", _BY_8),
}
_SPELLED = {size.lower(): size for size in CLUSTER_SIZES}


def find_cluster_size(name: str) -> str:
    """The size's name as Azure spells it. Raises ArmError: 400 for what is none, 501 for one that
    local Azure does not know."""
    if spelled := _SPELLED.get(name.lower()):
        return spelled
    if _OTHERS.fullmatch(name):
        raise not_emulated(f"compute clusters of the size {name}")
    raise ArmError(
        400,
        "InvalidPropertyValue",
        f"The specified value {name[:80]} for property Cluster.Properties.VMSize is not a "
        f"supported VM size. Supported VM sizes: {','.join(CLUSTER_SIZES)}",
        target="properties.properties.vmSize",
    )
