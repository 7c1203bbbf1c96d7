"""The environment variables that a deployment sets for its script."""

from __future__ import annotations

import re

from emulator.arm.fields import Fields

# https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def read_variables(properties: Fields) -> dict[str, str]:
    """`environmentVariables` of a deployment's properties. Raises ArmError 400."""
    variables = properties.mapping("environmentVariables")
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise properties.error(
                "environmentVariables",
                f"{name!r} in '{properties.at('environmentVariables')}' is no name of an "
                "environment variable: letters, digits, '-', '_' and '.', not beginning with a "
                "digit.",
            )
        if "\0" in value:
            raise properties.error(
                "environmentVariables",
                f"'{properties.at('environmentVariables')}.{name}' holds a NUL character.",
            )
    return variables
