"""The rule that names of online endpoints and deployments follow."""

from __future__ import annotations

import re

from emulator.arm.errors import bad_request

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
