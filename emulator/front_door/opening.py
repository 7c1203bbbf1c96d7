"""A new connection at the front door, until its first request says where it goes."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import SplitResult, urlsplit

from emulator import container_port
from emulator.client_certificates import ACCEPT, IGNORE, REQUIRE
from emulator.data_plane.routes.addresses import PublicAddresses
from emulator.data_plane.routes.apps import is_plain
from emulator.front_door.head import Head, HeadError, read_head
from emulator.front_door.pipe import Late, Pipe
from emulator.front_door.upstream import UpstreamProxyError, find_proxy
from emulator.hosts import is_azure, is_container_group
from emulator.state_file import explain
from emulator.tls import CertificateAuthority
from emulator.workloads.workload import OUTSIDE, Workload

LARGEST_HEAD = 64 * 1024  # bytes
CONNECT_TIMEOUT = 30.0  # seconds
# Seconds that a client has for its first head, as with nginx:
# https://nginx.org/en/docs/http/ngx_http_core_module.html#client_header_timeout
HEAD_TIMEOUT = 60.0
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
# What to say of an app's plain name with another port than 80, in the environment {2}.
_NO_TLS = "Nothing listens at {0}:{1}. Ask for http://{0} or https://{0}.internal.{2}."
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*", re.IGNORECASE)
_log = logging.getLogger(__name__)

# Makes the HTTP protocol for one connection to an Azure host, from a workload or from OUTSIDE.
Serve = Callable[[str, Workload], asyncio.Protocol]
# Whether a client of a host is asked for its certificate: IGNORE, ACCEPT or REQUIRE. The second
# argument is the domain of the environment of container apps that it is in, "" for none.
Asks = Callable[[str, str], str]


def ask_nobody(_host: str, _inside: str) -> str:
    return IGNORE


# From a proxy's password to the workload that has it, OUTSIDE for the learner's own, or None when
# the password is wrong.
Admit = Callable[[str], Workload | None]


@dataclass
class Behind:
    """What is behind the door, and the work under way for who has come in."""

    authority: CertificateAuthority
    serve: Serve
    addresses: PublicAddresses
    asks: Asks = ask_nobody
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def spawn(self, work: asyncio.Task[None]) -> None:
        self.tasks.add(work)
        work.add_done_callback(self.tasks.discard)


class Opening(asyncio.Protocol):
    """Reads the first request's head and hands the connection over to whom it is for."""

    def __init__(self, behind: Behind, admit: Admit, patience: float = HEAD_TIMEOUT) -> None:
        self.behind = behind
        self.admit = admit
        self.patience = patience
        self.too_late: asyncio.TimerHandle | None = None
        self.client = OUTSIDE
        self.buffer = bytearray()
        self.transport: asyncio.Transport
        self.decided = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.too_late = asyncio.get_running_loop().call_later(self.patience, self.give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_waiting()

    def stop_waiting(self) -> None:
        if self.too_late:
            self.too_late.cancel()
            self.too_late = None

    def give_up(self) -> None:
        self.decided = True
        self.refuse(408, f"No request came within {self.patience:g} seconds.")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.decided:
            return  # kept for whoever takes over
        end = self.buffer.find(b"\r\n\r\n") + 4
        if end < 4 and len(self.buffer) <= LARGEST_HEAD:
            return
        self.decided = True
        self.stop_waiting()
        try:
            if not 4 <= end <= LARGEST_HEAD:
                raise HeadError(431, "The request's head is too large.")
            head = read_head(bytes(self.buffer[:end]))
            del self.buffer[:end]
            self.decide(head)
        except HeadError as error:
            self.refuse(error.status, error.message)

    def decide(self, head: Head) -> None:
        """Raises HeadError when it is refused."""
        if head.method != "CONNECT" and head.target.startswith("/"):
            raise HeadError(
                421,
                "This is local Azure's proxy. Set HTTPS_PROXY to it and ask for an Azure URL: "
                "`python -m emulator env` prints the settings.",
            )
        client = self.admit(head.password())
        if client is None:
            raise HeadError(
                407,
                "This is local Azure's proxy, which its owner alone can use. The password is in "
                "the settings that `python -m emulator env` prints.",
            )
        self.client = client
        if head.method == "CONNECT":
            self.connect(*read_authority(head.target))
        else:
            self.forward(head)

    def connect(self, host: str, port: int) -> None:
        if is_container_group(host):
            return self.reach_container(host, port, greeting=ESTABLISHED)
        if self.is_app(host) and port != 80:
            raise HeadError(502, _NO_TLS.format(host, port, self.client.domain))
        if is_azure(host) or self.is_app(host):
            if not _HOST.fullmatch(host):
                raise HeadError(400, f"'{host}' is not a host name.")
            return self.behind.spawn(asyncio.create_task(self.end_tls(host, port)))
        return self.behind.spawn(asyncio.create_task(self.tunnel(host, port)))

    def forward(self, head: Head) -> None:
        url, host, port = read_url(head.target)
        in_group = is_container_group(host)
        if self.is_app(host) and port != 80:
            raise HeadError(502, _NO_TLS.format(host, port, self.client.domain))
        if (is_azure(host) and not in_group) or self.is_app(host):
            self.buffer[:0] = head.for_our_own()
            return self.hand_over(self.transport, self.behind.serve(host, self.client))
        # One request a connection: the next one may be for another host.
        path = url._replace(scheme="", netloc="").geturl() or "/"
        if in_group:
            self.buffer[:0] = head.for_another(path)
            return self.reach_container(host, port)
        try:
            through = find_proxy("http", f"{host}:{port}")
        except UpstreamProxyError as error:
            raise HeadError(502, str(error)) from None
        if through is None:
            self.buffer[:0] = head.for_another(path)
            return self.behind.spawn(asyncio.create_task(self.relay(host, port)))
        self.buffer[:0] = head.for_another(head.target, through.authorization)
        return self.behind.spawn(asyncio.create_task(self.relay(through.host, through.port)))

    def is_app(self, host: str) -> bool:
        """Whether it is the plain name of an app of the client's environment."""
        return bool(self.client.domain) and is_plain(host)

    def refuse(self, status: int, message: str) -> None:
        body = f"{message}\n".encode()
        challenge = 'Proxy-Authenticate: Basic realm="Local Azure"\r\n' if status == 407 else ""
        self.transport.write(
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n{challenge}"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        self.transport.close()

    # A host of ours

    def tls_context(self, host: str) -> ssl.SSLContext:
        """Raises OSError."""
        asks = self.behind.asks(host, self.client.domain)
        if asks in (ACCEPT, REQUIRE):
            return self.behind.authority.asking_context(host, is_required=asks == REQUIRE)
        return self.behind.authority.context(host)

    async def end_tls(self, host: str, port: int) -> None:
        if port == 80:
            self.transport.write(ESTABLISHED)
            return self.hand_over(self.transport, self.behind.serve(host, self.client))
        try:
            context = self.tls_context(host)
        except OSError as error:
            return self.refuse(502, str(explain(error, self.behind.authority.folder)))
        late = Late()
        self.transport.write(ESTABLISHED)
        try:
            secure = await asyncio.get_running_loop().start_tls(
                self.transport, late, context, server_side=True, ssl_handshake_timeout=10
            )
        except (OSError, ssl.SSLError, TimeoutError) as error:
            # Most often a client that does not trust the local authority and says so.
            _log.info("TLS with a client for %s failed: %s", host, error)
            return self.transport.close()
        if secure is None:
            return self.transport.close()
        late.attach(secure, self.behind.serve(host, self.client))
        return None

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self.buffer:
            protocol.data_received(bytes(self.buffer))

    # A container group

    def reach_container(self, host: str, port: int, *, greeting: bytes = b"") -> None:
        try:
            local = self.behind.addresses.find(host.rstrip("."), port)
        except LookupError as error:
            raise HeadError(502, str(error.args[0])) from None
        work = self.relay(host, port, published=local, greeting=greeting)
        return self.behind.spawn(asyncio.create_task(work))

    # Any other host

    async def tunnel(self, host: str, port: int) -> None:
        try:
            through = find_proxy("https", f"{host}:{port}")
        except UpstreamProxyError as error:
            return self.refuse(502, str(error))
        if through is None:
            return await self.relay(host, port, greeting=ESTABLISHED)
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        request = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n"
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
        pipe = Pipe(self.transport)
        try:
            if published:
                upstream, _ = await container_port.connect(lambda: pipe, published)
            else:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    upstream, _ = await asyncio.get_running_loop().create_connection(
                        lambda: pipe, host, port
                    )
        except (OSError, ValueError) as error:  # ValueError: it cannot be a name at all
            why = str(error) or "nothing answers"
            return self.refuse(502, f"{host}:{port} cannot be reached: {why}.")
        if self.transport.is_closing():  # the client has gone meanwhile
            return upstream.close()
        self.transport.write(greeting)
        back = Pipe(upstream)
        self.transport.set_protocol(back)
        back.connection_made(self.transport)
        # More of the request may have come while the connection was made.
        upstream.write(first or bytes(self.buffer))
        return None


def read_authority(target: str) -> tuple[str, int]:
    """Host and port that CONNECT asks for. Raises HeadError."""
    host, _, port = target.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise HeadError(400, f"CONNECT needs a host and a port, not '{target}'.")
    return host.strip("[]"), int(port)


def read_url(target: str) -> tuple[SplitResult, str, int]:
    """A URL, its host and its port. Raises HeadError."""
    try:
        url = urlsplit(target)
        host, port = url.hostname or "", url.port or 80
    except ValueError:
        raise HeadError(400, f"'{target}' is not a URL.") from None
    if url.scheme != "http" or not host:
        raise HeadError(421, f"'{target}' is not a URL that a proxy is asked for.")
    return url, host, port
