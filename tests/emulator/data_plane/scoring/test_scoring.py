"""Every row of the table of answers, over HTTP against scripted scoring servers."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.emulator.data_plane.scripted import (
    ENDPOINT_ID,
    HOST,
    KEYS,
    PATIENCE,
    Instance,
    Received,
    Serving,
    raw,
    reply,
    until_hung_up,
)
from tests.waiting import until

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
GUIDE = "how-to-troubleshoot-online-endpoints#http-status-codes"
Make = Callable[..., Instance]


# 200


def test_request_and_answer_pass_as_they_are(serving: Serving, blue: Instance) -> None:
    blue.respond = reply(b"[3]", headers=("x-ms-run-fn-exec-ms: 1.250", "x-ms-request-id: abc"))
    answer = serving.send(
        path="/score?a=1&b=%2F",
        data=b'{"data": [1]}',
        headers={"Content-Type": "application/json", "X-Learner": "me", "TE": "trailers"},
    )
    assert (answer.status_code, answer.content) == (200, b"[3]")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-ms-run-fn-exec-ms"] == "1.250"
    assert answer.headers["x-ms-request-id"] == "abc"
    assert answer.headers["azureml-model-deployment"] == "blue"
    assert answer.headers["server"] == "azureml-frontdoor"
    assert "connection" not in answer.headers
    (received,) = blue.received
    assert received.line == "POST /score?a=1&b=%2F HTTP/1.1"
    assert received.body == b'{"data": [1]}'
    assert received.header("host") == HOST
    assert received.header("x-learner") == "me"
    assert received.header("content-length") == "13"
    assert received.header("connection") == "close"
    assert received.header("te") is None


def test_the_key_stays_with_the_gateway(serving: Serving, blue: Instance) -> None:
    assert serving.send(data=b"{}").ok
    assert KEYS[0] not in str(blue.received[0].headers)


def test_x_request_id_is_a_guid_of_the_gateway_s(serving: Serving, blue: Instance) -> None:
    answer = serving.send(headers={"x-request-id": "mine"})
    given = answer.headers["x-request-id"]
    assert GUID.fullmatch(given)
    assert blue.received[0].header("x-request-id") == given
    assert serving.send().headers["x-request-id"] != given


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("lesson-04_a", "lesson-04_a"),
        ("a b<c>/d", "abcd"),
        ("é{}", None),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 40),
        ("-" * 500, "-" * 40),
    ],
)
def test_x_ms_client_request_id_is_cleaned_and_echoed(
    serving: Serving, blue: Instance, sent: str, kept: str | None
) -> None:
    answer = serving.send(headers={"x-ms-client-request-id": sent.encode("latin-1")})  # type: ignore[dict-item]  # requests takes bytes, which keeps the é as it is
    assert answer.headers.get("x-ms-client-request-id") == kept
    assert blue.received[0].header("x-ms-client-request-id") == kept
    refused = serving.send(key="wrong", headers={"x-ms-client-request-id": "abc"})
    assert refused.headers["x-ms-client-request-id"] == "abc"


def test_an_instance_cannot_speak_for_the_gateway(serving: Serving, blue: Instance) -> None:
    blue.respond = reply(
        headers=(
            "azureml-model-deployment: green",
            "ms-azureml-model-error-statuscode: 500",
            "x-request-id: forged",
            "Keep-Alive: timeout=5",
            "Date: Thu, 01 Jan 1970 00:00:00 GMT",
        )
    )
    answer = serving.send()
    assert answer.headers["azureml-model-deployment"] == "blue"
    assert GUID.fullmatch(answer.headers["x-request-id"])
    assert "ms-azureml-model-error-statuscode" not in answer.headers
    assert "keep-alive" not in answer.headers
    assert "1970" not in answer.headers["date"]
    assert "," not in answer.headers["server"]


@pytest.mark.parametrize("path", ["/swagger.json", "/swagger.json?version=3", "/", "/v1/models"])
def test_every_path_is_the_container_s_and_needs_the_key(
    serving: Serving, blue: Instance, path: str
) -> None:
    blue.respond = reply(b'{"swagger": "2.0"}')
    assert serving.send("GET", path).json() == {"swagger": "2.0"}
    assert blue.received[0].line == f"GET {path} HTTP/1.1"
    assert blue.received[0].header("content-length") is None
    assert serving.send("GET", path, key=None).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_pass(serving: Serving, blue: Instance, method: str) -> None:
    assert serving.send(method).status_code == 200
    assert blue.received[0].line == f"{method} /score HTTP/1.1"


def test_head_has_a_length_and_no_body(serving: Serving, blue: Instance) -> None:
    def respond(connection: object, _received: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")  # type: ignore[attr-defined]

    blue.respond = respond
    with requests.Session() as session:
        for _ in range(2):  # the second would find a stray body
            answer = session.head(
                f"http://127.0.0.1:{serving.port}/score",
                headers={"Host": HOST, "Authorization": f"Bearer {KEYS[0]}"},
                timeout=5,
            )
            assert answer.status_code == 200
            assert answer.headers["content-length"] == "12"
    assert serving.send("HEAD", key="wrong").status_code == 401


# 401


@pytest.mark.parametrize("key", [None, "", "wrong", "primary-key "[:-2]])
def test_a_missing_or_wrong_key_is_401(serving: Serving, blue: Instance, key: str | None) -> None:
    answer = serving.send(key=key, data=b"{}")
    assert answer.status_code == 401
    assert answer.text.startswith("key_auth_")
    assert GUIDE in answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert GUID.fullmatch(answer.headers["x-request-id"])
    assert blue.received == []


def test_a_regenerated_key_replaces_the_old_one_at_once(serving: Serving, blue: Instance) -> None:
    serving.change(keys=("new", KEYS[1]))
    assert serving.send().status_code == 401
    assert serving.send(key="new").status_code == 200
    assert serving.send(key=KEYS[1]).status_code == 200


@pytest.mark.parametrize(
    ("mode", "audience"), [("AMLToken", ENDPOINT_ID), ("AADToken", "https://ml.azure.com")]
)
def test_tokens(serving: Serving, blue: Instance, mode: str, audience: str) -> None:
    serving.change(auth_mode=mode)
    serving.tokens["good", audience] = {"aud": audience}
    assert serving.send(key="good").status_code == 200
    for wrong in "bad", KEYS[0], None:
        assert serving.send(key=wrong).status_code == 401
    assert len(blue.received) == 1


# 404


def test_no_endpoint_at_this_host_is_404(serving: Serving, blue: Instance) -> None:
    serving.withdraw()
    answer = serving.send()
    assert answer.status_code == 404
    assert HOST in answer.text
    assert blue.received == []


def test_no_deployment_with_traffic_is_404(serving: Serving, blue: Instance) -> None:
    serving.change(traffic={"blue": 0})
    answer = serving.send()
    assert answer.status_code == 404
    assert answer.text.startswith("No valid deployments to route to.")
    assert "azureml-model-deployment" not in answer.headers
    assert serving.send(headers={"azureml-model-deployment": "blue"}).status_code == 200


def test_an_unknown_deployment_is_404(serving: Serving, blue: Instance) -> None:
    answer = serving.send(headers={"azureml-model-deployment": "purple"})
    assert answer.status_code == 404
    assert "'purple'" in answer.text
    assert "blue" in answer.text
    assert blue.received == []


# 408


def test_too_slow_is_408_and_the_work_is_abandoned(serving: Serving, instance: Make) -> None:
    slow = instance()
    slow.respond = until_hung_up(slow)
    serving.deploy("blue", slow, traffic=100, request_timeout_seconds=0.3)
    began = time.monotonic()
    answer = serving.send()
    assert time.monotonic() - began >= 0.3
    assert answer.status_code == 408
    assert answer.text.startswith("upstream request timeout")
    assert answer.headers["azureml-model-deployment"] == "blue"
    assert slow.hung_up.wait(5)
    slow.respond = reply()
    assert serving.send().status_code == 200, "its place is free again"
    assert not serving.busy


def test_time_spent_waiting_counts(serving: Serving, instance: Make) -> None:
    slow = instance(reply(after=0.4))
    serving.deploy("blue", slow, traffic=100, request_timeout_seconds=0.6)
    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(lambda _: serving.send().status_code, range(2)))
    # The second waits 0.4 s for the instance and then has 0.2 s of its 0.6 s left.
    assert statuses == [200, 408]


# 424


@pytest.mark.parametrize(
    "status", [201, 202, 204, 301, 304, 400, 401, 404, 408, 429, 500, 503, 599]
)
def test_anything_but_200_from_the_container_is_424(
    serving: Serving, blue: Instance, status: int
) -> None:
    body = b"" if status in (204, 304) else b'{"message": "no"}'
    blue.respond = reply(body, f"{status} Whatever")
    answer = serving.send(allow_redirects=False)
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == str(status)
    assert answer.headers["ms-azureml-model-error-reason"] == "model_error"
    assert answer.headers["azureml-model-deployment"] == "blue"
    assert answer.content == body


def test_no_instance_ready_is_424(serving: Serving) -> None:
    serving.deploy("blue", traffic=100)
    answer = serving.send()
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-reason"] == "model_not_ready"


def test_an_instance_that_is_gone_is_424(serving: Serving, blue: Instance) -> None:
    blue.close()
    answer = serving.send()
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-reason"] == "model_not_ready"
    assert not serving.busy


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"HTTP/1.1 200 OK\r\nContent-Le",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",),
        (b"hello\r\n\r\n",),
        (b"\x00\xff\x16\x03\x01",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nX: a\rEvil: b\r\nContent-Length: 0\r\n\r\n",),
    ],
)
def test_an_instance_that_dies_or_babbles_is_424(
    serving: Serving, blue: Instance, parts: tuple[bytes, ...]
) -> None:
    blue.respond = raw(*parts)
    answer = serving.send()
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "502"
    assert "evil" not in answer.headers
    blue.respond = reply()
    assert serving.send().status_code == 200
    assert not serving.busy


# 429


def test_more_than_twice_the_concurrency_is_429(serving: Serving, instance: Make) -> None:
    go = threading.Event()

    def respond(connection: object, received: object) -> None:
        go.wait(10)
        reply()(connection, received)  # type: ignore[arg-type]

    slow = instance(respond)
    serving.deploy("blue", slow, traffic=100, max_concurrent_requests_per_instance=3)
    with ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(serving.send) for _ in range(12)]
        # 3 under way, 3 waiting, and the other 6 refused while all of those still are.
        until(lambda: sum(one.done() for one in sent) == 6)  # six refusals
        refused = [one.result() for one in sent if one.done()]
        go.set()
        statuses = Counter(one.result().status_code for one in sent)
    assert statuses == {200: 6, 429: 6}
    assert {answer.headers["ms-azureml-model-error-reason"] for answer in refused} == {
        "too_many_pending_request"
    }
    assert slow.most == 3
    assert len(slow.received) == 6


def test_the_capacity_grows_with_the_instances(serving: Serving, instance: Make) -> None:
    both = instance(reply(after=0.2)), instance(reply(after=0.2))
    serving.deploy("blue", *both, traffic=100)
    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(lambda _: serving.send().status_code, range(8)))
    assert statuses == {200: 4, 429: 4}
    assert [one.most for one in both] == [1, 1]
    assert [len(one.received) for one in both] == [2, 2]


def test_a_deployment_s_fill_does_not_touch_another(serving: Serving, instance: Make) -> None:
    slow, quick = instance(), instance()
    slow.respond = until_hung_up(slow)
    serving.deploy("blue", slow, traffic=100, request_timeout_seconds=0.6)
    serving.deploy("green", quick)
    with ThreadPoolExecutor(2) as pool:
        sent = [pool.submit(serving.send) for _ in range(2)]
        until(lambda: slow.now == 1)  # the first is under way
        for _ in range(5):
            assert serving.send(headers={"azureml-model-deployment": "green"}).status_code == 200
        assert {one.result().status_code for one in sent} == {408}


def test_more_than_the_rate_is_429(serving: Serving, blue: Instance) -> None:
    serving.change(requests_per_second=5)
    # The first second may end in between: at most five more get through then.
    statuses = [serving.send().status_code for _ in range(20)]
    assert statuses[:5] == [200] * 5
    assert statuses.count(429) >= 10
    time.sleep(1)
    assert serving.send().status_code == 200


# Instances that come and go


def test_instances_take_turns(serving: Serving, instance: Make) -> None:
    three = instance(), instance(), instance()
    serving.deploy("blue", *three, traffic=100)
    for _ in range(30):
        assert serving.send().status_code == 200
    assert [len(one.received) for one in three] == [10, 10, 10]


def test_a_busy_instance_is_passed_over(serving: Serving, instance: Make) -> None:
    stuck, free = instance(), instance()
    stuck.respond = until_hung_up(stuck)
    serving.deploy("blue", stuck, traffic=100, request_timeout_seconds=1)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(serving.send)
        until(lambda: stuck.now == 1)  # the first is under way
        serving.serve_from(stuck, free, instance_count=2)
        assert [serving.send().status_code for _ in range(5)] == [200] * 5
        assert len(free.received) == 5
        assert pending.result().status_code == 408


def test_what_is_under_way_on_a_removed_instance_finishes(serving: Serving, instance: Make) -> None:
    old, new = instance(reply(b'"old"', after=0.4)), instance(reply(b'"new"'))
    serving.deploy("blue", old, traffic=100)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(serving.send)
        until(lambda: old.now == 1)  # the first is under way
        serving.serve_from(new)
        assert serving.send().json() == "new"
        assert serving.backend(old.port).under_way == 1
        assert first.result().json() == "old"
    assert not serving.busy


def test_who_waits_gets_an_instance_that_came(serving: Serving, instance: Make) -> None:
    old, new = instance(reply(b'"old"', after=0.4)), instance(reply(b'"new"'))
    serving.deploy("blue", old, traffic=100)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(serving.send)
        until(lambda: old.now == 1)  # the first is under way
        waiting = pool.submit(serving.send)
        time.sleep(0.1)
        serving.serve_from(new)
        assert first.result().json() == "old"
        assert waiting.result().json() == "new"


def test_who_waits_when_the_last_instance_goes_is_told(serving: Serving, instance: Make) -> None:
    old = instance(reply(after=0.3))
    serving.deploy("blue", old, traffic=100)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(serving.send)
        until(lambda: old.now == 1)  # the first is under way
        waiting = pool.submit(serving.send)
        time.sleep(0.1)
        serving.withdraw()
        assert first.result().status_code == 200
        answer = waiting.result()
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-reason"] == "model_not_ready"


def test_who_waits_at_a_deployment_that_is_closed_is_served(
    serving: Serving, instance: Make
) -> None:
    old = instance(reply(after=0.3))
    serving.deploy("blue", old, traffic=100)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(serving.send)
        until(lambda: old.now == 1)  # the first is under way
        waiting = pool.submit(serving.send)
        lane = serving.gateway.lane(HOST, "blue")
        until(lambda: len(lane.waiting[False]) == 1)  # the second waits
        serving.serve_from(old, is_open=False)
        assert serving.send().status_code == 424
        assert [first.result().status_code, waiting.result().status_code] == [200, 200]


def test_who_waits_learns_at_once_that_there_is_no_instance(
    serving: Serving, instance: Make
) -> None:
    release = threading.Event()
    old = instance(lambda connection, received: released(release, connection, received))
    serving.deploy("blue", old, traffic=100, request_timeout_seconds=60)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(serving.send)
        until(lambda: old.now == 1)  # the first is under way
        waiting = pool.submit(serving.send)
        lane = serving.gateway.lane(HOST, "blue")
        until(lambda: len(lane.waiting[False]) == 1)  # the second waits
        serving.serve_from()
        assert waiting.result().status_code == 424
        assert not first.done()
        release.set()
        assert first.result().status_code == 200


def released(event: threading.Event, connection: socket.socket, received: Received) -> None:
    """Answer once the event is set."""
    assert event.wait(PATIENCE)
    reply()(connection, received)


# Traffic


def test_traffic_is_shared_by_its_weights(serving: Serving, instance: Make) -> None:
    blue, green = instance(), instance()
    serving.deploy("blue", blue, traffic=80, max_concurrent_requests_per_instance=10)
    serving.deploy("green", green, traffic=20, max_concurrent_requests_per_instance=10)
    named = Counter(serving.send().headers["azureml-model-deployment"] for _ in range(400))
    assert (named["blue"], named["green"]) == (len(blue.received), len(green.received))
    # Five standard deviations about 80 of 400.
    assert abs(named["green"] - 80) < 5 * (400 * 0.2 * 0.8) ** 0.5


def test_fifty_clients_at_once(serving: Serving, instance: Make) -> None:
    def echo(connection: object, received: object) -> None:
        reply(received.body)(connection, received)  # type: ignore[attr-defined,arg-type]

    two = instance(echo), instance(echo)
    serving.deploy("blue", *two, traffic=100, max_concurrent_requests_per_instance=13)

    def client(number: int) -> set[int]:
        statuses = set()
        with requests.Session() as session:
            for turn in range(10):
                answer = session.post(
                    f"http://127.0.0.1:{serving.port}/score",
                    json=[number, turn],
                    headers={"Host": HOST, "Authorization": f"Bearer {KEYS[0]}"},
                    timeout=20,
                )
                statuses.add(answer.status_code)
                assert answer.json() == [number, turn], "each client gets its own answer"
        return statuses

    with ThreadPoolExecutor(50) as pool:
        assert set().union(*pool.map(client, range(50))) == {200}
    assert all(one.most <= 13 for one in two)
    everything = [json.loads(received.body) for one in two for received in one.received]
    assert sorted(everything) == [[number, turn] for number in range(50) for turn in range(10)]


# Mirror traffic


def test_mirror_traffic_gets_copies_that_nobody_sees(serving: Serving, instance: Make) -> None:
    blue, green = instance(reply(b'"blue"')), instance(reply(b'"green"', "500 No"))
    serving.deploy("blue", blue, traffic=100)
    serving.deploy("green", green, max_concurrent_requests_per_instance=200)
    serving.change(mirror_traffic={"green": 50})
    for number in range(200):
        answer = serving.send(json=number)
        assert (answer.status_code, answer.json()) == (200, "blue")
        assert answer.headers["azureml-model-deployment"] == "blue"
    until(lambda: not serving.busy)  # the copies are answered
    assert len(blue.received) == 200
    # Five standard deviations about 100 of 200.
    assert abs(len(green.received) - 100) < 5 * (200 * 0.25) ** 0.5
    bodies = {received.body for received in blue.received}
    assert {received.body for received in green.received} < bodies


def test_a_request_for_a_named_deployment_is_not_mirrored(serving: Serving, instance: Make) -> None:
    blue, green = instance(), instance()
    serving.deploy("blue", blue, traffic=100)
    serving.deploy("green", green)
    serving.change(mirror_traffic={"green": 50})
    for _ in range(40):
        assert serving.send(headers={"azureml-model-deployment": "blue"}).status_code == 200
    time.sleep(0.1)
    assert (len(blue.received), len(green.received)) == (40, 0)


@pytest.mark.parametrize("kind", ["stuck", "gone", "unready"])
def test_a_bad_mirror_harms_nobody(serving: Serving, instance: Make, kind: str) -> None:
    blue, green = instance(), instance()
    green.respond = until_hung_up(green)
    serving.deploy("blue", blue, traffic=100)
    serving.deploy("green", *([] if kind == "unready" else [green]), request_timeout_seconds=30)
    serving.change(mirror_traffic={"green": 50})
    if kind == "gone":
        green.close()
    assert [serving.send().status_code for _ in range(60)] == [200] * 60
    assert not green.hung_up.is_set(), "no answer waited until a mirrored request's time was up"


def test_copies_do_not_count_against_live_requests(serving: Serving, instance: Make) -> None:
    blue, green = instance(), instance()
    serving.deploy("blue", blue, traffic=100)
    serving.deploy("green", green, max_concurrent_requests_per_instance=2)
    stuck = until_hung_up(green)
    green.respond = lambda connection, received: (
        stuck(connection, received) if received.body == b"copy" else reply()(connection, received)
    )
    serving.change(mirror_traffic={"green": 50})
    while green.now == 0:
        serving.send(data=b"copy")
    serving.change(mirror_traffic={})
    lane = serving.gateway.lane(HOST, "green")
    copies = lane.under_way[True] + len(lane.waiting[True])
    assert copies >= 1
    assert lane.under_way[False] == 0
    assert len(lane.waiting[False]) == 0
