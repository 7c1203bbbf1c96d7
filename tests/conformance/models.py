"""Whether a body is what an operation's model says, as Azure's own answers are.

Azure adds properties that a model does not have yet, writes enums in other cases than the model
does, and leaves out with null what is not set: none of that is against the model.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import jsonschema
from isodate import ISO8601Error, parse_duration
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from tests.conformance.beyond_specs import VALUES
from tests.conformance.specs import Specs

_formats = jsonschema.FormatChecker(formats=("date-time", "uri"))


@_formats.checks("uuid")
def _is_uuid(value: object) -> bool:
    form = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return not isinstance(value, str) or bool(re.fullmatch(form, value, re.IGNORECASE))


@_formats.checks("duration", raises=ISO8601Error)
def _is_duration(value: object) -> bool:
    return not isinstance(value, str) or parse_duration(value) is not None


class Models:
    """The models of all files of a folder."""

    def __init__(self, specs: Specs) -> None:
        self.documents = specs.documents
        resources = (
            (name, DRAFT4.create_resource(document)) for name, document in specs.documents.items()
        )
        self.registry: Registry[Any] = Registry().with_resources(resources)
        kind = jsonschema.validators.extend(
            jsonschema.Draft4Validator,
            {
                "enum": _enum,
                "required": _required,
                "additionalProperties": _additional_properties,
                "discriminator": self._discriminator,
            },
        )
        self._validator = kind({}, registry=self.registry, format_checker=_formats)

    def problems(self, schema: dict[str, Any], body: Any) -> list[str]:
        """What of the body is not as the schema says, each with its path."""
        validator = self._validator.evolve(schema=schema)
        return sorted(
            f"{'.'.join(str(part) for part in error.absolute_path) or 'the body'}: "
            f"{error.message[:300]}"
            for error in validator.iter_errors(without_nulls(body))
        )

    def written_by_azure(
        self, schema: dict[str, Any], example: Any, body: Any, where: str = ""
    ) -> list[str]:
        """The paths that the example has and the body lacks, of what the model calls read-only.

        All else is there or not as a client has set it.
        """
        if isinstance(example, list):
            if not isinstance(body, list) or not example or not body:
                return []
            schema = self._whole(schema).get("items", {})
            return self.written_by_azure(schema, example[0], body[0], f"{where}[]")
        if not isinstance(example, dict) or not isinstance(body, dict):
            return []
        properties = self._properties(schema, example)
        ours = {name.lower(): value for name, value in body.items()}
        lacking = []
        for name, value in example.items():
            if value in (None, "", [], {}) or name not in properties:
                continue
            found, inside = ours.get(name.lower()), f"{where}.{name}".lstrip(".")
            if found is not None:
                lacking += self.written_by_azure(properties[name], value, found, inside)
            elif self._whole(properties[name]).get("readOnly") or properties[name].get("readOnly"):
                lacking.append(inside)
        return lacking

    def _whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in schema:
            return schema
        document, _, name = schema["$ref"].partition("#/definitions/")
        return self._whole(self.documents[document]["definitions"][name])

    def _properties(self, schema: dict[str, Any], body: Any) -> dict[str, Any]:
        """A model's properties, those of the models above it and of the derived one with them."""
        schema = self._whole(schema)
        found: dict[str, Any] = {}
        for above in schema.get("allOf", []):
            found |= self._properties(above, body)
        for part in self._derived_parts(schema, body):
            found |= self._properties(part, body)
        return found | schema.get("properties", {})

    def _discriminator(
        self, validator: Validator, name: str, instance: Any, schema: dict[str, Any]
    ) -> Iterator[jsonschema.ValidationError]:
        """Hold the body to the derived model that one of its properties names."""
        for part in self._derived_parts(schema, instance):
            yield from validator.descend(instance, part)

    def _derived_parts(self, schema: dict[str, Any], body: Any) -> list[dict[str, Any]]:
        """What the model adds that is derived from this one and named by its discriminator."""
        name = schema.get("discriminator")
        if not isinstance(body, dict) or name not in body:
            return []
        return self._derived.get(id(schema), {}).get(str(body[name]).lower(), [])

    @cached_property
    def _derived(self) -> dict[int, dict[str, list[dict[str, Any]]]]:
        """For each model with a discriminator, by identity, the parts of those derived from it."""
        found: dict[int, dict[str, list[dict[str, Any]]]] = defaultdict(dict)
        for document in self.documents.values():
            for name, schema in document.get("definitions", {}).items():
                value = schema.get("x-ms-discriminator-value", name).lower()
                parts, bases = self._lineage(schema)
                for base in bases:
                    found[id(base)][value] = parts
        return found

    def _lineage(self, schema: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """A model's own part and those above it, and which of these have a discriminator."""
        own = {key: value for key, value in schema.items() if key not in ("allOf", "discriminator")}
        parts, bases = [own], []
        for reference in schema.get("allOf", []):
            above = self._whole(reference)
            if "discriminator" in above:
                bases.append(above)
            more, others = self._lineage(above)
            parts, bases = parts + more, bases + others
        return parts, bases


def without_nulls(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: without_nulls(value) for key, value in body.items() if value is not None}
    if isinstance(body, list):
        return [without_nulls(one) for one in body]
    return body


def _enum(
    validator: Validator, values: list[Any], instance: Any, schema: dict[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    more = VALUES.get(schema.get("x-ms-enum", {}).get("name", ""), set())
    if _plain(instance) not in {*map(_plain, values), *more}:
        yield jsonschema.ValidationError(f"{instance!r} is not one of {values!r}")


def _plain(value: Any) -> str:
    return str(value).lower().replace(" ", "")


def _required(
    validator: Validator, names: list[str], instance: Any, schema: dict[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    """What is required of a request and is a secret is in no answer."""
    if not isinstance(instance, dict):
        return
    properties = schema.get("properties", {})
    for name in names:
        hidden = properties.get(name, {}).get("x-ms-secret")
        if name not in instance and not hidden:
            yield jsonschema.ValidationError(f"{name!r} is required")


def _additional_properties(
    validator: Validator, rule: Any, instance: Any, schema: dict[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    if isinstance(rule, dict) and isinstance(instance, dict):
        for name in instance.keys() - schema.get("properties", {}).keys():
            yield from validator.descend(instance[name], rule, path=name)
