"""Changes a message that is right into one that is wrong in one or two places, at random."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.fuzz import odd_values
from tests.fuzz.message import Message
from tests.fuzz.odd_values import Raw

FORM = "application/x-www-form-urlencoded"
QUERY_NAMES = ("$top", "$skip", "api-version", "$filter", "n", "last", "maxresults", "tail")

Mutation = Callable[[Message, Random], Message]


def mutate(message: Message, random: Random) -> Message:
    """The message with one thing wrong, sometimes two."""
    for _ in range(random.choice((1, 1, 1, 2))):
        message = random.choices(*_choices(message))[0](message, random)
    return message


def _choices(message: Message) -> tuple[list[Mutation], list[int]]:
    """What can be done to it, and how often: bodies are where most is read."""
    weights: dict[Mutation, int] = {in_query: 2, in_path: 2, in_headers: 1}
    if message.method in ("PUT", "POST", "PATCH"):
        weights[whole_body] = 1
        if _is_form(message):
            weights[in_form] = 10
        elif _json(message) is not None:
            weights[in_json] = 10
    return list(weights), list(weights.values())


def _is_form(message: Message) -> bool:
    return message.header("content-type").startswith(FORM)


def _json(message: Message) -> Any:
    try:
        return json.loads(message.body)
    except (ValueError, RecursionError):
        return None  # it has been made wrong already


def places(message: Message) -> int:
    """How many values there are in the body that can be wrong."""
    if _is_form(message):
        return message.body.count(b"=")
    return len(list(_places(_json(message))))


# The body


def in_json(message: Message, random: Random) -> Message:
    """One value of the body replaced, left out, doubled, renamed or joined by another."""
    body = _json(message)
    found = list(_places(body))
    if not found:
        return replace(message, body=random.choice(odd_values.BODIES))
    holder, key = random.choice(found)
    change = random.choice((_replaced, _replaced, _replaced, _replaced, _swapped, *_KEYS))
    change(holder, key, random)
    return replace(message, body=dump(body).encode("utf-8", "surrogatepass"))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in the body, as the object or list that holds it and the key or index there."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


def _replaced(holder: Any, key: Any, random: Random) -> None:
    holder[key] = random.choice(odd_values.EVERY)


def _swapped(holder: Any, key: Any, random: Random) -> None:
    """What is written by mistake: the same thing in another shape."""
    was = holder[key]
    if isinstance(was, dict):
        holder[key] = random.choice((list(was.items()), list(was), [was], json.dumps(was)))
    elif isinstance(was, list):
        names = {str(index): item for index, item in enumerate(was)}
        holder[key] = random.choice((names, was[0] if was else "", str(was), [was]))
    else:
        holder[key] = random.choice(([was], {"value": was}, {str(was): was}, str(was)))


def _dropped(holder: Any, key: Any, random: Random) -> None:
    del holder[key]


def _doubled(holder: Any, key: Any, random: Random) -> None:
    if isinstance(holder, list):
        holder.append(holder[key])
    else:
        # Written as a second key of the same name: a subclass of str is another key.
        holder[Raw(json.dumps(key))] = random.choice(odd_values.EVERY)


def _renamed(holder: Any, key: Any, random: Random) -> None:
    """The case changes, which Azure does not mind, or the name is wrong."""
    if isinstance(holder, dict):
        was = holder.pop(key)
        holder[random.choice((key.upper(), key.lower(), key + "s", "_" + key, ""))] = was


def _joined(holder: Any, key: Any, random: Random) -> None:
    if isinstance(holder, list):
        holder.append(random.choice(odd_values.EVERY))
    else:
        names = ("", "_MODE", "x", "\0", "\r\n", "x" * 1_000, "properties", "id", "name")
        holder[random.choice(names)] = random.choice(odd_values.EVERY)


_KEYS = (_dropped, _doubled, _renamed, _joined)


def dump(value: Any) -> str:
    """JSON text, with what is Raw in it as it stands."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        pairs = (f"{_key(key)}: {dump(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(dump, value)) + "]"
    return json.dumps(value)


def _key(key: str) -> str:
    return str(key) if isinstance(key, Raw) else json.dumps(key)


def whole_body(message: Message, random: Random) -> Message:
    """Another body altogether; now and then one that is cut off or too large."""
    choice = random.random()
    if choice < 0.1 and message.body:
        return replace(message, body=message.body[: random.randrange(len(message.body))])
    if choice < 0.13:
        return replace(message, body=b'{"a": "' + b"x" * (5 << 20) + b'"}')
    xml = message.host.endswith("windows.net")
    return replace(message, body=random.choice(odd_values.XML_BODIES if xml else odd_values.BODIES))


def in_form(message: Message, random: Random) -> Message:
    fields = parse_qsl(message.body.decode("latin-1"), keep_blank_values=True)
    choice = random.randrange(6)
    if choice == 0:
        fields += [(f"field{number}", "x") for number in range(1_500)]
    elif choice == 1:
        fields.append(("", "\0"))
    elif fields and choice == 2:
        fields.pop(random.randrange(len(fields)))
    elif fields and choice == 3:
        fields.append(random.choice(fields))
    elif fields:
        place = random.randrange(len(fields))
        name = fields[place][0]
        texts = [text for text in odd_values.TEXTS if not isinstance(text, Raw)]
        wire = [urlencode([pair]) for pair in fields if pair[0] != name]
        value = random.choice((*(urlencode({name: text}) for text in texts), *_wire_fields(name)))
        return replace(message, body="&".join([*wire, value]).encode())
    return replace(message, body=urlencode(fields).encode())


def _wire_fields(name: str) -> list[str]:
    return [f"{name}={text}" for text in odd_values.WIRE_TEXTS]


# Around the body


def in_query(message: Message, random: Random) -> Message:
    query = list(message.query)
    choice = random.randrange(6)
    if query and choice == 0:
        query.pop(random.randrange(len(query)))
    elif query and choice == 1:
        query.append(random.choice(query))
    elif query and choice < 4:
        place = random.randrange(len(query))
        query[place] = (query[place][0], random.choice(odd_values.WIRE_TEXTS))
    else:
        query.append((random.choice(QUERY_NAMES), random.choice(odd_values.WIRE_TEXTS)))
    return replace(message, query=tuple(query))


def in_path(message: Message, random: Random) -> Message:
    """One segment is another one; or the case of all of it changes, which Azure does not mind."""
    segments = message.path.split("/")
    choice = random.randrange(8)
    if choice == 0:
        return replace(message, path=message.path.upper())
    if choice == 1:
        return replace(message, path=message.path + random.choice(("/", "//", "/x", "/%00", "?")))
    # The names are where it is read: the first segment is what is before the first slash.
    place = random.randrange(1, len(segments)) if choice < 5 else len(segments) - 1
    segments[place] = random.choice(odd_values.WIRE_TEXTS)
    return replace(message, path="/".join(segments))


def in_headers(message: Message, random: Random) -> Message:
    name = random.choice((*odd_values.HEADERS, *(key for key, _ in message.headers)))
    value = random.choice((None, *odd_values.HEADER_VALUES))
    return replace(message, headers=message.with_header(name, value))
