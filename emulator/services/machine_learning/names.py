"""The rules that names of endpoints and deployments follow, of online and of batch ones."""

from __future__ import annotations

import re

from emulator.arm.errors import bad_request
from emulator.arm.ids import name_of, parent_of
from emulator.services.machine_learning.errors import refused_by_serving
from emulator.services.machine_learning.paths import BATCH_ENDPOINT_TYPE, ONLINE_ENDPOINT_TYPE
from emulator.store import Store

_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|-(?!-)){1,30}[A-Za-z0-9]")


def check_name(name: str, what: str) -> None:
    """Raises ArmError 400 for a name that Azure would refuse.

    https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#azure-machine-learning-online-endpoints-and-batch-endpoints
    """
    if not _NAME.fullmatch(name):
        raise bad_request(
            f"The {what} name '{name}' is invalid. A name begins with a letter, has 3 to 32 "
            "letters, digits and single dashes, and ends with a letter or a digit.",
            target=f"{what}Name",
        )


def check_unique(store: Store, endpoint_id: str, location: str) -> None:
    """Raises ArmError 400 when another endpoint of either kind has the name in the region."""
    name = name_of(endpoint_id).lower()
    kinds = (ONLINE_ENDPOINT_TYPE, BATCH_ENDPOINT_TYPE)
    for other in (each for kind in kinds for each in store.of_type(kind)):
        if other.name.lower() == name and other.body["location"] == location:
            raise refused_by_serving(
                "There is already an endpoint with this name, Endpoint name needs to be unique "
                f"within a region. Try some other name. ('{other.name}' is in the workspace "
                f"'{name_of(parent_of(other.id))}', in {location}.)"
            )
