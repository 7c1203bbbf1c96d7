"""A further index that cannot be reached is named, and pip is not sent there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.python_environments.environments import BuildError, PythonEnvironments
from emulator.python_environments.indexes import out_of_reach

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def test_only_a_further_index_that_nobody_answers_is_left_out(
    listening: int, closed: int
) -> None:
    dead = f"--extra-index-url http://127.0.0.1:{closed}/simple"
    same = f"--extra-index-url=http://127.0.0.1:{closed}/simple"
    others = [
        f"--extra-index-url http://127.0.0.1:{listening}/simple",
        f"--index-url http://127.0.0.1:{closed}/simple",  # pip's own error says more
        "--extra-index-url file:///wheels",
        "torch==2.13.0",
    ]
    url = f"http://127.0.0.1:{closed}/simple"
    assert await out_of_reach([dead, same, *others]) == {dead: url, same: url}


async def test_what_a_proxy_reaches_the_proxy_knows(
    closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    assert await out_of_reach([f"--extra-index-url http://packages.example:{closed}/"]) == {}


async def test_a_build_says_so_and_goes_on(tmp_path: Path, closed: int) -> None:
    index = f"--extra-index-url http://127.0.0.1:{closed}/simple"
    list_ = f"dependencies: [{{pip: [--no-index, '{index}', no-such-package==1]}}]"
    with pytest.raises(BuildError) as caught:
        await PythonEnvironments(tmp_path).resolve(list_, "example.io/any", lambda _: None)
    assert f"Left out: the index http://127.0.0.1:{closed}/simple cannot" in caught.value.log
    assert "Retrying" not in caught.value.log
    assert "No matching distribution found for no-such-package==1" in caught.value.log
