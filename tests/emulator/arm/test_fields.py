"""Typed readers of a body: what they return, and the 400 that names the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.arm.errors import ArmError
from emulator.arm.fields import Fields

BODY = {
    "Name": "digits",
    "port": "80",
    "cpu": "1.25",
    "count": 3,
    "share": 0.5,
    "on": "True",
    "off": False,
    "kind": "BASIC",
    "wait": "PT1M30S",
    "tags": {"_mine": 1, "plain": "text", "none": None},
    "list": ["a", 1],
    "inner": {"deep": [{"x": 1}, {"x": "two"}]},
    "nothing": None,
}


def fields() -> Fields:
    return Fields(BODY)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda body: body.text("name"), "digits"),
        (lambda body: body.text("count"), "3"),
        (lambda body: body.text("off"), "false"),
        (lambda body: body.text("nothing", "else"), "else"),
        (lambda body: body.whole("port"), 80),
        (lambda body: body.whole("absent", 7), 7),
        (lambda body: body.number("cpu"), 1.25),
        (lambda body: body.number("share"), 0.5),
        (lambda body: body.flag("on"), True),
        (lambda body: body.flag("off", True), False),
        (lambda body: body.choice("kind", ("Basic", "Standard")), "Basic"),
        (lambda body: body.duration("wait"), 90.0),
        (lambda body: body.mapping("tags"), {"_mine": "1", "plain": "text", "none": ""}),
        (lambda body: body.texts("list"), ["a", "1"]),
        (lambda body: body.object("absent").names(), []),
        (
            lambda body: [one.text("x") for one in body.object("inner").objects("deep")],
            ["1", "two"],
        ),
        (lambda body: (body.has("nothing"), body.is_named("NOTHING")), (False, True)),
    ],
)
def test_a_field_is_read_as_azure_reads_it(read: Callable[[Fields], Any], value: Any) -> None:
    found = read(fields())
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("read", "path", "words"),
    [
        (lambda body: body.object("name"), "name", "must be an object, not 'digits'"),
        (lambda body: body.objects("tags"), "tags", "must be a list of objects, not an object"),
        (lambda body: body.objects("list"), "list[0]", "must be an object, not 'a'"),
        (lambda body: body.texts("inner"), "inner", "must be a list of texts, not an object"),
        (lambda body: body.text("tags"), "tags", "must be a text, not an object"),
        (lambda body: body.whole("cpu"), "cpu", "must be a whole number at least 0, not '1.25'"),
        (lambda body: body.whole("count", most=2), "count", "from 0 to 2, not 3"),
        (lambda body: body.whole("on"), "on", "must be a whole number"),
        (lambda body: body.number("name"), "name", "must be a number at least 0"),
        (lambda body: body.flag("count"), "count", "must be true or false, not 3"),
        (lambda body: body.choice("kind", ("A", "B")), "kind", "must be one of A, B, not 'BASIC'"),
        (lambda body: body.duration("name"), "name", "ISO 8601 duration"),
        (lambda body: body.required_text("absent"), "absent", "is required"),
        (lambda body: body.object("absent", required=True), "absent", "is required"),
        (
            lambda body: body.object("inner").objects("deep")[1].whole("x"),
            "inner.deep[1].x",
            "must be a whole number at least 0, not 'two'",
        ),
        (lambda body: body.only(("name", "port")), "cpu", "Could not find member 'cpu'"),
    ],
)
def test_what_does_not_fit_is_400_with_the_path_and_what_was_expected(
    read: Callable[[Fields], Any], path: str, words: str
) -> None:
    with pytest.raises(ArmError) as caught:
        read(fields())
    assert (caught.value.status, caught.value.target) == (400, path)
    assert words in caught.value.message
    assert path in caught.value.message


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_a_body_that_is_no_object_is_400(value: object) -> None:
    with pytest.raises(ArmError) as caught:
        Fields(value)
    assert caught.value.status == 400


@pytest.mark.parametrize("value", [10**400, "9" * 5000, float("1e300"), "٣", "1e5", "0x10", ""])
def test_a_number_that_is_none_is_refused_and_not_a_crash(value: object) -> None:
    with pytest.raises(ArmError) as caught:
        Fields({"port": value}).whole("port", most=65535)
    assert caught.value.status == 400


def test_a_service_makes_its_own_error() -> None:
    def refuse(path: str, message: str) -> ArmError:
        return ArmError(400, "OursAlone", f"{path}: {message}")

    with pytest.raises(ArmError) as caught:
        Fields({"a": {"b": 1}}, refuse=refuse).object("a").objects("b")
    assert caught.value.code == "OursAlone"
    assert caught.value.message.startswith("a.b: ")


def test_what_local_azure_does_not_have_is_501_only_when_it_is_asked_for() -> None:
    body = Fields({"a": {"enabled": False}, "b": [], "c": "enabled", "d": {"on": True}})
    body.not_emulated({"a": None, "b": None, "c": "Enabled"}, "a box")
    with pytest.raises(ArmError) as caught:
        body.not_emulated(("d",), "a box")
    assert caught.value.status == 501
    assert "'d' of a box" in caught.value.message
