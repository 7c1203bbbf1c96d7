from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.data_plane.planes import Plane, planes


@pytest.fixture(scope="module", params=["scoring", "ingress"])
def plane(request: pytest.FixtureRequest) -> Iterator[Plane]:
    with planes(request.param) as made:
        yield made
