"""Who gets a request, and may they: the decisions alone, without a socket."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import jwt
import pytest

from emulator.data_plane.backend import Backend
from emulator.data_plane.refusal import Refusal
from emulator.data_plane.routes.endpoints import DeploymentRoute, EndpointRoute
from emulator.data_plane.scoring import router
from emulator.data_plane.scoring.refusals import NO_TRAFFIC, NOT_READY
from tests.emulator.data_plane.scripted import ENDPOINT_ID, HOST, KEYS


def endpoint(**changes: Any) -> EndpointRoute:
    names = ("blue", "green", "red")
    deployments = {name: DeploymentRoute(name, (Backend(1),)) for name in names}
    settings = {"auth_mode": "Key", "keys": KEYS, "deployments": deployments, **changes}
    return EndpointRoute(HOST, ENDPOINT_ID, **settings)


def accept(token: str, audience: str) -> dict[str, Any]:
    if (token, audience) in {("aml", ENDPOINT_ID), ("aad", "https://ml.azure.com")}:
        return {"aud": audience}
    raise jwt.InvalidAudienceError


@pytest.mark.parametrize("header", [b"Bearer primary-key", b"bearer secondary-key"])
def test_either_key_passes(header: bytes) -> None:
    assert router.authenticate(endpoint(), header, accept) is None


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "key_auth_bad_header_forbidden"),
        (b"", "key_auth_bad_header_forbidden"),
        (b"Bearer", "key_auth_bad_header_forbidden"),
        (b"Bearer ", "key_auth_bad_header_forbidden"),
        (b"primary-key", "key_auth_bad_header_forbidden"),
        (b"Basic primary-key", "key_auth_bad_header_forbidden"),
        (b"Bearer primary-ke", "key_auth_access_denied"),
        (b"Bearer primary-key2", "key_auth_access_denied"),
        (b"Bearer PRIMARY-KEY", "key_auth_access_denied"),
        (b"Bearer \xff", "key_auth_access_denied"),
        (b"Bearer aml", "key_auth_access_denied"),
    ],
)
def test_anything_else_is_401(header: bytes | None, message: str) -> None:
    refusal = router.authenticate(endpoint(), header, accept)
    assert refusal is not None
    assert (refusal.status, refusal.message) == (401, message)
    challenge = f'Bearer realm="https://{HOST}/score"'
    assert dict(refusal.headers)[b"www-authenticate"] == challenge.encode()


def test_an_endpoint_without_keys_lets_nobody_in() -> None:
    for keys in (), ("", ""):
        refusal = router.authenticate(endpoint(keys=keys), b"Bearer x", accept)
        assert refusal is not None
        assert refusal.status == 401


@pytest.mark.parametrize(
    ("mode", "good", "wrong"), [("AMLToken", b"aml", b"aad"), ("AADToken", b"aad", b"aml")]
)
def test_a_token_is_for_its_audience_only(mode: Any, good: bytes, wrong: bytes) -> None:
    route = endpoint(auth_mode=mode)
    assert router.authenticate(route, b"Bearer " + good, accept) is None
    refusal = router.authenticate(route, b"Bearer " + wrong, accept)
    assert refusal is not None
    assert (refusal.status, refusal.message) == (401, "Audiences in Jwt are not allowed")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (jwt.ExpiredSignatureError(), "Jwt is expired"),
        (jwt.InvalidSignatureError(), "Jwt verification fails"),
        (jwt.DecodeError(), "Jwt verification fails"),
        (KeyError("a verifier's own mistake"), "Jwt verification fails"),
    ],
)
def test_a_token_that_does_not_verify_never_passes(error: Exception, message: str) -> None:
    def verify(token: str, audience: str) -> dict[str, Any]:
        raise error

    refusal = router.authenticate(endpoint(auth_mode="AMLToken"), b"Bearer x", verify)
    assert refusal is not None
    assert (refusal.status, refusal.message) == (401, message)


def test_a_key_is_no_token() -> None:
    refusal = router.authenticate(endpoint(auth_mode="AMLToken"), b"Bearer primary-key", accept)
    assert refusal is not None
    assert router.authenticate(endpoint(auth_mode="AMLToken"), None, accept) is not None


@pytest.mark.parametrize("traffic", [{}, {"blue": 0}, {"blue": 0, "green": 0}])
def test_no_traffic_is_404(traffic: dict[str, int]) -> None:
    assert router.choose(endpoint(traffic=traffic), None, Random(1)) is NO_TRAFFIC


def test_a_header_chooses_a_deployment_without_traffic() -> None:
    chosen = router.choose(endpoint(traffic={"blue": 100}), b"green", Random(1))
    assert isinstance(chosen, DeploymentRoute)
    assert chosen.name == "green"


@pytest.mark.parametrize("name", [b"purple", b"", b"BLUE", b"\xff\xfe"])
def test_a_header_for_no_deployment_is_404_and_says_which_there_are(name: bytes) -> None:
    chosen = router.choose(endpoint(traffic={"blue": 100}), name, Random(1))
    assert isinstance(chosen, Refusal)
    assert chosen.status == 404
    assert "blue, green, red" in chosen.message


def test_traffic_to_a_deployment_that_is_not_up_yet_is_424() -> None:
    route = endpoint(traffic={"blue": 100}, deployments={})
    assert router.choose(route, None, Random(1)) is NOT_READY


def test_mirror_traffic_copies_its_share() -> None:
    route = endpoint(mirror_traffic={"green": 30, "red": 0, "gone": 50})
    random, draws = Random(7), 20_000
    copies = Counter(copy.name for _ in range(draws) for copy in router.mirrors(route, random))
    assert set(copies) == {"green"}
    assert abs(copies["green"] - 0.3 * draws) < 5 * (0.21 * draws) ** 0.5
