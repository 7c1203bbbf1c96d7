"""Azure Resource Manager over HTTP: routing, api-version, authorization, request ids.

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emulator.arm.bodies import parse, read_at_most, written
from emulator.arm.errors import ArmError, internal_error, not_emulated
from emulator.arm.exchange import ArmExchange, Body
from emulator.arm.ids import new_guid

MANAGEMENT = "https://management.azure.com"
LARGEST_BODY = 4 * 1024 * 1024  # bytes; what ARM accepts in one request
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+(\.\d+)?)?", re.ASCII | re.IGNORECASE)
_log = logging.getLogger(__name__)


@dataclass
class ArmRequest:
    """One call to Resource Manager, already authenticated.

    `params` are the template's names with the values from the path, `id` is the path in the
    template's spelling, `claims` those of the caller's token.
    """

    method: str
    id: str
    params: dict[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def parent(self) -> str:
        """The resource that an action such as /listKeys is called on."""
        return self.id.rsplit("/", 1)[0]

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises ArmError 400 when it is anything else."""
        if not isinstance(self.body, dict):
            raise ArmError(
                400, "InvalidRequestContent", "The request content must be a JSON object."
            )
        return self.body


@dataclass
class ArmResponse:
    """What a handler answers: `body` becomes JSON, None an empty body."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[ArmRequest], Awaitable[ArmResponse]]


class Service(Protocol):
    """A room of ARM: routes in the order of its REST reference, as (method, path, handler name)."""

    @property
    def ROUTES(self) -> Sequence[tuple[str, str, str]]: ...  # noqa: N802 - a constant, read-only


@dataclass(frozen=True)
class Route:
    """Literals match without regard to case, `{name}` takes one segment of the path."""

    method: str
    template: str
    handler: Handler
    segments: tuple[str, ...]

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        if len(segments) != len(self.segments):
            return None
        params = {}
        for expected, given in zip(self.segments, segments, strict=True):
            if expected.startswith("{") and given:
                params[expected[1:-1]] = given
            elif expected != given.lower():
                return None
        return params


def route(method: str, template: str, handler: Handler) -> Route:
    segments = (part if part.startswith("{") else part.lower() for part in template.split("/"))
    return Route(method, template, handler, tuple(segments))


def expand(template: str, params: Mapping[str, str]) -> str:
    """The id that a template gives with these values."""
    return template.format_map(params)


def check_path(path: str) -> None:
    """Raises ArmError 400 for a path that is no text: with control characters, or not in UTF-8."""
    if not path.isprintable():
        raise ArmError(
            400,
            "InvalidRequestUri",
            "The request URI is invalid: it holds a character that is not printable.",
        )


def check_api_version(query: Mapping[str, str]) -> None:
    """Raises ArmError 400 when the api-version is missing or not in its documented form.

    https://learn.microsoft.com/rest/api/azure/#create-the-request
    """
    version = query.get("api-version")
    if not version:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _API_VERSION.fullmatch(version):
        raise ArmError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version {version[:40]!r} is invalid: it is a date such as 2024-04-01, with "
            "-preview after it for a preview.",
        )


class Host:
    """An ASGI application that answers in Resource Manager's shapes."""

    async def answer(self, request: Request) -> ArmResponse:
        """Raises ArmError."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if response := await self.respond(Request(scope, receive)):
            await response(scope, receive, send)

    async def respond(self, request: Request) -> Response | None:
        """What is sent; None when the client has gone before its request was whole."""
        try:
            answer = await self.answer(request)
        except ArmError as error:
            answer = ArmResponse(error.body(), error.status, error.headers)
        except ClientDisconnect:
            return None
        except Exception:
            # A bug of ours. The client learns that it is ours, the log has the traceback.
            _log.exception("%s %s", request.method, request.url.path)
            bug = internal_error()
            answer = ArmResponse(bug.body(), bug.status)
        return to_response(answer, request)


class ArmApplication(Host):
    """The ASGI application behind management.azure.com.

    `authenticate` turns an Authorization header into claims or raises ArmError; `check_scope`
    raises ArmError for a subscription or resource group that does not exist; `add_info` adds to an
    error that a service has answered what that service says of itself. `logs` are called with each
    exchange before its answer is sent, so that a client finds there what it has been answered.
    """

    def __init__(
        self,
        services: Iterable[Service],
        *,
        authenticate: Callable[[str | None], dict[str, Any]],
        check_scope: Callable[[ArmRequest], None],
        add_info: Callable[[ArmError, ArmRequest], None],
        logs: Iterable[Callable[[ArmExchange], None]] = (),
        public_paths: frozenset[str] = frozenset({"/metadata/endpoints"}),
    ) -> None:
        self.routes = [
            route(method, template, getattr(service, name))
            for service in services
            for method, template, name in service.ROUTES
        ]
        self.authenticate = authenticate
        self.check_scope = check_scope
        self.add_info = add_info
        self.logs = tuple(logs)
        self.public_paths = public_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = ArmExchange.begin(scope)
        request = Request(scope, receive)
        request.state.exchange = exchange
        response = await self.respond(request)
        if response is None:
            return
        exchange.end(response)
        for log in self.logs:
            try:
                log(exchange)
            except Exception:
                # What was done is done, and the client learns of it.
                _log.exception("the log of %s %s", exchange.method, exchange.path)
        await response(scope, receive, send)

    async def answer(self, request: Request) -> ArmResponse:
        exchange: ArmExchange = request.state.exchange
        # The az CLI writes //containerGroups, and Resource Manager takes it.
        path = re.sub("/{2,}", "/", request.scope["path"]).rstrip("/") or "/"
        claims: dict[str, Any] = {}
        if path not in self.public_paths:
            claims = self.authenticate(request.headers.get("authorization"))
        exchange.claims = claims
        check_path(path)
        check_api_version(request.query_params)
        route, params = self.find(request.method, path)
        exchange.id = expand(route.template, params)
        received = await read_whole(request)
        exchange.received = Body.of(received)
        arm_request = ArmRequest(
            request.method,
            exchange.id,
            params,
            request.query_params,
            request.headers,
            parse(received) if received else None,
            claims,
        )
        self.check_scope(arm_request)
        try:
            return await route.handler(arm_request)
        except ArmError as error:
            self.add_info(error, arm_request)
            raise

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        others = set()
        segments = path.split("/")
        for route in self.routes:
            params = route.match(segments)
            if params is None:
                continue
            if route.method == method:
                return route, params
            others.add(route.method)
        if others:
            raise not_emulated(f"{method} on {path} (it answers {', '.join(sorted(others))})")
        raise not_emulated(f"the Resource Manager operation {method} {path}")


async def read_body(request: Request) -> Any:
    """The request's body, None when empty. Raises ArmError: 400 not JSON, 413 too large."""
    received = await read_whole(request)
    return parse(received) if received else None


async def read_whole(request: Request) -> bytes:
    """The bytes of the request's body. Raises ArmError 413."""
    received = await read_at_most(request, LARGEST_BODY)
    if received is None:
        raise ArmError(
            413, "RequestContentTooLarge", f"A request holds at most {LARGEST_BODY} bytes."
        )
    return received


def to_response(answer: ArmResponse, request: Request) -> Response:
    """Add what ARM adds to every answer: request ids, and no caching."""
    request_id = new_guid()
    headers = {
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": request.headers.get(
            "x-ms-correlation-request-id", request_id
        ),
        "cache-control": "no-cache",
        **answer.headers,
    }
    client_id = request.headers.get("x-ms-client-request-id")
    if client_id and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        headers["x-ms-client-request-id"] = client_id
    content = b"" if answer.body is None else written(answer.body)
    media_type = "application/json; charset=utf-8" if content else None
    return Response(content, answer.status, headers, media_type)
