"""Whatever is sent to whichever route, the answer is one that a client can do something with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.app import Emulator
from emulator.containers.choice import choose_runtime
from emulator.home import Home
from emulator.services.container_registry.login_server import LoginServer
from tests.azure import azure_in
from tests.fuzz.campaign import SETTINGS, Campaign
from tests.fuzz.routes import MANAGEMENT, SIGN_IN, arm_routes, matches

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    with azure_in(home, SETTINGS) as azure:
        yield Campaign(azure, work, ROOT / "build" / "fuzz" / "short.json")


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """Built and not started, to see what it is made of."""

    async def build() -> Emulator:
        home = Home(tmp_path)
        home.create()
        return Emulator(home, await choose_runtime(home.containers, SETTINGS))

    built = asyncio.run(build())
    yield built
    built.store.close()


def test_no_route_is_forgotten(campaign: Campaign, emulator: Emulator) -> None:
    served = {(one.method, one.template) for one in emulator.http.exact[MANAGEMENT].routes}
    assert {(one.method, one.template) for one in arm_routes()} == served
    assert {f"{method} {template}" for method, template in served} <= {
        target.name for target in campaign.targets
    }
    sign_in = emulator.http.exact[SIGN_IN].routes
    assert len(sign_in) > 4
    assert [one.path for one in sign_in if not matches(campaign.sent, one.path_regex)] == []
    registry = [pattern for _, pattern, _ in LoginServer.ROUTES]
    assert [one for one in registry if not matches(campaign.sent, one)] == []


@pytest.mark.slow
def test_two_thousand_changed_requests(campaign: Campaign) -> None:
    """Each finding names the seed and the case; `python -m tests.fuzz --first` repeats it."""
    campaign.run(seed=1, requests=2_000)
    assert sum(campaign.statuses.values()) == 2_000
    assert campaign.findings.report() == ""
