"""HTTP on the connections that the front door hands over: the application of each host answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from emulator.arm.errors import not_emulated
from emulator.quick_ack import quick_ack

# Seconds that requests under way have to be answered when local Azure stops.
LAST_REQUESTS = 2.0
# What the web socket library takes of a request, which it refuses to read without an answer:
# websockets.http11.MAX_LINE_LENGTH (bytes) and MAX_NUM_HEADERS.
LONGEST_LINE, MOST_HEADERS = 8192, 128


class HttpConnection(HttpToolsProtocol):
    """One connection. Its requests name their host themselves."""

    def handle_websocket_upgrade(self) -> None:
        lines = [self.url, *(name + value for name, value in self.scope["headers"])]
        # The longest line has a method or a colon, and HTTP's version or the line's end, besides.
        if len(lines) > MOST_HEADERS or max(map(len, lines)) > LONGEST_LINE - 32:
            self.send_400_response("The request's line or a header is too long, or too many.")
            return
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        quick_ack(self.transport)


class HttpServer:
    """`exact` are the applications of whole host names, `suffixes` of what host names end with."""

    def __init__(self, exact: Mapping[str, ASGIApp], suffixes: Mapping[str, ASGIApp]) -> None:
        self.exact = exact
        self.suffixes = suffixes
        self.config = self._configure("none")
        self.state = ServerState()
        self.stopping = False

    def _configure(self, web_sockets: Literal["none", "websockets-sansio"]) -> uvicorn.Config:
        config = uvicorn.Config(
            self._dispatch,
            http=HttpConnection,
            interface="asgi3",
            ws=web_sockets,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
        )
        config.load()
        return config

    @cached_property
    def _web_socket_config(self) -> uvicorn.Config:
        """Made when the first terminal is opened: importing web sockets takes a while."""
        return self._configure("websockets-sansio")

    def connection(self, **state: Any) -> HttpConnection:
        """The protocol for one connection; `state` is in the scope of its requests."""
        return HttpConnection(self.config, self.state, state)

    def web_socket_connection(self) -> HttpConnection:
        """The protocol for one whose requests may become web sockets."""
        return HttpConnection(self._web_socket_config, self.state, {})

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a request to the application of the host that its Host header names."""
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        name = host.decode("latin-1").partition(":")[0].lower()
        try:
            await self._application(name)(scope, receive, send)
        except asyncio.CancelledError:
            # At a stop: a log that is followed, say. Its client's connection is closed already.
            if not self.stopping:
                raise

    def _application(self, host: str) -> ASGIApp:
        if host in self.exact:
            return self.exact[host]
        for suffix, application in self.suffixes.items():
            if host.endswith(suffix):
                return application
        error = not_emulated(f"the host {host}")
        return JSONResponse(error.body(), error.status)

    async def close(self) -> None:
        """Let what is under way be answered, then close the connections: no request may come when
        what it asks is closed."""
        self.stopping = True
        for connection in list(self.state.connections):
            connection.shutdown()
        if self.state.tasks:
            await asyncio.wait(set(self.state.tasks), timeout=LAST_REQUESTS)
        for connection in list(self.state.connections):
            if connection.transport:
                connection.transport.abort()
        await asyncio.sleep(0)  # the connections learn that they are closed
        for task in list(self.state.tasks):
            task.cancel()
        await asyncio.gather(*self.state.tasks, return_exceptions=True)
