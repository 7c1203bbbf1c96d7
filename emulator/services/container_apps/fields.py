"""Reading a request's fields, and the errors that name them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.arm.errors import ArmError, bad_request
from emulator.store import Resource


def invalid(field: str, details: str) -> ArmError:
    """400 as Container Apps words a mistake in a template, naming the field."""
    return bad_request(
        "The following field(s) are either invalid or missing. "
        f"Field '{field}' is invalid with details: '{details}';.",
        code="InvalidParameterValueInContainerTemplate",
        target=f"properties.{field}",
    )


def section(values: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under a name, {} when it is left out. Raises ArmError 400 for anything else."""
    found = values.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise bad_request(f"{name} must be an object, not {found!r}.", target=name)
    return found


def objects(values: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The list of objects under a name, [] when it is left out. Raises ArmError 400."""
    found = values.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise bad_request(f"{name} must be a list of objects, not {found!r}.", target=name)
    return found


def whole(
    values: dict[str, Any], name: str, field: str, least: int, most: int, default: int
) -> int:
    """A whole number within limits. Raises ArmError 400 naming the field."""
    found = values.get(name)
    if found is None:
        return default
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
        raise invalid(f"{field}.{name}", f"Invalid value: {found}: must be from {least} to {most}")
    return found


def without_nulls(value: Any) -> Any:
    """The value without keys whose value is null, at every depth."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def pick(values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """These keys, where they are set."""
    return {name: values[name] for name in names if values.get(name) not in (None, [], {})}


def merge(before: Any, patch: Any) -> Any:
    """JSON merge patch: https://www.rfc-editor.org/rfc/rfc7396"""
    if not isinstance(patch, dict):
        return patch
    merged = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def shown(resource: Resource) -> dict[str, Any]:
    return {"id": resource.id, "name": resource.name, "type": resource.type, **resource.body}
