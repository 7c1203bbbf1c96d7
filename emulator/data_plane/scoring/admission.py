"""The requests of a deployment: those under way, and those that wait for an instance.

An instance is given at most max_concurrent_requests_per_instance at a time; the rest wait here,
first come, first served, for as long as their request_timeout lasts. Waiting counts towards it.

    a call is   and becomes
    waiting     under way (an instance is free) | over (time-out, client gone, no instance left)
    under way   over (answered, failed, time-out, client gone)
"""

from __future__ import annotations

import asyncio
from collections import deque

from emulator.data_plane.backend import Backend, least_busy
from emulator.data_plane.backend_connection import AnswerReceiver
from emulator.data_plane.refusal import Refusal
from emulator.data_plane.routes.endpoints import DeploymentRoute, EndpointTable
from emulator.data_plane.scoring.exchange import Exchange
from emulator.data_plane.scoring.refusals import NOT_READY, TIMED_OUT, TOO_MANY_PENDING


class Call:
    """One request for one deployment. A copy is mirror traffic: it makes way for the others."""

    __slots__ = ("backend", "copy", "exchange", "is_head", "lane", "receiver", "request", "timer")

    def __init__(
        self, request: bytes, *, is_head: bool, receiver: AnswerReceiver, copy: bool = False
    ) -> None:
        self.request = request
        self.is_head = is_head
        self.receiver = receiver
        self.copy = copy
        self.lane: Lane
        self.backend: Backend
        self.exchange: Exchange | None = None
        self.timer: asyncio.TimerHandle | None = None

    def start(self, backend: Backend) -> None:
        self.backend = backend
        self.exchange = Exchange(
            backend.port,
            self.request,
            is_head=self.is_head,
            receiver=self.receiver,
            over=self._over,
        )

    def stop(self) -> None:
        """Give up: the client has gone, or nobody may wait any longer."""
        if self.exchange:
            self.exchange.abandon()
        else:
            self.cancel_timer()
            self.lane.leave(self)

    def cancel_timer(self) -> None:
        if self.timer:
            self.timer.cancel()

    def expire(self) -> None:
        self.stop()
        self.receiver.failed(TIMED_OUT, unanswered=False)

    def _over(self) -> None:
        self.cancel_timer()
        self.lane.finished(self)


class Lane:
    """Every call of one deployment. The route is looked up anew each time, as it may change."""

    def __init__(self, table: EndpointTable, host: str, name: str) -> None:
        self.table = table
        self.host = host
        self.name = name
        self.under_way = {False: 0, True: 0}  # by Call.copy
        self.waiting: dict[bool, deque[Call]] = {False: deque(), True: deque()}
        self.turn = 0

    def admit(self, call: Call) -> Refusal | None:
        """Start a call or let it wait; else 424, no instance is ready, or 429, too many."""
        route = self._route()
        if route is None or not route.backends or not route.is_open:
            return NOT_READY
        if self.under_way[call.copy] + len(self.waiting[call.copy]) >= route.capacity:
            return TOO_MANY_PENDING
        call.lane = self
        call.timer = asyncio.get_running_loop().call_later(
            route.request_timeout_seconds, call.expire
        )
        self.waiting[call.copy].append(call)
        self.advance()
        return None

    def leave(self, call: Call) -> None:
        if call in self.waiting[call.copy]:
            self.waiting[call.copy].remove(call)

    def finished(self, call: Call) -> None:
        self.under_way[call.copy] -= 1
        call.backend.under_way -= 1
        self.advance()

    def advance(self) -> None:
        """Give free instances to those who wait, live requests before copies."""
        for queue in self.waiting[False], self.waiting[True]:
            while queue:
                route = self._route()
                if route is None or not route.backends:
                    call = queue.popleft()
                    call.cancel_timer()
                    call.receiver.failed(NOT_READY, unanswered=True)
                    continue
                self.turn += 1
                backend = least_busy(route.backends, self.turn)
                if backend.under_way >= route.max_concurrent_requests_per_instance:
                    return
                call = queue.popleft()
                self.under_way[call.copy] += 1
                backend.under_way += 1
                call.start(backend)

    def _route(self) -> DeploymentRoute | None:
        endpoint = self.table.find(self.host)
        return endpoint.deployments.get(self.name) if endpoint else None
