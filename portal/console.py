"""The request console: one request to an app or a group, its answer, and the same as code.

It works where an address cannot be opened in a tab, and offers what the app's own OpenAPI document
names: https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from shlex import quote as shell
from typing import Any

import aiohttp
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Json, RefusedError
from portal.pages import Pages, text_field
from portal.passing import Passing

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
    body: str = ""
    field: str = ""  # of a form that a file is sent in, in place of a body
    file: str = ""  # the file's name
    content: bytes = b""

    @property
    def curl(self) -> str:
        """The request for a terminal."""
        words = ["curl -i" + ("" if self.method == "GET" else f" -X {self.method}")]
        words += [f"-H {shell(f'{name}: {value}')}" for name, value in self.headers.items()]
        words += [f"--data-raw {shell(self.body)}"] if self.body else []
        words += [f"-F {shell(f'{self.field}=@{self.file}')}"] if self.file else []
        return " \\\n  ".join([*words, shell(self.url)])

    @property
    def python(self) -> str:
        """The request for a notebook."""
        lines = [repr(self.method), repr(self.url)]
        lines += [f"headers={self.headers!r}"] if self.headers else []
        lines += [f"data={self.body!r}"] if self.body else []
        lines += [f"files={{{self.field!r}: open({self.file!r}, 'rb')}}"] if self.file else []
        given = "".join(f"    {line},\n" for line in [*lines, "timeout=60"])
        return (
            f"import requests\n\nanswer = requests.request(\n{given})\n"
            "print(answer.status_code, answer.text)"
        )


class Console:
    ROUTES = (("POST", "/console", "send"), ("GET", "/console/operations", "operations"))

    def __init__(self, pages: Pages, passing: Passing) -> None:
        self.pages = pages
        self.passing = passing

    async def send(self, request: Request) -> Response:
        """Send one request, and show what comes back."""
        asked, answer, problem = None, None, ""
        try:
            asked = await self._read(await request.form())
            answer = await self._ask(asked)
        except (RefusedError, ValueError) as error:
            problem = str(error)
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = f"No answer: {error or type(error).__name__}"
        return self.pages.render(
            request, "console_answer.html", asked=asked, answer=answer, problem=problem
        )

    async def operations(self, request: Request) -> Response:
        """What the app says that one can ask of it. Raises RefusedError."""
        target = await self.passing.check(request.query_params.get("to", ""))
        found: list[Asked] = []
        # An app without such a document is no mistake, nor is one whose document is malformed.
        with suppress(aiohttp.ClientError, TimeoutError, ValueError, AttributeError, TypeError):
            answer = await self._ask(Asked("GET", f"{target.url}/openapi.json", {}))
            found = list(described(json.loads(answer["body"])))
        return self.pages.render(
            request, "console_operations.html", operations=found, target=target
        )

    async def _read(self, form: Any) -> Asked:
        """Raises RefusedError for an address of others, ValueError for what is no request."""
        target = await self.passing.check(text_field(form, "to"))
        method, body = text_field(form, "method"), text_field(form, "body")
        if method not in METHODS:
            raise ValueError(f"{method} is not a method.")
        headers = {"Content-Type": "application/json"} if body else {}
        for line in text_field(form, "headers").splitlines():
            name, colon, value = map(str.strip, line.partition(":"))
            if not colon:
                raise ValueError(f"A header is a name, a colon and a value, not {line!r}.")
            headers[name.title()] = value
        path = text_field(form, "path").lstrip("/")
        url, file = f"{target.url}/{path}", form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            return Asked(method, url, headers, body)
        headers.pop("Content-Type", None)  # that of the form, with what parts it
        field = text_field(form, "field") or "file"
        return Asked(method, url, headers, "", field, file.filename, await file.read())

    async def _ask(self, asked: Asked) -> Json:
        """Return an answer's `status`, `reason`, `headers` and `body` as text, "" where it is none;
        its `size` in bytes, the `milliseconds` that it took, and whether it was `cut`.

        Raises aiohttp.ClientError, TimeoutError, ValueError.
        """
        began, content = time.perf_counter(), b""
        headers = asked.headers
        data: bytes | aiohttp.Payload | None = asked.body.encode() or None
        if asked.file:
            form = aiohttp.FormData()
            form.add_field(asked.field, asked.content, filename=asked.file)
            data = form()
            headers = {**headers, "Content-Type": data.content_type}
        async with (
            asyncio.timeout(LONGEST),
            self.passing.session.request(
                asked.method,
                asked.url,
                headers=headers,
                data=data,
                allow_redirects=False,
            ) as answer,
        ):
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > MOST:
                    break
            return {
                "status": answer.status,
                "reason": answer.reason or "",
                "headers": list(answer.headers.items()),
                "body": readable(content[:MOST]),
                "size": len(content),
                "milliseconds": (time.perf_counter() - began) * 1000,
                "cut": len(content) > MOST,
            }


def readable(content: bytes) -> str:
    """Return content as text, JSON with its lines; "" where it is not text."""
    with suppress(ValueError):
        return json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    with suppress(ValueError):
        return content.decode()
    return ""


def described(document: Any) -> Iterator[Asked]:
    """Return the operations of an OpenAPI document, each with an example of its JSON body.

    Raises ValueError where it is none.
    """
    paths = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(paths, Mapping):
        raise ValueError("This is no OpenAPI document.")
    for path, operations in paths.items():
        for method, operation in operations.items():
            if method.upper() in METHODS:
                content = (operation.get("requestBody") or {}).get("content") or {}
                schema = (content.get("application/json") or {}).get("schema")
                body = json.dumps(example_of(schema, document)) if schema else ""
                parts = (content.get("multipart/form-data") or {}).get("schema")
                field = next(iter(example_of(parts, document) or {}), "") if parts else ""
                yield Asked(method.upper(), path, {}, body, field)


def example_of(schema: Any, document: Json, depth: int = 0) -> Any:
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
        properties = (schema.get("properties") or {}).items()
        return {name: example_of(one, document, depth + 1) for name, one in properties}
    return EXAMPLES.get(schema.get("type", ""))
