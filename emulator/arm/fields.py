"""Reading a request's body at the edge: one object, field by field, into Python's types.

Every reader either returns what was asked for or raises Azure's 400, with the path of the field and
what was expected. Readers are as lenient as Azure is: names are compared without case, "50" is a
number where a number is meant, 50 is a text where a text is meant, null is the same as nothing.

    fields = Fields(request.body)
    properties = fields.object("properties")
    port = properties.whole("targetPort", least=1, most=65535)

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, overload

import isodate

from emulator.arm.errors import ArmError, bad_request, not_emulated

# A larger number is none that a field of Azure's takes.
LARGEST = 10**18
# Makes the error of a service: the path of the field, and a sentence about it.
Refuse = Callable[[str, str], ArmError]


def invalid_content(path: str, message: str) -> ArmError:
    """400 as Resource Manager answers a body that does not fit the type."""
    return bad_request(message, code="InvalidRequestContent", target=path or None)


def refusing(code: str) -> Refuse:
    """Returns what makes a 400 of this error code."""
    return lambda path, message: bad_request(message, code=code, target=path or None)


class Fields:
    """One JSON object of a body. `path` is where it is, e.g. "properties.containers[0]"."""

    def __init__(self, value: object, path: str = "", refuse: Refuse = invalid_content) -> None:
        """Raises ArmError 400 when the value is no object."""
        self.path = path
        self.refuse = refuse
        if not isinstance(value, dict):
            what = f"'{path}'" if path else "The request content"
            raise refuse(path, f"{what} must be an object, not {shown(value)}.")
        self.value: dict[str, Any] = value
        self._names = {name.lower(): name for name in value}

    def at(self, name: str) -> str:
        """The path of a field of this object."""
        return f"{self.path}.{name}" if self.path else name

    def error(self, name: str, message: str) -> ArmError:
        """The service's 400 for a field of this object ("" for the object itself)."""
        return self.refuse(self.at(name) if name else self.path, message)

    def wrong(self, name: str, expected: str) -> ArmError:
        """The 400 that says what was expected in place of what the field holds."""
        return self.error(
            name, f"'{self.at(name)}' must be {expected}, not {shown(self.raw(name))}."
        )

    def missing(self, name: str) -> ArmError:
        return self.error(name, f"'{self.at(name)}' is required.")

    # What is there

    def raw(self, name: str) -> Any:
        """The value as it was sent; None when it is null or left out."""
        return self.value.get(self._names.get(name.lower(), name))

    def has(self, name: str) -> bool:
        """Whether it was sent and is not null."""
        return self.raw(name) is not None

    def is_named(self, name: str) -> bool:
        """Whether it was sent, be it as null: a PATCH takes away what is null."""
        return name.lower() in self._names

    def names(self) -> list[str]:
        """The names as they were sent, but for those whose value is null."""
        return [name for name, value in self.value.items() if value is not None]

    # Objects and lists

    def object(self, name: str, *, required: bool = False) -> Fields:
        """The object under a name, an empty one when it is left out."""
        if required and not self.has(name):
            raise self.missing(name)
        value = self.raw(name)
        return Fields({} if value is None else value, self.at(name), self.refuse)

    def objects(self, name: str) -> list[Fields]:
        """The list of objects under a name, an empty one when it is left out."""
        return [Fields(item, path, self.refuse) for path, item in self._items(name, "objects")]

    def texts(self, name: str) -> list[str]:
        """The list of texts under a name, an empty one when it is left out."""
        found = []
        for path, item in self._items(name, "texts"):
            text = as_text(item)
            if text is None:
                raise self.refuse(path, f"'{path}' must be a text, not {shown(item)}.")
            found.append(text)
        return found

    def _items(self, name: str, what: str) -> Iterator[tuple[str, Any]]:
        value = self.raw(name)
        if value is None:
            return
        if not isinstance(value, list):
            raise self.wrong(name, f"a list of {what}")
        for number, item in enumerate(value):
            yield f"{self.at(name)}[{number}]", item

    def mapping(self, name: str) -> dict[str, str]:
        """An object whose values are texts, such as tags; null becomes ""."""
        fields = self.object(name)
        found = {}
        for key, value in fields.value.items():
            text = "" if value is None else as_text(value)
            if text is None:
                raise fields.wrong(key, "a text")
            found[key] = text
        return found

    # Single values

    @overload
    def text(self, name: str, default: str, *, pattern: str = "", expected: str = "") -> str: ...
    @overload
    def text(
        self, name: str, default: None = None, *, pattern: str = "", expected: str = ""
    ) -> str | None: ...
    def text(
        self, name: str, default: str | None = None, *, pattern: str = "", expected: str = ""
    ) -> str | None:
        """A text, `default` when it is left out. `expected` describes `pattern` in words."""
        value = self.raw(name)
        if value is None:
            return default
        text = as_text(value)
        if text is None or (pattern and not re.fullmatch(pattern, text)):
            raise self.wrong(name, expected or "a text")
        return text

    def required_text(self, name: str, *, pattern: str = "", expected: str = "") -> str:
        """A text that is there and not empty."""
        text = self.text(name, pattern=pattern, expected=expected)
        if not text:
            raise self.missing(name)
        return text

    @overload
    def whole(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int: ...
    @overload
    def whole(
        self, name: str, default: None = None, *, least: int = 0, most: int | None = None
    ) -> int | None: ...
    def whole(
        self, name: str, default: int | None = None, *, least: int = 0, most: int | None = None
    ) -> int | None:
        """A whole number from `least` to `most`."""
        value = self.raw(name)
        if value is None:
            return default
        number = as_number(value)
        if (
            number is None
            or number != int(number)
            or number < least
            or (most is not None and number > most)
        ):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            raise self.wrong(name, f"a whole number {limits}")
        return int(number)

    @overload
    def number(
        self, name: str, default: float, *, least: float = 0.0, most: float | None = None
    ) -> float: ...
    @overload
    def number(
        self, name: str, default: None = None, *, least: float = 0.0, most: float | None = None
    ) -> float | None: ...
    def number(
        self,
        name: str,
        default: float | None = None,
        *,
        least: float = 0.0,
        most: float | None = None,
    ) -> float | None:
        """A number from `least` to `most`."""
        value = self.raw(name)
        if value is None:
            return default
        number = as_number(value)
        if number is None or number < least or (most is not None and number > most):
            limits = f"at least {least:g}" if most is None else f"from {least:g} to {most:g}"
            raise self.wrong(name, f"a number {limits}")
        return float(number)

    @overload
    def flag(self, name: str, default: bool) -> bool: ...
    @overload
    def flag(self, name: str, default: None = None) -> bool | None: ...
    def flag(self, name: str, default: bool | None = None) -> bool | None:
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise self.wrong(name, "true or false")

    @overload
    def choice(self, name: str, choices: Iterable[str], default: str) -> str: ...
    @overload
    def choice(self, name: str, choices: Iterable[str], default: None = None) -> str | None: ...
    def choice(self, name: str, choices: Iterable[str], default: str | None = None) -> str | None:
        """One of `choices`, compared without case and returned as it is spelled there."""
        value = self.raw(name)
        if value is None or value == "":
            return default
        spelled = {choice.lower(): choice for choice in choices}
        if not isinstance(value, str) or value.lower() not in spelled:
            raise self.wrong(name, f"one of {', '.join(spelled.values())}")
        return spelled[value.lower()]

    @overload
    def duration(self, name: str, default: float) -> float: ...
    @overload
    def duration(self, name: str, default: None = None) -> float | None: ...
    def duration(self, name: str, default: float | None = None) -> float | None:
        """Seconds, from an ISO 8601 duration such as "PT5S"."""
        value = self.raw(name)
        if value is None:
            return default
        seconds = seconds_of(value)
        if seconds is None:
            raise self.wrong(name, 'an ISO 8601 duration such as "PT5S"')
        return seconds

    # What is not honoured

    def only(self, known: Iterable[str], what: str = "") -> None:
        """Raises the service's 400 for a field that is not among `known`: a misspelt one, say."""
        names = {name.lower() for name in known}
        for name in self.names():
            if name.lower() not in names:
                of = f" of {what}" if what else ""
                raise self.error(
                    name, f"Could not find member '{name}'{of}. Path '{self.at(name)}'."
                )

    def not_emulated(self, names: Mapping[str, Any] | Iterable[str], what: str) -> None:
        """Raises ArmError 501 for a field that asks for what local Azure does not have.

        Of a mapping, the value is what Azure has where nothing is said: asking for that is fine.
        An empty object, list or text and false ask for nothing.
        """
        defaults = names if isinstance(names, Mapping) else dict.fromkeys(names)
        for name, default in defaults.items():
            value = self.raw(name)
            if is_empty(value) or _same(value, default):
                continue
            raise not_emulated(f"'{self.at(name)}' of {what}")


def is_empty(value: object) -> bool:
    """Whether a value of any shape asks for nothing: null, false, "", and what holds only such."""
    if isinstance(value, dict):
        return all(is_empty(item) for item in value.values())
    if isinstance(value, list):
        return all(is_empty(item) for item in value)
    return value is None or value is False or value == ""


def _same(value: object, default: object) -> bool:
    if isinstance(value, str) and isinstance(default, str):
        return value.lower() == default.lower()
    return value == default and isinstance(value, bool) == isinstance(default, bool)


def as_text(value: object) -> str | None:
    """A text, or what Azure makes a text of; None for objects, lists and null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return value if isinstance(value, str) else None


def as_number(value: object) -> int | float | None:
    """A number, or a text that spells one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not re.fullmatch(r"\s*[+-]?\d{1,18}(\.\d{1,18})?\s*", value, re.ASCII):
            return None
        return float(value) if "." in value else int(value)
    if isinstance(value, (int, float)) and abs(value) < LARGEST:
        return value
    return None


def seconds_of(value: object) -> float | None:
    """Seconds of an ISO 8601 duration without years and months; None for anything else."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        duration = isodate.parse_duration(value)
        return float(duration.total_seconds())
    except (ValueError, AttributeError, OverflowError):
        return None


def shown(value: object) -> str:
    """A value as an error message shows it: short, and its type where that says more."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = "null" if value is None else as_text(value) or "''"
    text = text if len(text) <= 80 else f"{text[:80]}..."
    return f"'{text}'" if isinstance(value, str) and value else text
