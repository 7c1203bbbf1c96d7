"""What the gateway counts of the requests that it answers."""

from __future__ import annotations

import socket
from collections.abc import Callable

from emulator.data_plane.tally import Tally
from emulator.data_plane.traffic_counts import MIRRORED, OPENED, REQUESTS, SENT, Labels
from tests.emulator.data_plane.scripted import ENDPOINT_ID, KEYS, Instance, Serving, reply
from tests.waiting import until

Make = Callable[..., Instance]


def counted(serving: Serving, what: str = REQUESTS) -> dict[Labels, Tally]:
    """By labels, whichever the minute."""
    found: dict[Labels, Tally] = {}
    for (_, resource, kind, labels), tally in list(serving.gateway.counts.seen()):
        assert resource == ENDPOINT_ID
        if kind == what:
            found.setdefault(labels, Tally()).merge(tally)
    return found


def numbers(serving: Serving, what: str = REQUESTS) -> dict[Labels, int]:
    return {labels: tally.count for labels, tally in counted(serving, what).items()}


def test_each_request_is_counted_by_deployment_and_both_statuses(serving: Serving, instance: Make):
    good, bad = instance(reply(b"1")), instance(reply(b"x", status="500 Oh No"))
    serving.deploy("blue", good, traffic=100)
    serving.deploy("green", bad)
    for _ in range(3):
        assert serving.send().status_code == 200
    assert serving.send(headers={"azureml-model-deployment": "green"}).status_code == 424
    assert serving.send(headers={"azureml-model-deployment": "none"}).status_code == 404
    assert serving.send(key="wrong").status_code == 401
    serving.serve_from()
    assert serving.send().status_code == 424
    assert numbers(serving) == {
        ("blue", "200", "200"): 3,
        ("blue", "424", "503"): 1,
        ("green", "424", "500"): 1,
        ("", "404", ""): 1,
        ("", "401", ""): 1,
    }
    assert counted(serving)["blue", "200", "200"].least > 0
    assert counted(serving, OPENED)[()].total == 7
    until(lambda: not serving.gateway.counts.active)


def test_the_bytes_of_answers_are_counted(serving: Serving, instance: Make):
    serving.deploy("blue", instance(reply(b"x" * 200_000)), traffic=100)
    assert len(serving.send().content) == 200_000
    sent = counted(serving, SENT)[()].total
    assert 200_000 < sent < 201_000


def test_mirrored_requests_are_counted_apart(serving: Serving, instance: Make):
    serving.deploy("blue", instance(), traffic=100)
    serving.deploy("green", instance(reply(b"x", status="500 Oh No")))
    serving.change(mirror_traffic={"green": 100})
    assert serving.send().status_code == 200
    until(lambda: numbers(serving, MIRRORED) == {("green", "424", "500"): 1})
    assert numbers(serving) == {("blue", "200", "200"): 1}


def test_an_open_connection_is_active_and_a_client_that_leaves_is_no_answer(
    serving: Serving, instance: Make
):
    waiting = instance(lambda connection, _: connection.recv(1))
    serving.deploy("blue", waiting, traffic=100)
    with socket.create_connection(("127.0.0.1", serving.port)) as client:
        until(lambda: serving.gateway.counts.active == {ENDPOINT_ID: 1})
        head = f"GET /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEYS[0]}\r\n\r\n"
        client.sendall(head.encode())
    until(lambda: not serving.gateway.counts.active)
    assert numbers(serving) == {}
