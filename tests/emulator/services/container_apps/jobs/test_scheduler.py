"""Schedules: executions begin in their minute, by a clock that the test sets."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.client_environment import client_environment
from emulator.containers.choice import choose_runtime
from emulator.defaults import RESOURCE_GROUP
from emulator.home import Home
from tests.emulator.services.apps_bench import AppsBench
from tests.emulator.services.container_machine import Machine, settings
from tests.emulator.services.jobs_bench import JobsBench
from tests.waiting import until

NINE = datetime(2026, 3, 2, 9, 0, 20, tzinfo=UTC)


class Clocked:
    """An emulator in a thread of this process, which reads the test's clock."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.moment = NINE

    async def _serve(self, started: Future[tuple[Emulator, int]]) -> None:
        self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
        runtime = await choose_runtime(self.home.containers, os.environ | settings("process"))
        emulator = Emulator(self.home, runtime)
        emulator.job_scheduler.now = lambda: self.moment
        started.set_result((emulator, await emulator.start(0)))
        await self.stopped.wait()
        await emulator.stop()

    @contextmanager
    def running(self) -> Iterator[None]:
        started: Future[tuple[Emulator, int]] = Future()
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        thread.start()
        try:
            self.emulator, port = started.result(timeout=60)
            with pytest.MonkeyPatch.context() as patch:
                for name, value in client_environment(self.home, port).items():
                    patch.setenv(name, value)
                yield
        finally:
            self.loop.call_soon_threadsafe(self.stopped.set)
            thread.join()

    def at(self, moment: datetime) -> list[str]:
        """Let it be that moment, and return the names of the executions that it starts."""
        self.moment = moment
        scheduler = self.emulator.job_scheduler

        async def look() -> list[str]:
            return [execution.name for execution in scheduler.look()]

        return asyncio.run_coroutine_threadsafe(look(), self.loop).result(timeout=60)

    def bench(self, unique: str) -> JobsBench:
        azure: Any = SimpleNamespace(home=self.home)
        return JobsBench(AppsBench(Machine("process", azure), unique))


@pytest.fixture
def clocked(tmp_path: Path) -> Clocked:
    home = Home(tmp_path / "local-azure")
    home.create()
    return Clocked(home)


def scheduled(jobs: JobsBench, code: str, cron: str, **more: Any) -> None:
    jobs.make(code, triggerType="Schedule", trigger={"cronExpression": cron}, **more)


def test_a_schedule_starts_executions(clocked: Clocked, unique: str):
    day, half_past = timedelta(days=1), NINE.replace(minute=30)
    with clocked.running():
        jobs = clocked.bench(unique)
        scheduled(jobs, "print('by the clock')", "30 9 * * MON-FRI")
        assert clocked.at(NINE.replace(minute=29)) == []
        name = f"{jobs.name}-{int(half_past.timestamp()) // 60}"
        assert clocked.at(half_past) == [name]
        assert clocked.at(half_past.replace(second=59)) == []
        assert jobs.end(name).status == "Succeeded"
        assert jobs.log(name) == ["by the clock"]

        # A minute that was busy is not lost, and one that comes twice is not run twice.
        assert len(clocked.at(half_past + day + timedelta(minutes=2))) == 1
        clocked.at(half_past + day - timedelta(minutes=2))
        assert clocked.at(half_past + day) == []

        jobs.jobs.begin_suspend(RESOURCE_GROUP, jobs.name).result()
        assert clocked.at(half_past + 2 * day) == []
        jobs.jobs.begin_resume(RESOURCE_GROUP, jobs.name).result()
        assert len(clocked.at(half_past + 3 * day)) == 1
        assert {one.status for one in map(jobs.end, [one.name for one in jobs.executions()])} == {
            "Succeeded"
        }
    # What was due while nothing ran is not made up for, nor what this minute has had already.
    clocked.moment = half_past + 7 * day
    with clocked.running():
        assert clocked.at(half_past + 7 * day) == []
        assert len(clocked.at(half_past + 8 * day)) == 1
        assert len(jobs.executions()) == 4


def test_a_minute_passes_by_itself(clocked: Clocked, unique: str):
    """The clock is a second before the minute: the scheduler waits for it, and looks."""
    with clocked.running():
        jobs = clocked.bench(unique)
        scheduled(jobs, "print()", "* * * * *")
        begin, real = NINE.replace(second=59), datetime.now(UTC)

        def ticking() -> datetime:
            return begin + (datetime.now(UTC) - real)

        async def anew() -> None:
            scheduler = clocked.emulator.job_scheduler
            await scheduler.close()
            scheduler.now = ticking
            scheduler.start()

        asyncio.run_coroutine_threadsafe(anew(), clocked.loop).result(timeout=60)
        (execution,) = until(jobs.executions)
        assert execution.name == f"{jobs.name}-{int(begin.timestamp()) // 60 + 1}"


def test_only_the_newest_executions_are_kept(clocked: Clocked, unique: str, monkeypatch):
    monkeypatch.setattr("emulator.services.container_apps.jobs.job_controller.MOST_KEPT", 2)
    with clocked.running():
        jobs = clocked.bench(unique)
        scheduled(jobs, "print()", "* * * * *")
        names = []
        for minute in range(4):
            names += clocked.at(NINE + timedelta(minutes=minute + 1))
            jobs.end(names[-1])
        until(lambda: [one.name for one in jobs.executions()] == names[:1:-1])
        (folder,) = (clocked.home.containers / "jobs").iterdir()
        until(lambda: {one.name for one in folder.iterdir()} == set(names[2:]))
