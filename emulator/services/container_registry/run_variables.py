"""The variables that the names and commands of a run may have: {{.Run.ID}}, $Registry.

https://learn.microsoft.com/azure/container-registry/container-registry-tasks-reference-yaml#run-variables
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from emulator.arm.errors import not_emulated

_VARIABLE = re.compile(r"\{\{\s*\.([\w.]+)\s*\}\}")


def fill(text: str, server: str, run_id: str) -> str:
    """`text` with the variables' values. Raises ArmError 501 for one that is not known here."""
    values = {
        "Run.ID": run_id,
        "Run.Registry": server,
        "Run.RegistryName": server.partition(".")[0],
        "Run.Date": f"{datetime.now(UTC):%Y%m%d-%H%M%Sz}",
        "Run.OS": "linux",
        "Run.Architecture": "amd64",
    }

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise not_emulated(f"the variable {found[0]} of a run")
        return values[found[1]]

    filled = _VARIABLE.sub(value, text)
    return filled.replace("$ID", run_id).replace("$Registry", server)
