"""The request console: one request to an app or a group, its answer, and the same as code.

It works where an address cannot be opened in a tab, and offers what the app's own OpenAPI document
names: https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote as shell
from typing import Any

import aiohttp
from starlette.requests import Request
from starlette.responses import Response

from portal.azure import RefusedError
from portal.pages import Pages, text_field
from portal.passing import Passing, Target

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
LONGEST = 60.0  # seconds
MOST = 200_000  # bytes that are shown of an answer
DEEPEST = 8  # levels of an example's objects
EXAMPLES = {"string": "text", "integer": 0, "number": 0.0, "boolean": True}


@dataclass(frozen=True)
class Asked:
    method: str
    url: str
    headers: dict[str, str]
    body: str

    @property
    def curl(self) -> str:
        """The request for a terminal."""
        words = ["curl -i" + ("" if self.method == "GET" else f" -X {self.method}")]
        words += [f"-H {shell(f'{name}: {value}')}" for name, value in self.headers.items()]
        words += [f"--data-raw {shell(self.body)}"] if self.body else []
        return " \\\n  ".join([*words, shell(self.url)])

    @property
    def python(self) -> str:
        """The request for a notebook."""
        more = f",\n    headers={self.headers!r}" if self.headers else ""
        more += f",\n    data={self.body!r}" if self.body else ""
        return (
            f"import requests\n\nanswer = requests.request(\n    {self.method!r},\n"
            f"    {self.url!r}{more},\n    timeout=60,\n)\nprint(answer.status_code, answer.text)"
        )


@dataclass(frozen=True)
class Answer:
    """`body` is text, or "" where it is none; `size` is in bytes, of what was read."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: str
    size: int
    milliseconds: float
    cut: bool


class Console:
    ROUTES = (("POST", "/console", "send"), ("GET", "/console/operations", "operations"))

    def __init__(self, pages: Pages, passing: Passing) -> None:
        self.pages = pages
        self.passing = passing

    async def send(self, request: Request) -> Response:
        """Send one request, and show what comes back."""
        form = await request.form()
        answer, problem = None, ""
        try:
            asked = await self._read(form)
        except (RefusedError, ValueError) as error:
            return self.pages.render(request, "console_answer.html", problem=str(error), asked=None)
        try:
            answer = await self._ask(asked)
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = f"No answer: {error or type(error).__name__}"
        return self.pages.render(
            request, "console_answer.html", asked=asked, answer=answer, problem=problem
        )

    async def operations(self, request: Request) -> Response:
        """What the app says that one can ask of it. Raises RefusedError."""
        target = await self.passing.check(request.query_params.get("to", ""))
        found: list[Asked] = []
        try:
            answer = await self._ask(Asked("GET", f"{target.url}/openapi.json", {}, ""))
            if answer.status == 200:
                found = described(json.loads(answer.body))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            pass  # it has no such document, which is no mistake
        return self.pages.render(
            request, "console_operations.html", operations=found, target=target
        )

    async def _read(self, form: Any) -> Asked:
        """Raises RefusedError for an address of others, ValueError for what is no request."""
        target = await self.passing.check(text_field(form, "to"))
        method, path = text_field(form, "method"), text_field(form, "path")
        if method not in METHODS:
            raise ValueError(f"{method} is not a method.")
        headers = {}
        for line in text_field(form, "headers").splitlines():
            name, colon, value = line.partition(":")
            if not colon or not name.strip().isascii():
                raise ValueError(f"A header is a name, a colon and a value, not {line!r}.")
            headers[name.strip()] = value.strip()
        body = text_field(form, "body")
        if body and "content-type" not in map(str.lower, headers):
            headers["Content-Type"] = "application/json"
        return Asked(method, address(target, path), headers, body)

    async def _ask(self, asked: Asked) -> Answer:
        """Raises aiohttp.ClientError, TimeoutError, ValueError."""
        began = time.perf_counter()
        async with (
            asyncio.timeout(LONGEST),
            self.passing.session.request(
                asked.method,
                asked.url,
                headers=asked.headers,
                data=asked.body.encode() or None,
                allow_redirects=False,
            ) as answer,
        ):
            content = b""
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > MOST:
                    break
            passed = (time.perf_counter() - began) * 1000
            return Answer(
                answer.status,
                answer.reason or "",
                list(answer.headers.items()),
                readable(content[:MOST], answer.content_type),
                len(content),
                passed,
                len(content) > MOST,
            )


def address(target: Target, path: str) -> str:
    """Return a path at an address, with or without its first slash."""
    return f"{target.url}/{path.lstrip('/')}"


def readable(content: bytes, kind: str) -> str:
    """Return content as text, JSON with its lines; "" where it is not text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return ""
    if kind.endswith("json"):
        try:
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except ValueError:
            pass
    return text


def described(document: Any) -> list[Asked]:
    """Return the operations of an OpenAPI document, each with an example of its JSON body.

    Raises ValueError where it is none.
    """
    paths = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(paths, Mapping):
        raise ValueError("This is no OpenAPI document.")
    found = []
    for path, operations in paths.items():
        for method, operation in operations.items():
            if method.upper() not in METHODS:
                continue
            content = (operation.get("requestBody") or {}).get("content") or {}
            schema = (content.get("application/json") or {}).get("schema")
            body = ""
            if schema is not None:
                body = json.dumps(example_of(schema, document), ensure_ascii=False)
            found.append(Asked(method.upper(), path, {}, body))
    return found


def example_of(schema: Any, document: Any, depth: int = 0) -> Any:
    """Return a value that a JSON schema allows: its own example, else the simplest."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        return None
    if "$ref" in schema:
        found = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found.get(part, {})
        return example_of(found, document, depth + 1)
    for name in ("example", "default", "const"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if schema.get(name):
            return example_of(schema[name][0], document, depth + 1)
    if schema.get("type") == "array":
        return [example_of(schema.get("items"), document, depth + 1)]
    if schema.get("type") == "object":
        properties = schema.get("properties") or {}
        return {name: example_of(one, document, depth + 1) for name, one in properties.items()}
    return EXAMPLES.get(schema.get("type", ""))
