"""Who may call an app, and from which pages; which replica a client comes back to."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest

from emulator.data_plane.backend import Backend
from emulator.data_plane.routes.apps import AppRoute
from emulator.data_plane.routes.ingress_rules import AddressRules, CorsRules
from tests.emulator.data_plane.ingress.test_ingress import (
    HOST,
    Reader,
    Stand,
    Writer,
    echo,
    get,
    read_head,
    stand,
)

SITE, OTHER = "https://site.example", "https://other.example"


def publish(made: Stand, **rules: object) -> None:
    route = AppRoute(((made.revision, 100),), allow_insecure=True, **rules)  # type: ignore[arg-type]  # whichever the test is about
    made.ingress.table.publish("/app", {HOST: route})


def fields_of(answer: bytes) -> dict[str, str]:
    lines = answer.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize(
    ("networks", "allows", "status"),
    [
        (["127.0.0.0/8"], True, 200),
        (["203.0.113.0/24", "127.0.0.1/32"], True, 200),
        (["203.0.113.0/24", "2001:db8::/32"], True, 403),
        (["127.0.0.1/32"], False, 403),
        (["203.0.113.0/24"], False, 200),
    ],
)
def test_addresses(networks: list[str], allows: bool, status: int):
    async def go() -> None:
        async with stand(echo) as made:
            rules = AddressRules(tuple(map(ip_network, networks)), allows)
            publish(made, addresses=rules)
            answer = await made.ask(get("/"))
            assert answer.startswith(f"HTTP/1.1 {status}".encode())
            assert (b"RBAC: access denied" in answer) == (status == 403)
            assert made.connections == (status == 200)

    asyncio.run(go())


RULES = CorsRules((SITE,), ("GET", "PUT"), ("x-mine",), ("x-theirs", "etag"), 600, True)


def preflight(origin: str) -> bytes:
    asked = get("/", f"origin: {origin}", "access-control-request-method: PUT")
    return asked.replace(b"GET", b"OPTIONS", 1)


def test_a_preflight_is_answered_by_the_ingress():
    async def go() -> None:
        async with stand(echo) as made:
            publish(made, cors=RULES)
            answer = await made.ask(preflight(SITE))
            assert answer.startswith(b"HTTP/1.1 200")
            assert (
                fields_of(answer).items()
                >= {
                    "access-control-allow-origin": SITE,
                    "access-control-allow-credentials": "true",
                    "access-control-allow-methods": "get,put",
                    "access-control-allow-headers": "x-mine",
                    "access-control-max-age": "600",
                    "content-length": "0",
                }.items()
            )
            assert made.connections == 0

    asyncio.run(go())


def test_other_origins_are_for_the_app_to_answer():
    async def go() -> None:
        async with stand(echo) as made:
            publish(made, cors=RULES)
            for request in (preflight(OTHER), get("/", f"origin: {OTHER}"), get("/")):
                answer = await made.ask(request)
                assert request.partition(b"\r\n")[0] in answer
                assert b"access-control" not in answer

    asyncio.run(go())


def test_answers_say_which_pages_may_read_them():
    async def own(reader: Reader, writer: Writer) -> None:
        await read_head(reader)
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\naccess-control-allow-origin: x\r\n\r\n"
        )

    async def go() -> None:
        async with stand(own) as made:
            publish(made, cors=RULES)
            answer = await made.ask(get("/", f"origin: {SITE}"))
            assert answer.count(b"access-control-allow-origin") == 1
            assert (
                fields_of(answer).items()
                >= {
                    "access-control-allow-origin": SITE,
                    "access-control-expose-headers": "x-theirs,etag",
                }.items()
            )
            publish(made, cors=CorsRules(("*",)))
            answer = await made.ask(get("/", f"origin: {OTHER}"))
            assert fields_of(answer)["access-control-allow-origin"] == OTHER
            made.revision.serve_from((), may_come=False)
            answer = await made.ask(get("/", f"origin: {OTHER}"))
            assert answer.startswith(b"HTTP/1.1 503")
            assert fields_of(answer)["access-control-allow-origin"] == OTHER

    asyncio.run(go())


def test_a_client_comes_back_to_its_replica():
    async def go() -> None:
        async with stand(echo) as made:
            one, two = (
                Backend(made.backend.port, session="1"),
                Backend(made.backend.port, session="2"),
            )
            made.revision.backends = (one, two)
            publish(made, is_sticky=True)
            given = [fields_of(await made.ask(get("/")))["set-cookie"] for _ in range(4)]
            assert set(given) == {
                'acaaffinity="1"; path=/; httponly',
                'acaaffinity="2"; path=/; httponly',
            }
            # Which one answers is seen by which one is busy.
            one.under_way = 7
            mine = get("/", 'cookie: a=b; acaAffinity="1"; c=d')
            assert "set-cookie" not in fields_of(await made.ask(mine))
            made.revision.backends = (two,)
            answer = fields_of(await made.ask(mine))
            assert answer["set-cookie"].startswith('acaaffinity="2";')

    asyncio.run(go())
