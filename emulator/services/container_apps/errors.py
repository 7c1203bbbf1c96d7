"""How Container Apps refuses a body: the codes and sentences that its mistakes have in common.

A body that does not fit the schema (a wrong type, a name that the schema does not have) is
`ContainerAppInvalidSchema`, with the path at which it does not:
https://github.com/Azure-Samples/apptemplate-wordpress-on-aca/issues/13
"""

from __future__ import annotations

from typing import Any

from emulator.arm.errors import ArmError, bad_request
from emulator.arm.fields import Fields, Refuse

_SCHEMA = (
    "https://docs.microsoft.com/azure/container-apps/azure-resource-manager-api-spec"
    "?tabs=arm-template#container-app"
)


def invalid_schema(path: str, message: str) -> ArmError:
    """400 for a body that does not fit the schema. `path` is "" for the body itself."""
    where = f"$.{path}" if path else "$"
    return bad_request(
        f"Invalid request body for container app. Path: {where}. {message} Does not conform to "
        f"Container App schema, please visit for more information {_SCHEMA}",
        code="ContainerAppInvalidSchema",
        target=path or None,
    )


def invalid(path: str, details: str) -> ArmError:
    """400 for a value that fits the schema and is wrong all the same, naming the field."""
    return bad_request(
        "The following field(s) are either invalid or missing. "
        f"Field '{path.removeprefix('properties.')}' is invalid with details: '{details}';.",
        code="InvalidParameterValueInContainerTemplate",
        target=path,
    )


def unknown_secret(reference: str, where: str, path: str) -> ArmError:
    """400 for a reference to a secret that the app does not have."""
    return bad_request(
        f"SecretRef '{reference}' defined for {where} not found.",
        code="ContainerAppSecretRefNotFound",
        target=path,
    )


def whole(fields: Fields, name: str, least: int, most: int, default: int) -> int:
    """A whole number of a template. Raises `invalid` when it is out of its range."""
    value = fields.whole(name, default, least=-(10**18))
    if not least <= value <= most:
        raise invalid(fields.at(name), f"Invalid value: {value}: must be from {least} to {most}")
    return value


def refuse_nul(value: Any, refuse: Refuse = invalid_schema, path: str = "") -> None:
    """Raises `refuse` for a text with the character NUL, which no program can be given."""
    if isinstance(value, str) and "\0" in value:
        raise refuse(path, "A text cannot hold the character NUL.")
    if isinstance(value, dict):
        for name, item in value.items():
            refuse_nul(name, refuse, path)
            refuse_nul(item, refuse, f"{path}.{name}" if path else name)
    if isinstance(value, list):
        for number, item in enumerate(value):
            refuse_nul(item, refuse, f"{path}[{number}]")
