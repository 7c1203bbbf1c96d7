"""The HTTP(S) proxy on loopback through which unmodified clients reach local Azure.

    a client asks for              it gets
    CONNECT to a host of ours      TLS ended here, the host's application behind it
    http:// on a host of ours      the host's application
    the address of a container     the container's own port, untouched: a container group has no
    group, CONNECT or http://      gateway before it
    any other host                 a tunnel or a forwarded request, untouched

Containers of container apps have a door of their own, which is the same but for two things: it
wants their environment's password, and it also leads to the apps that only the environment sees.

https://www.rfc-editor.org/rfc/rfc9110#name-connect
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import logging
import os
import re
import socket
import ssl
import sys
from collections.abc import Callable
from typing import cast
from urllib.parse import unquote, urlsplit

from emulator import container_port
from emulator.data_plane.proxy_passwords import ProxyPasswords
from emulator.data_plane.routes.addresses import PublicAddresses
from emulator.data_plane.routes.apps import is_plain
from emulator.defaults import AZURE_DOMAINS, PUBLIC_RANGES
from emulator.tls import CertificateAuthority

LARGEST_HEAD = 64 * 1024  # bytes
CONNECT_TIMEOUT = 30.0  # seconds
IP_FREEBIND = 15  # ip(7); Python's socket module does not have it
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
# What to say of an app's plain name with another port than 80, in the environment {2}.
_NO_TLS = "Nothing listens at {0}:{1}. Ask for http://{0} or https://{0}.internal.{2}."
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*", re.IGNORECASE)
# Of the containers' domain these are Azure's own hosts, the ends of terminals' web sockets.
OUR_CONTAINER_HOSTS = ".management.azurecontainer.io"
_PUBLIC = tuple(ipaddress.ip_network(text) for text in PUBLIC_RANGES)
_log = logging.getLogger(__name__)

# Makes the HTTP protocol for one connection to an Azure host. The second argument is the domain of
# the environment that the client is in, "" when it is in none.
Serve = Callable[[str, str], asyncio.Protocol]


def is_container_group(host: str) -> bool:
    """Whether the host is the name or the public IP of a container group."""
    name = host.lower().rstrip(".")
    if name.endswith(".azurecontainer.io"):
        return not name.endswith(OUR_CONTAINER_HOSTS)
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any(address in network for network in _PUBLIC)


def is_azure(host: str) -> bool:
    name = host.lower().rstrip(".")
    return any(name == domain or name.endswith("." + domain) for domain in AZURE_DOMAINS)


class FrontDoor:
    """Listens on loopback, and for the containers that `insiders` knows where they reach it.

    `addresses` are those of the container groups.
    """

    def __init__(
        self,
        authority: CertificateAuthority,
        serve: Serve,
        addresses: PublicAddresses | None = None,
        insiders: ProxyPasswords | None = None,
    ) -> None:
        self.authority = authority
        self.serve = serve
        self.addresses = addresses or PublicAddresses()
        self.insiders = insiders or ProxyPasswords()
        self.servers: list[asyncio.Server] = []
        self.tasks: set[asyncio.Task[None]] = set()

    async def listen(self, port: int) -> int:
        """Listen on 127.0.0.1; answers the port, 0 takes a free one. Raises OSError when taken."""
        return await self._listen(socket.create_server(("127.0.0.1", port)), for_insiders=False)

    async def listen_inside(self, address: str) -> int:
        """Listen for containers at an address of this machine; answers the port.

        Raises OSError when this machine does not have the address.
        """
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if sys.platform.startswith("linux"):
            # An engine gives its bridge an address only while a container is on it.
            listener.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        try:
            listener.bind((address, 0))
        except OSError:
            listener.close()
            raise
        return await self._listen(listener, for_insiders=True)

    async def _listen(self, listener: socket.socket, *, for_insiders: bool) -> int:
        server = await asyncio.get_running_loop().create_server(
            lambda: _Opening(self, for_insiders=for_insiders), sock=listener, backlog=1024
        )
        self.servers.append(server)
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        for server in self.servers:
            server.close()
        for task in list(self.tasks):
            task.cancel()

    def spawn(self, work: asyncio.Task[None]) -> None:
        self.tasks.add(work)
        work.add_done_callback(self.tasks.discard)


class _Opening(asyncio.Protocol):
    """A new connection, until its first request says where it is going."""

    def __init__(self, door: FrontDoor, *, for_insiders: bool) -> None:
        self.door = door
        self.for_insiders = for_insiders
        self.inside = ""  # the domain of the client's environment
        self.buffer = bytearray()
        self.transport: asyncio.Transport
        self.decided = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.decided:
            return  # kept for whoever takes over
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > LARGEST_HEAD:
                self.refuse(431, "The request's head is too large.")
            return
        self.decided = True
        self.decide(bytes(self.buffer[:end]))

    def decide(self, head: bytes) -> None:
        line, _, fields = head.decode("latin-1").partition("\r\n")
        try:
            method, target, version = line.split(" ")
        except ValueError:
            return self.refuse(400, "This is not an HTTP request.")
        if not version.startswith("HTTP/1."):
            return self.refuse(505, "The front door speaks HTTP/1.1.")
        if self.for_insiders:
            domain = self.door.insiders.find(_password(fields))
            if domain is None:
                return self.refuse(407, "This door is for the containers of container apps.")
            self.inside = domain
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            if not port.isdecimal() or not 0 < int(port) < 65536:
                return self.refuse(400, f"CONNECT needs a host and a port, not '{target}'.")
            host = host.strip("[]")
            del self.buffer[: len(head) + 4]
            if is_container_group(host):
                return self.reach_container(host, int(port), greeting=ESTABLISHED)
            if self.is_app(host) and port != "80":
                return self.refuse(502, _NO_TLS.format(host, port, self.inside))
            if is_azure(host) or self.is_app(host):
                if not _HOST.fullmatch(host):
                    return self.refuse(400, f"'{host}' is not a host name.")
                return self.door.spawn(asyncio.create_task(self.end_tls(host, int(port))))
            return self.door.spawn(asyncio.create_task(self.tunnel(host, int(port))))
        try:
            url = urlsplit(target)
            host, http_port = url.hostname or "", url.port or 80
        except ValueError:
            return self.refuse(400, f"'{target}' is not a URL.")
        if url.scheme != "http" or not host:
            return self.refuse(
                421,
                f"This is local Azure's proxy, process {os.getpid()}. Set HTTPS_PROXY to it and "
                "ask for an Azure URL: `python -m emulator env` prints the settings.",
            )
        in_group = is_container_group(host)
        if self.is_app(host) and http_port != 80:
            return self.refuse(502, _NO_TLS.format(host, http_port, self.inside))
        if (is_azure(host) and not in_group) or self.is_app(host):
            return self.hand_over(self.transport, self.door.serve(host, self.inside))
        # One request a connection: the next one may be for another host.
        path = url._replace(scheme="", netloc="").geturl() or "/"
        kept = [
            field
            for field in fields.split("\r\n")
            if field.partition(":")[0].strip().lower()
            not in ("connection", "proxy-connection", "keep-alive", "proxy-authorization")
        ]
        through = None if in_group else _proxy_for("http")
        request = "\r\n".join(
            [f"{method} {target if through else path} {version}", *kept, "Connection: close"]
        )
        if through and through.authorization:
            request += f"\r\nProxy-Authorization: {through.authorization}"
        self.buffer[: len(head)] = request.encode("latin-1")
        if in_group:
            return self.reach_container(host, http_port)
        where = (through.host, through.port) if through else (host, http_port)
        return self.door.spawn(asyncio.create_task(self.relay(*where)))

    def is_app(self, host: str) -> bool:
        """Whether it is the plain name of an app of the client's environment."""
        return bool(self.inside) and is_plain(host)

    def refuse(self, status: int, message: str) -> None:
        body = f"{message}\n".encode()
        challenge = 'Proxy-Authenticate: Basic realm="Local Azure"\r\n' if status == 407 else ""
        self.transport.write(
            f"HTTP/1.1 {status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\n{challenge}"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        self.transport.close()

    # A host of ours

    async def end_tls(self, host: str, port: int) -> None:
        late = _Late()
        try:
            if port == 80:
                self.transport.write(ESTABLISHED)
                return self.hand_over(self.transport, self.door.serve(host, self.inside))
            context = self.door.authority.context(host)
            self.transport.write(ESTABLISHED)
            secure = await asyncio.get_running_loop().start_tls(
                self.transport, late, context, server_side=True, ssl_handshake_timeout=10
            )
        except (OSError, ssl.SSLError, TimeoutError) as error:
            # Most often a client that does not trust the local authority and says so.
            _log.info("TLS with a client for %s failed: %s", host, error)
            return self.transport.close()
        if secure is None:
            return self.transport.close()
        late.attach(secure, self.door.serve(host, self.inside))
        return None

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self.buffer:
            protocol.data_received(bytes(self.buffer))

    # A container group

    def reach_container(self, host: str, port: int, *, greeting: bytes = b"") -> None:
        try:
            local = self.door.addresses.find(host.rstrip("."), port)
        except LookupError as error:
            return self.refuse(502, str(error.args[0]))
        work = self.relay(host, port, published=local, greeting=greeting)
        return self.door.spawn(asyncio.create_task(work))

    # Any other host

    async def tunnel(self, host: str, port: int) -> None:
        through = _proxy_for("https")
        if through is None:
            return await self.relay(host, port, greeting=ESTABLISHED)
        request = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        if through.authorization:
            request += f"Proxy-Authorization: {through.authorization}\r\n"
        # The proxy's own answer to CONNECT is passed on as it is, good or bad.
        return await self.relay(through.host, through.port, first=f"{request}\r\n".encode())

    async def relay(
        self,
        host: str,
        port: int,
        *,
        published: int = 0,
        first: bytes = b"",
        greeting: bytes = b"",
    ) -> None:
        """`published` is the port of this machine that leads to a container group's `port`."""
        pipe = _Pipe(self.transport)
        try:
            if published:
                upstream, _ = await container_port.connect(lambda: pipe, published)
            else:
                upstream, _ = await _connect(lambda: pipe, host, port)
        except OSError as error:
            why = str(error) or "nothing answers"
            return self.refuse(502, f"{host}:{port} cannot be reached: {why}.")
        self.transport.write(greeting)
        back = _Pipe(upstream)
        self.transport.set_protocol(back)
        back.connection_made(self.transport)
        # More of the request may have come while the connection was made.
        upstream.write(first or bytes(self.buffer))
        return None


async def _connect(
    protocol: Callable[[], asyncio.Protocol], host: str, port: int
) -> tuple[asyncio.Transport, asyncio.Protocol]:
    async with asyncio.timeout(CONNECT_TIMEOUT):
        return await asyncio.get_running_loop().create_connection(protocol, host, port)


class _Late(asyncio.Protocol):
    """Keeps what arrives between the TLS handshake and the application taking over."""

    def __init__(self) -> None:
        self.early = bytearray()
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def attach(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        if self.lost:
            return
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self.early:
            protocol.data_received(bytes(self.early))


class _Pipe(asyncio.Protocol):
    """What arrives on one connection is written to the other, no faster than it takes it."""

    def __init__(self, other: asyncio.Transport) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.other.write(data)

    def eof_received(self) -> bool:
        # Not passed on as a half-closed connection: under load, uvloop 0.23 frees memory twice when
        # write_eof is followed by close. Closing sends what is buffered first.
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.other.close()

    # Backpressure: this connection cannot take more, so stop reading the other.
    def pause_writing(self) -> None:
        if not self.other.is_closing():
            self.other.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.is_closing():
            self.other.resume_reading()


def _password(fields: str) -> str:
    """The password in a request's Proxy-Authorization, "" when there is none."""
    for field in fields.split("\r\n"):
        name, _, value = field.partition(":")
        if name.strip().lower() == "proxy-authorization":
            scheme, _, given = value.strip().partition(" ")
            if scheme.lower() != "basic":
                return ""
            try:
                return base64.b64decode(given, validate=True).decode().partition(":")[2]
            except ValueError:
                return ""
    return ""


class _Proxy:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        self.host = parts.hostname or ""
        self.port = parts.port or 80
        self.authorization = ""
        if parts.username:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self.authorization = "Basic " + base64.b64encode(user.encode()).decode()


def _proxy_for(scheme: str) -> _Proxy | None:
    """The proxy that this machine used before local Azure, from the emulator's own environment."""
    for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
        if url := os.environ.get(name):
            return _Proxy(url)
    return None
