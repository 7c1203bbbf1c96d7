"""Inference servers for the tests: a runtime of the test's own, and scripts to run in it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.inference_servers.supervisor import ServerSpec, Supervisor
from tests.emulator.inference_servers.servers import ECHO


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Supervisor]:
    runtime = Supervisor(tmp_path / "runtime")
    yield runtime
    await runtime.close()


@pytest.fixture
def spec(tmp_path: Path) -> Callable[..., ServerSpec]:
    """Writes `script` as score.py and answers what to start; `changes` are fields of the spec."""

    def write(
        script: str = ECHO, *, name: str = "ep--blue--0", plainly: bool = False, **changes: Any
    ) -> ServerSpec:
        app_root = tmp_path / name / "code"
        app_root.mkdir(parents=True, exist_ok=True)
        # What such a name is there for cannot be told, so the server is not forked.
        head = '# "OMP_NUM_THREADS"\n' if plainly else ""
        (app_root / "score.py").write_text(head + textwrap.dedent(script))
        model_dir = tmp_path / name / "model"
        model_dir.mkdir(exist_ok=True)
        defaults: dict[str, Any] = {
            "name": name,
            "python": Path(sys.executable),
            "preload": (),
            "app_root": app_root,
            "entry_script": "score.py",
            "model_dir": model_dir,
            "variables": {},
            "log_file": tmp_path / name / "log.txt",
        }
        return ServerSpec(**(defaults | changes))

    return write
