"""Every route that local Azure has, read from the services so that none is forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

import emulator
from emulator.arm.http import Route, expand
from emulator.arm.http import route as arm_route
from tests.api_versions import api_version
from tests.fuzz.message import Message

MANAGEMENT = "management.azure.com"
SIGN_IN = "login.microsoftonline.com"


def arm_routes() -> list[Route]:
    """Resource Manager's, in the order of the modules' names."""
    found: dict[tuple[str, str], Route] = {}
    for module in pkgutil.walk_packages(emulator.__path__, "emulator."):
        if module.name.startswith(("emulator.services", "emulator.arm")):
            for method, template in _routes_of(module.name):
                found[method, template.lower()] = arm_route(method, template, _nothing)
    return list(found.values())


async def _nothing(_: object) -> None:  # type: ignore[misc]
    raise NotImplementedError


def _routes_of(module: str) -> Iterable[tuple[str, str]]:
    for _, one in inspect.getmembers(importlib.import_module(module), inspect.isclass):
        entries = getattr(one, "ROUTES", ())
        # What every service has (`Service`) is a protocol, whose ROUTES are a property.
        own = one.__module__ == module and isinstance(entries, tuple | list)
        for entry in entries if own else ():
            # The registry's login server has regular expressions, on a host of its own.
            if "(?P<" not in entry[1] and not entry[1].startswith(("/v2", "/acr")):
                yield entry[0], entry[1]


def find(message: Message, routes: list[Route]) -> tuple[Route, dict[str, str]] | None:
    segments = [unquote(part) for part in message.path.rstrip("/").split("/")]
    for route in routes:
        params = route.match(segments) if route.method == message.method else None
        if params is not None:
            return route, params
    return None


def matches(sent: list[Message], pattern: str | re.Pattern[str]) -> bool:
    """Whether a request went to a path of this pattern."""
    return any(re.fullmatch(pattern, message.path) for message in sent)


@dataclass
class Target:
    """A route with the messages that reach it. `name` is shown in the findings."""

    name: str
    seeds: list[Message]
    recorded: bool = True


def targets(sent: list[Message]) -> list[Target]:
    """What was sent by route; a request made up for each route of Resource Manager without one.

    On other hosts a route is the method and the path with what differs from name to name left out.
    """
    routes = arm_routes()
    found: dict[str, Target] = {}
    known: dict[str, str] = {}
    for message in sent:
        name = ""
        if message.host == MANAGEMENT:
            match = find(message, routes)
            assert match is not None, f"no route for {message.curl()}"
            name = f"{match[0].method} {match[0].template}"
            # What is never changed is read only.
            if message.method != "GET" and any("keep" in value for value in match[1].values()):
                continue
            for key, value in match[1].items():
                if "spare" in value or key not in known:
                    known[key] = value
        else:
            name = f"{message.method} https://{kind_of(message.host)} {_shape(message)}"
        target = found.setdefault(name, Target(name, []))
        if all(seed.path != message.path or seed.body != message.body for seed in target.seeds):
            target.seeds.append(message)
    token = next(m.header("authorization") for m in sent if m.host == MANAGEMENT)
    for route in routes:
        name = f"{route.method} {route.template}"
        if name not in found:
            found[name] = Target(name, [_made_up(route, known, token)], recorded=False)
    return sorted(found.values(), key=lambda target: target.name)


def _made_up(route: Route, known: dict[str, str], token: str) -> Message:
    names = [segment[1:-1] for segment in route.segments if segment.startswith("{")]
    path = expand(route.template, {name: known.get(name, "spare") for name in names})
    body = b"" if route.method in ("GET", "HEAD", "DELETE") else b'{"properties": {}}'
    headers = (("Authorization", token), ("Content-Type", "application/json"))
    query = (("api-version", api_version(path)),)
    return Message(route.method, MANAGEMENT, path, query, headers, body)


def kind_of(host: str) -> str:
    """The host without the names of what is behind it."""
    for suffix in (
        *("blob.core.windows.net", "azurecr.io", "inference.ml.azure.com"),
        *("azurecontainerapps.io", "azurecontainerapps.dev", "azurecontainer.io"),
    ):
        if host.endswith(suffix):
            return suffix
    return host


def _shape(message: Message) -> str:
    """How deep the path is and what is asked for: enough to tell a blob's operations apart."""
    depth = "/…" * message.path.rstrip("/").count("/") or "/"
    if kind_of(message.host) in ("azurecr.io", SIGN_IN):
        depth = message.path
    asked = [f"{name}={value}" for name, value in message.query if name in ("comp", "restype")]
    return depth + ("?" + "&".join(asked) if asked else "")
