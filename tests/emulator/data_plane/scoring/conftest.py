from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.emulator.data_plane.scripted import Instance, Respond, Serving, serve


@pytest.fixture
def serving() -> Iterator[Serving]:
    with serve() as running:
        yield running


@pytest.fixture
def instance() -> Iterator[Callable[..., Instance]]:
    """Makes scripted scoring servers: `instance(respond)`."""
    made: list[Instance] = []

    def make(respond: Respond | None = None) -> Instance:
        made.append(Instance(respond))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def blue(serving: Serving, instance: Callable[..., Instance]) -> Instance:
    """An instance behind the deployment blue, which has all the traffic."""
    made = instance()
    serving.deploy("blue", made, traffic=100)
    return made
