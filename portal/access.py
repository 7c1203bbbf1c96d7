"""Who may come in, and the headers that every answer has.

The portal acts with its user's credential, so nobody else may make it act: no other user of the
machine (a session, begun by a one-time link), no other site in the user's browser (the request's
origin), and no host name of somebody else's that leads here (the Host header).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.passing import Passing, target_of
from portal.settings import Settings
from portal.sign_in import SESSION_AGE, SignIn

SECRET_HEADER = "x-portal-secret"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SAFE = ("GET", "HEAD")
OPEN = "/static/"  # for everybody: it shows nothing of Azure

NOT_SIGNED_IN = """\
You are not signed in to the portal, or its link was used before.

Each link works once. For a new one, run

    course portal

in the folder of the course, with its environment active (or python -m emulator status).
"""
OTHER_SITE = "Another site asked for this; the portal acts for its own pages alone.\n"
# https://developer.mozilla.org/docs/Web/HTTP/Headers/Content-Security-Policy
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class NotLetInError(Exception):
    status: int
    message: str


class Access:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, settings: Settings, sign_in: SignIn, passing: Passing) -> None:
        self.app = app
        self.settings = settings
        self.sign_in = sign_in
        self.passing = passing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
                cache = "max-age=3600" if path.startswith("/static/") else "no-store"
                answer.setdefault("cache-control", cache)
            await send(message)

        try:
            through_jupyter = self._comes_through_jupyter(headers)
            if not through_jupyter and target_of(headers):
                # It never meets the portal's pages, and has a cookie of its own.
                await self.passing(scope, receive, send)
                return
            if through_jupyter:
                # Jupyter cuts its own part off the path; links need it.
                scope["root_path"] = headers.get("x-forwarded-prefix", "").rstrip("/")
                # https://asgi.readthedocs.io/en/latest/specs/www.html: the path has it in it
                scope["path"] = scope["root_path"] + path
            else:
                check_host(headers)
            check_origin(scope["method"], headers)
            if path == "/sign-in" and scope["method"] == "GET":
                answer = self._signed_in(Request(scope))
                await answer(scope, receive, with_headers)
                return
            if not (through_jupyter or path.startswith(OPEN) or self._has_session(scope)):
                raise NotLetInError(403, NOT_SIGNED_IN)
        except NotLetInError as refusal:
            answer = PlainTextResponse(refusal.message, refusal.status)
            await answer(scope, receive, with_headers)
            return
        await self.app(scope, receive, with_headers)

    def _comes_through_jupyter(self, headers: Headers) -> bool:
        secret = self.settings.proxy_secret
        given = headers.get(SECRET_HEADER, "")
        return bool(secret) and secrets.compare_digest(secret.encode(), given.encode())

    def _has_session(self, scope: Scope) -> bool:
        connection = HTTPConnection(scope)
        return self.sign_in.knows(connection.cookies.get(cookie_name(connection.headers), ""))

    def _signed_in(self, request: Request) -> Response:
        """Begin a session for a link's code, and forget the code in the browser's address."""
        cookie = cookie_name(request.headers)
        session = self.sign_in.redeem(request.query_params.get("code", ""))
        opened = request.query_params.get("to", "")
        page = f"/open?{urlencode({'to': opened})}" if opened else "/"
        answer = RedirectResponse(f"{request.scope['root_path']}{page}", 303)
        if session is None:
            if not self._has_session(request.scope):
                raise NotLetInError(403, NOT_SIGNED_IN)
            return answer
        answer.set_cookie(
            cookie, session, max_age=int(SESSION_AGE), httponly=True, samesite="lax", path="/"
        )
        return answer


def cookie_name(headers: Headers) -> str:
    """Return the session cookie's name. Browsers send a cookie to all ports of a host."""
    return f"portal-{_name_and_port(headers)[1] or 80}"


def _name_and_port(headers: Headers) -> tuple[str, str]:
    host = headers.get("host", "")
    name, _, port = host.rpartition(":") if ":" in host.rpartition("]")[2] else (host, "", "")
    return name, port


def check_host(headers: Headers) -> None:
    """Refuse names that are not the loopback's: another site's name may lead to this address."""
    name, port = _name_and_port(headers)
    if name not in LOOPBACK or not (port.isdecimal() or not port):
        raise NotLetInError(421, "The portal answers to 127.0.0.1 and localhost alone.\n")


def check_origin(method: str, headers: Headers) -> None:
    """Refuse what another site's page asks for; following a link to a page is no such thing.

    https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site
    """
    site = headers.get("sec-fetch-site")
    if method in SAFE:
        followed = headers.get("sec-fetch-mode") == "navigate"
        allowed = site in (None, "same-origin", "none") or followed
    elif site is not None:
        allowed = site == "same-origin"
    else:  # an old browser, or one that was sent here without TLS
        allowed = urlsplit(headers.get("origin", "")).netloc == headers.get("host")
    if not allowed:
        raise NotLetInError(403, OTHER_SITE)
