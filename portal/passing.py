"""Passing requests on: apps and container groups for a browser that does not know their names.

Each address has an origin of its own, http://{host}.{scheme}-{port}.localhost:{the portal's port}:
what an app's page does there reaches neither the portal nor its cookie. Browsers find names below
localhost without asking anybody (https://datatracker.ietf.org/doc/html/rfc6761#section-6.3). Who
was signed in to the portal when they followed a link to `/open` gets a cookie for that one address;
nobody else passes.

Through Jupyter's proxy to another machine there is one origin alone. Pages come there below the
portal's own path, in a sandbox: they are shown, and can ask for nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from yarl import URL

from portal.azure import RefusedError
from portal.pages import Pages
from portal.sign_in import SESSION_AGE, SignIn, new_code

# https://learn.microsoft.com/azure/container-instances/container-instances-quickstart
# https://learn.microsoft.com/azure/container-apps/connect-apps
AZURE = (".azurecontainer.io", ".azurecontainerapps.io")
DEFAULT_PORTS = {"http": 80, "https": 443}
ENTER = "/.portal/enter"
COOKIE = "portal-pass"
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP = (
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade", "expect",
)  # fmt: skip
# Of an answer in the sandbox, which shares its origin with Jupyter.
SHOWN = ("content-type", "content-length", "content-encoding", "cache-control", "etag")
SANDBOX = "sandbox allow-scripts allow-forms allow-popups"
NOT_OPENED = """\
This address is for whoever opened it from the portal, in this browser. Open it there again:

    course portal
"""
CONNECT_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True)
class Target:
    scheme: str
    host: str
    port: int

    @classmethod
    def of_url(cls, url: str) -> Target | None:
        """Return where an address leads, or None where it is no address of http or https."""
        try:
            parts = urlsplit(url.strip())
            scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
        except ValueError:
            return None
        if scheme not in DEFAULT_PORTS or not host or not re.fullmatch(r"[a-z0-9.-]+", host):
            return None
        return cls(scheme, host, port or DEFAULT_PORTS[scheme])

    @classmethod
    def of_label(cls, name: str) -> Target | None:
        """Return what `label` was made of, or None where it was not made by it."""
        found = re.fullmatch(r"([a-z0-9.-]+)\.(https?)-([0-9]{1,5})", name.lower())
        return cls(found[2], found[1], int(found[3])) if found else None

    @property
    def label(self) -> str:
        return f"{self.host}.{self.scheme}-{self.port}"

    @property
    def url(self) -> str:
        """Scheme and host, and the port where it is not the scheme's own."""
        own = self.port == DEFAULT_PORTS[self.scheme]
        return f"{self.scheme}://{self.host}" + ("" if own else f":{self.port}")

    @property
    def is_azure(self) -> bool:
        return self.host.endswith(AZURE)


def target_of(headers: Headers) -> Target | None:
    """Return for which address a request came, or None where it came for the portal itself."""
    label, dot, _ = headers.get("host", "").lower().partition(":")[0].rpartition(".localhost")
    return Target.of_label(label) if dot else None


class Passing:
    ROUTES = (
        ("GET", "/open", "open"),
        ("GET", "/open/{label}/{path:path}", "show_in_sandbox"),
    )

    def __init__(self, pages: Pages, sign_in: SignIn) -> None:
        self.pages = pages
        self.sign_in = sign_in
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Reaches Azure by the environment's proxy and certificates, and changes nothing."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                trust_env=True,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
                skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def check(self, url: str) -> Target:
        """Return where an address of an app or a group leads. Raises RefusedError for others."""
        target = Target.of_url(url)
        if target is not None and (target.is_azure or await self._is_group(target.host)):
            return target
        raise RefusedError(404, "UnknownAddress", f"{url} is not of an app or container group.")

    async def _is_group(self, host: str) -> bool:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        groups = await self.pages.azure.list(
            f"{self.pages.subscription}/providers/Microsoft.ContainerInstance/containerGroups"
        )
        return any(
            (group["properties"].get("ipAddress") or {}).get("ip") == host for group in groups
        )

    # In the portal

    async def open(self, request: Request) -> Response:
        """Lead the browser to the address `to`. Raises RefusedError."""
        url = request.query_params.get("to", "")
        target = await self.check(url)
        if self.pages.settings.live:
            return RedirectResponse(url, 303)
        path = path_of(url)
        if request.scope.get("root_path") and not _is_loopback(request.headers):
            return self.pages.see(request, f"/open/{target.label}{path}")
        return RedirectResponse(self._entrance(target, path, port_of(request)), 303)

    async def show_in_sandbox(self, request: Request) -> Response:
        """A page for a browser that reaches Jupyter alone. Raises RefusedError."""
        target = Target.of_label(request.path_params["label"])
        if target is None or not request.scope.get("root_path"):
            raise HTTPException(404)
        await self.check(target.url)
        url = f"{target.url}/{quote(request.path_params['path'])}{query_of(request)}"
        headers = [(name, request.headers[name]) for name in ("accept", "accept-encoding")
                   if name in request.headers]  # fmt: skip
        answer = await self._pass(request, "GET", url, headers)
        for name in answer.headers.keys():  # noqa: SIM118 (they change)
            if name not in SHOWN:
                del answer.headers[name]
        answer.headers["content-security-policy"] = SANDBOX
        return answer

    def _entrance(self, target: Target, path: str, port: int) -> str:
        code = new_code(self.pages.settings.folder, target.url)
        query = urlencode({"code": code, "path": path})
        return f"http://{target.label}.localhost:{port}{ENTER}?{query}"

    # At an address's own origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        target = target_of(request.headers)
        assert target is not None  # access.py asks first
        await (await self._answer(request, target))(scope, receive, send)

    async def _answer(self, request: Request, target: Target) -> Response:
        if request.url.path == ENTER:
            return self._enter(request, target)
        if not self.sign_in.knows(request.cookies.get(COOKIE, ""), target.url):
            return PlainTextResponse(NOT_OPENED, 403)
        if request.headers.get("upgrade", "").lower() == "websocket":
            return PlainTextResponse("The portal passes no WebSockets on.\n", 501)
        origin = f"http://{request.headers['host']}"
        path = request.scope["raw_path"].decode("ascii")
        if not path.startswith("/"):  # it would be a part of the host's name
            return PlainTextResponse("A path begins with a slash.\n", 400)
        url = target.url + path + query_of(request)
        answer = await self._pass(request, request.method, url, asked(request, origin, target))
        if location := answer.headers.get("location"):
            answer.headers["location"] = self._moved(location, target, port_of(request))
        return answer

    def _enter(self, request: Request, target: Target) -> Response:
        session = self.sign_in.redeem(request.query_params.get("code", ""), target.url)
        if session is None:
            return PlainTextResponse(NOT_OPENED, 403)
        path = request.query_params.get("path", "/")
        answer = RedirectResponse("/" + path.lstrip("/\\"), 303)
        answer.set_cookie(
            COOKIE, session, max_age=int(SESSION_AGE), httponly=True, samesite="lax", path="/"
        )
        answer.headers["cache-control"] = "no-store"
        return answer

    def _moved(self, location: str, target: Target, port: int) -> str:
        """Return where a redirect leads in the browser; Azure's addresses have an origin here."""
        other = Target.of_url(location)
        if other is None or not (other == target or other.is_azure):
            return location
        path = path_of(location)
        return path if other == target else self._entrance(other, path, port)

    async def _pass(
        self, request: Request, method: str, url: str, headers: Iterable[tuple[str, str]]
    ) -> Response:
        """Return the answer of an address, as it comes in; 502 where there is none."""
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        try:
            answer = await self.session.request(
                method,
                URL(url, encoded=True),
                headers=list(headers),
                data=request.stream() if has_body else None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, ClientDisconnect) as error:
            told = f"{urlsplit(url).netloc} does not answer: {error or type(error).__name__}\n"
            return PlainTextResponse(told, 502)
        passed = StreamingResponse(_chunks(answer), answer.status)
        passed.raw_headers = [
            (name.lower(), _without_domain(value) if name.lower() == b"set-cookie" else value)
            for name, value in answer.raw_headers
            if name.lower().decode() not in (*HOP_BY_HOP, "alt-svc")
            and not value.startswith(COOKIE.encode() + b"=")
        ]
        return passed


def asked(request: Request, origin: str, target: Target) -> list[tuple[str, str]]:
    """Return a request's headers as the app gets them: none that is between browser and portal."""
    found = []
    for name, value in request.headers.items():
        if name in HOP_BY_HOP or name in ("host", "x-portal-secret"):
            continue
        if name == "cookie":
            value = "; ".join(
                one for one in map(str.strip, value.split(";")) if not one.startswith(f"{COOKIE}=")
            )
        if name in ("origin", "referer") and value.startswith(origin):
            value = target.url + value.removeprefix(origin)
        if value or name != "cookie":
            found.append((name, value))
    return found


def path_of(url: str) -> str:
    """Return an address's path and query."""
    parts = urlsplit(url.strip())
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def port_of(request: Request) -> int:
    """Return the portal's own port, whatever proxy the request came through."""
    return int(request.scope["server"][1])


def query_of(request: Request) -> str:
    query: bytes = request.scope["query_string"]
    return f"?{query.decode('latin-1')}" if query else ""


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    finally:
        answer.close()  # also where the browser left before the end


def _without_domain(cookie: bytes) -> bytes:
    """Return a Set-Cookie whose Domain, which is Azure's, a browser would not take here."""
    return re.sub(rb"(?i);\s*domain=[^;]*", b"", cookie)


def _is_loopback(headers: Headers) -> bool:
    return urlsplit("//" + headers.get("host", "")).hostname in ("127.0.0.1", "localhost", "::1")
