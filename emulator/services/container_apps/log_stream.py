"""{region}.azurecontainerapps.dev: what containers print, what the platform did, and terminals.

    GET .../replicas/{replica}/containers/{container}/logstream    console output
    GET .../containerApps/{app or job}/eventstream                 the system log
    GET .../managedEnvironments/{environment}/eventstream          that of all that is in it
    GET .../replicas/{replica}/containers/{container}/exec         a terminal, over a web socket

Query: `follow=true`, `tailLines` (0 to 300, 20 by default), `output=json` or `text`. Each wants the
token that getAuthToken of the app, the job or the environment returns, as `Authorization: Bearer`.

https://learn.microsoft.com/azure/container-apps/log-streaming

A job's replicas are at .../jobs/{job}/executions/{execution}, its system log is where an app's is:
https://github.com/Azure/azure-cli-extensions/blob/main/src/containerapp/azext_containerapp/tests/latest/recordings/test_containerappjob_logstream.yaml
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from emulator.arm.errors import ArmError, not_emulated, not_found
from emulator.arm.ids import now
from emulator.services.container_apps.environments import apps_and_jobs_in
from emulator.services.container_apps.jobs.job_controller import JobController
from emulator.services.container_apps.paths import (
    ENVIRONMENT_TYPE,
    JOB_TYPE,
    PROVIDER,
)
from emulator.services.container_apps.replica import Replica, ReplicaContainer
from emulator.services.container_apps.runners import Runners
from emulator.services.container_apps.terminals import run_terminal
from emulator.store import Resource

MOST_LINES, DEFAULT_LINES = 300, 20
PERIOD = 0.2  # seconds between two looks at a log that is followed
_GROUP = r"(?P<scope>/subscriptions/[^/]+/resourceGroups/[^/]+)"
_APP = _GROUP + r"/(?P<type>containerApps)/(?P<owner>[^/]+)"
_JOB = _GROUP + r"/(?P<type>jobs)/(?P<owner>[^/]+)"
_ENVIRONMENT = _GROUP + r"/(?P<type>managedEnvironments)/(?P<owner>[^/]+)"
_CONTAINER = (
    r"/(?P<part>[^/]+)/replicas/(?P<replica>[^/]+)/containers/(?P<container>[^/]+)"
    r"/(?P<what>logstream|exec)"
)
_PATHS = [
    re.compile(path, re.IGNORECASE)
    for path in (
        _APP + "/revisions" + _CONTAINER,
        _JOB + "/executions" + _CONTAINER,
        _APP + "/(?P<what>eventstream)",
        _ENVIRONMENT + "/(?P<what>eventstream)",
    )
]

Verify = Callable[[str, tuple[str, ...]], dict[str, Any]]


@dataclass(frozen=True)
class ContainerStream:
    """A container whose output is streamed. `place` says where it is, as a line of the stream does;
    `is_over` whether nothing more will come. `terminal` is the one in which a terminal can be
    opened, None if there is none."""

    name: str
    place: str
    log_file: Path
    is_over: Callable[[], bool]
    terminal: ReplicaContainer | None


class LogStream:
    """The ASGI application. `verify(token, audiences)` raises jwt.PyJWTError."""

    def __init__(self, runners: Runners, jobs: JobController, verify: Verify) -> None:
        self.store = runners.store
        self.runners = runners
        self.jobs = jobs
        self.verify = verify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            what, owner, container = self._find(scope)
            if scope["type"] == "websocket":
                if container is None or container.terminal is None or what != "exec":
                    raise not_emulated("this web socket")
                return await run_terminal(
                    self.runners.runtime, container.terminal, scope, receive, send
                )
            if what == "exec":
                raise ArmError(426, "UpgradeRequired", "A terminal is a web socket.")
            request = Request(scope, receive)
            response: Response = StreamingResponse(
                self._console(request, container) if container else self._events(request, owner),
                media_type="text/plain; charset=utf-8",
            )
        except ArmError as error:
            if scope["type"] == "websocket":
                await receive()
                return await send({"type": "websocket.close", "code": 1008, "reason": error.code})
            response = JSONResponse(error.body(), error.status)
        return await response(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[str, Resource, ContainerStream | None]:
        """What is asked for, and of which app or job. Raises ArmError 401, 404 or 501."""
        path = scope["path"]
        match = next((found for one in _PATHS if (found := one.fullmatch(path))), None)
        if match is None:
            raise not_emulated(f"{path} of the log stream")
        names = match.groupdict()
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        owner = self._authorized(names, headers.get(b"authorization", ""))
        if "replica" not in names:
            return names["what"].lower(), owner, None
        streams = self._of_job if owner.type == JOB_TYPE else self._of_app
        container = streams(owner, names["part"], names["replica"], names["container"])
        if container is None:
            raise not_found(f"{owner.id}{path.partition(names['owner'])[2]}")
        return names["what"].lower(), owner, container

    def _authorized(self, names: dict[str, str], authorization: str) -> Resource:
        """The app or the job that is meant. Raises ArmError 401 without its token, or 404."""
        types = [names["type"]]
        if names["what"].lower() == "eventstream" and names["type"].lower() == "containerapps":
            types.append("jobs")  # an app's and a job's are at one place
        ids = [f"{names['scope']}/providers/{PROVIDER}/{kind}/{names['owner']}" for kind in types]
        scheme, _, token = authorization.partition(" ")
        for owner_id in ids if scheme.lower() == "bearer" else ():
            try:
                self.verify(token.strip(), (owner_id.lower(),))
            except jwt.PyJWTError:
                continue
            owner = self.store.get(owner_id)
            if owner is None:
                raise not_found(owner_id)
            return owner
        raise ArmError(
            401,
            "Unauthorized",
            "A log stream wants the token that getAuthToken of what it is of gives.",
        )

    def _of_app(
        self, app: Resource, revision: str, replica: str, name: str
    ) -> ContainerStream | None:
        runner = self.runners.get(f"{app.id}/revisions/{revision}")
        for one in runner.replicas if runner else []:
            for container in one.inits + one.containers:
                if one.name == replica and container.plan.name == name:
                    return ContainerStream(
                        name,
                        f"[Revision: '{one.plan.revision}', Replica: '{replica}']",
                        container.log_file,
                        partial(_is_stopping, one),
                        container,
                    )
        return None

    def _of_job(
        self, job: Resource, execution_name: str, replica: str, name: str
    ) -> ContainerStream | None:
        execution = self.store.get(f"{job.id}/executions/{execution_name}")
        if execution is None or not self._has(execution, replica, name):
            return None
        runner = self.jobs.runner(execution.id)
        running = runner.replica(replica) if runner else None
        terminal = None
        for container in running.inits + running.containers if running else []:
            if container.plan.name == name:
                terminal = container
        return ContainerStream(
            name,
            f"[Execution: '{execution.name}', Replica: '{replica}']",
            self.jobs.log_file(execution, replica, name),
            lambda: running is None or running.is_over,
            terminal,
        )

    def _has(self, execution: Resource, replica: str, container: str) -> bool:
        return any(
            one.name == replica and container in (each.name for each in one.containers)
            for one in self.jobs.replicas(execution)
        )

    # Streams

    async def _console(self, request: Request, container: ContainerStream) -> AsyncIterator[str]:
        line = _text if request.query_params.get("output") == "text" else _json
        yield line(f"{now()} Connecting to the container '{container.name}'...")
        yield line(
            f"{now()} Successfully Connected to container: '{container.name}' {container.place}"
        )
        reader = LogReader(container.log_file)
        for found in await asyncio.to_thread(reader.last, _lines(request)):
            yield line(found)
        is_over = not _follows(request)
        while not is_over:
            await asyncio.sleep(PERIOD)
            is_over = container.is_over()  # asked before the last look, which misses nothing then
            for found in await asyncio.to_thread(reader.new):
                yield line(found)

    async def _events(self, request: Request, owner: Resource) -> AsyncIterator[str]:
        greeting = "Connecting to the events collector..."
        yield json.dumps({"TimeStamp": now(), "Type": "Normal", "Msg": greeting}) + "\n"
        seen: dict[str, int] = {}  # by the id of the app or the job
        events = self._new_events(owner, seen)
        count = _lines(request)
        for event in events[-count:] if count else []:
            yield json.dumps(event) + "\n"
        while _follows(request) and self.store.get(owner.id):
            await asyncio.sleep(PERIOD)
            for event in self._new_events(owner, seen):
                yield json.dumps(event) + "\n"

    def _new_events(self, owner: Resource, seen: dict[str, int]) -> list[dict[str, Any]]:
        """Those that were not seen, in their order; they are seen then."""
        tellers = [owner]
        if owner.type == ENVIRONMENT_TYPE:
            tellers = list(apps_and_jobs_in(self.store, owner.id))
        found = []
        for one in tellers:
            told = self.jobs.events if one.type == JOB_TYPE else self.runners.events
            events, seen[one.id] = told.since(one.id, seen.get(one.id, 0))
            found += events
        return sorted(found, key=lambda event: str(event["TimeStamp"]))


class LogReader:
    """Reads a log file's lines as they come; the file may be cut at its beginning meanwhile."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.offset = 0
        self.rest = b""

    def last(self, count: int) -> list[str]:
        lines = self.new()
        return lines[-count:] if count else []

    def new(self) -> list[str]:
        """The lines that are complete and were not read yet."""
        try:
            with self.file.open("rb") as log:
                end = log.seek(0, 2)
                if end < self.offset:
                    self.offset, self.rest = 0, b""
                log.seek(self.offset)
                data = self.rest + log.read()
        except FileNotFoundError:
            return []
        self.offset = end
        *lines, self.rest = data.split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def _is_stopping(replica: Replica) -> bool:
    return replica.is_stopping


def _follows(request: Request) -> bool:
    return request.query_params.get("follow", "").lower() == "true"


def _lines(request: Request) -> int:
    text = request.query_params.get("tailLines") or str(DEFAULT_LINES)
    return min(int(text), MOST_LINES) if re.fullmatch(r"[0-9]{1,9}", text) else DEFAULT_LINES


def _text(line: str) -> str:
    return line + "\n"


def _json(line: str) -> str:
    """A log line is an RFC 3339 time, a space and what was printed."""
    moment, _, text = line.partition(" ")
    return json.dumps({"TimeStamp": moment, "Log": text}) + "\n"
