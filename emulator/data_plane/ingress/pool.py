"""The connections to replicas that wait for a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from emulator import container_port
from emulator.data_plane.ingress.refusals import NOT_REACHED
from emulator.data_plane.ingress.replica_connection import ReplicaConnection
from emulator.data_plane.refusal import Refusal

MOST_IDLE = 64  # connections to one replica that are kept
# For less long (seconds) than the servers keep them (uvicorn 5, gunicorn 2), so that no request
# meets a connection which is being closed.
IDLE = 1.5


class ReplicaPool:
    def __init__(self) -> None:
        self.idle: dict[int, list[ReplicaConnection]] = {}  # by port
        self.tasks: set[asyncio.Task[None]] = set()

    def take(self, port: int) -> ReplicaConnection | None:
        """The connection that was used last, None if none waits."""
        waiting = self.idle.get(port)
        oldest = asyncio.get_running_loop().time() - IDLE
        while waiting:
            connection = waiting.pop()
            if connection.transport and not connection.transport.is_closing():
                if connection.idle_since > oldest:
                    return connection
                connection.transport.close()
        return None

    def connect(self, port: int, done: Callable[[ReplicaConnection | Refusal], None]) -> None:
        """A new connection, or a refusal, is handed to `done`."""
        task = asyncio.get_running_loop().create_task(self._connect(port, done))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _connect(
        self, port: int, done: Callable[[ReplicaConnection | Refusal], None]
    ) -> None:
        try:
            _, connection = await container_port.connect(
                lambda: ReplicaConnection(port, self._keep, self._forget), port
            )
        except OSError:
            done(NOT_REACHED)
        else:
            done(connection)

    def _keep(self, connection: ReplicaConnection) -> None:
        waiting = self.idle.setdefault(connection.port, [])
        connection.idle_since = asyncio.get_running_loop().time()
        if len(waiting) < MOST_IDLE:
            waiting.append(connection)
        elif connection.transport:
            connection.transport.close()

    def _forget(self, connection: ReplicaConnection) -> None:
        waiting = self.idle.get(connection.port)
        if waiting and connection in waiting:
            waiting.remove(connection)
        if not waiting:
            self.idle.pop(connection.port, None)
