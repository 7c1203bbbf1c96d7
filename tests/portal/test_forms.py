"""Forms as no page of the portal sends them: what is wrong is told, and is no error of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from emulator.defaults import RESOURCE_GROUP

from .conftest import Portal

APP = f"/container-apps/{RESOURCE_GROUP}/nothing"
GROUP = {"resource_group": RESOURCE_GROUP, "name": "qa", "region": "westeurope", "image": "x"}
HUGE = "9" * 5000


@pytest.fixture(scope="module")
def signed_in(portal: Portal) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.get(portal.link)
        session.headers["Origin"] = portal.url
        yield session


@pytest.mark.parametrize(
    ("path", "fields", "told"),
    [
        ("/container-apps", {}, "is not the id of a resource"),
        (APP, {"do": "reveal"}, "The form lacks its field secret"),
        ("/container-instances/create", {}, "Number of CPU cores: &#39;&#39; is not a number"),
        ("/container-instances/create", {**GROUP, "cpu": "nan"}, "is not a number"),
        (
            "/container-instances/create",
            {**GROUP, "cpu": "1", "memory": "1", "ports": HUGE},
            "is not a number",
        ),
        (
            "/container-instances/create",
            {**GROUP, "cpu": "1", "memory": "1", "command": "'"},
            "Command override: No closing quotation",
        ),
        ("/console", {"to": "http://x.azurecontainer.io", "method": "TRACE"}, "is not a method"),
    ],
)
def test_what_is_wrong_is_told(
    portal: Portal, signed_in: requests.Session, path: str, fields: dict[str, str], told: str
) -> None:
    answer = signed_in.post(f"{portal.url}{path}", fields)
    assert answer.status_code in (200, 400, 404)
    if answer.status_code != 404:
        assert told in answer.text
