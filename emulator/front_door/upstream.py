"""The proxy that this machine used before local Azure, from the emulator's own environment.

https://docs.python.org/3/library/urllib.request.html#urllib.request.getproxies
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass


class UpstreamProxyError(Exception):
    """The proxy that the environment names cannot be used; the message says why."""


@dataclass(frozen=True)
class UpstreamProxy:
    """`authorization` is what Proxy-Authorization has to be, "" when it asks for none."""

    host: str
    port: int
    authorization: str


def find_proxy(scheme: Literal["http", "https"], host: str) -> UpstreamProxy | None:
    """The proxy on the way to `host`, None when there is none. Raises UpstreamProxyError."""
    proxies = getproxies_environment()
    url = proxies.get(scheme) or proxies.get("all")
    if not url or proxy_bypass(host):
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or 80
    except ValueError as error:
        raise UpstreamProxyError(f"{scheme}_proxy cannot be used: {error}.") from None
    if parts.scheme != "http" or not parts.hostname:
        raise UpstreamProxyError(f"{scheme}_proxy cannot be used: it must be http://host:port.")
    authorization = ""
    if parts.username:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(user.encode()).decode()
    return UpstreamProxy(parts.hostname, port, authorization)
