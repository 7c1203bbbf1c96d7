"""The minutes that are stored, and the series that are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.arm.readings import Reading
from emulator.data_plane.traffic_counts import TrafficCounts
from emulator.services.monitor.metric_catalogue import metrics_of
from emulator.services.monitor.metric_query import read_query
from emulator.services.monitor.metric_recorder import MetricRecorder
from emulator.services.monitor.metric_series import SeriesReader
from emulator.store import Store

ENDPOINT_TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
ENDPOINT = f"/subscriptions/s/resourceGroups/g/providers/{ENDPOINT_TYPE[:-16]}/w/onlineEndpoints/E"
APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/a"
BEGAN = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = BEGAN.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(tmp_path: Path, clock: Clock) -> Iterator[MetricRecorder]:
    store = Store(tmp_path / "store.db")
    yield MetricRecorder(store, TrafficCounts(clock), (), clock=clock)
    store.close()


def asked(
    recorder: MetricRecorder, resource: str, kind: str, name: str, **query: str
) -> dict[str, Any]:
    end = datetime.fromtimestamp(recorder.clock(), UTC) + timedelta(seconds=1)
    metric = next(one for one in metrics_of(kind) if one.name == name)
    asked_for = read_query(query, span=(BEGAN, end))
    return SeriesReader(recorder, resource, asked_for).answer(metric)


def numbers(found: dict[str, Any], aggregation: str = "average") -> dict[tuple[str, ...], Any]:
    """The values of each series, by its metadata's values."""
    return {
        tuple(one["value"] for one in series["metadatavalues"]): [
            point.get(aggregation) for point in series["data"]
        ]
        for series in found["timeseries"]
    }


def score(recorder: MetricRecorder, deployment: str, status: str, *milliseconds: float) -> None:
    for one in milliseconds:
        labels = (deployment, status, "200" if status == "200" else "")
        recorder.counts.answered(ENDPOINT, labels, one / 1000, 100)


def test_a_minute_is_the_same_before_and_after_it_is_stored_and_added_to(
    recorder: MetricRecorder, clock: Clock
):
    for step in range(4):
        score(recorder, "blue", "200", *[10.0] * 90, *[100.0] * 10)
        if step % 2:
            recorder.save(())
    found = asked(recorder, ENDPOINT, ENDPOINT_TYPE, "RequestsPerMinute")
    assert numbers(found) == {(): [400]}
    for part, value in ((50, 10), (90, 10), (95, 100), (99, 100)):
        found = asked(recorder, ENDPOINT.upper(), ENDPOINT_TYPE, f"RequestLatency_P{part}")
        assert numbers(found)[()] == [pytest.approx(value, rel=0.011)]
    found = asked(recorder, ENDPOINT, ENDPOINT_TYPE, "RequestLatency")
    assert numbers(found)[()] == [pytest.approx(19)]
    found = asked(recorder, ENDPOINT, ENDPOINT_TYPE, "NetworkBytes")
    assert numbers(found)[()] == [pytest.approx(40_000 / 60)]


def test_steps_of_several_minutes_and_minutes_without_anything(
    recorder: MetricRecorder, clock: Clock
):
    score(recorder, "blue", "200", 1, 1, 1, 1)
    clock.now += 120
    score(recorder, "blue", "200", 3, 3)
    recorder.save(())
    kind, name = ENDPOINT_TYPE, "RequestsPerMinute"
    assert numbers(asked(recorder, ENDPOINT, kind, name))[()] == [4, None, 2]
    assert numbers(asked(recorder, ENDPOINT, kind, name, interval="PT5M"))[()] == [3]
    assert numbers(asked(recorder, ENDPOINT, kind, name, interval="FULL"))[()] == [3]
    full = asked(recorder, ENDPOINT, kind, "RequestLatency", interval="FULL")
    assert numbers(full)[()] == [pytest.approx(10 / 6)]


def test_dimensions_split_choose_and_roll_up(recorder: MetricRecorder):
    score(recorder, "blue", "200", 1, 1, 1)
    score(recorder, "blue", "424", 1)
    score(recorder, "green", "200", 1, 1)
    score(recorder, "", "401", 1)

    def split(filter: str, **more: str) -> dict[tuple[str, ...], Any]:
        query = {"$filter": filter, **more}
        return numbers(asked(recorder, ENDPOINT, ENDPOINT_TYPE, "RequestsPerMinute", **query))

    assert split("deployment eq '*'") == {("",): [1], ("blue",): [4], ("green",): [2]}
    assert split("statusCodeClass eq '*'") == {("2xx",): [5], ("4xx",): [2]}
    assert split("statusCode sw '4' and deployment eq '*'") == {
        ("401", ""): [1],
        ("424", "blue"): [1],
    }
    assert split("Deployment eq 'BLUE' and modelStatusCode eq '200'") == {("blue", "200"): [3]}
    assert split("deployment eq 'blue' or deployment eq 'green'", rollupby="deployment") == {
        (): [6]
    }
    assert split("deployment eq 'red'") == {}
    assert list(split("deployment eq '*'", top="2", orderby="average desc")) == [
        ("blue",),
        ("green",),
    ]
    only = asked(
        recorder,
        ENDPOINT,
        ENDPOINT_TYPE,
        "RequestsPerMinute",
        **{"$filter": "deployment eq '*'", "resultType": "Metadata"},
    )
    assert len(only["timeseries"]) == 3
    assert all(set(one) == {"metadatavalues"} for one in only["timeseries"])


def test_gauges_have_a_least_and_a_most(recorder: MetricRecorder):
    for value in (1.0, 5.0, 3.0):
        recorder.save([Reading(APP, "Replicas", ("a--1",), value)])
    recorder.save([Reading(APP, "Replicas", ("a--2",), 7.0)])
    query = {"aggregation": "Minimum,Maximum,Average,Total", "$filter": "revisionName eq 'a--1'"}
    found = asked(recorder, APP, "Microsoft.App/containerApps", "Replicas", **query)
    (point,) = found["timeseries"][0]["data"]
    expected = {"minimum": 1, "maximum": 5, "average": 3, "total": 9}
    assert {name: point[name] for name in expected} == expected


def test_what_cannot_be_aggregated_so_says_so(recorder: MetricRecorder):
    found = asked(recorder, ENDPOINT, ENDPOINT_TYPE, "RequestsPerMinute", aggregation="Total")
    assert (found["errorCode"], found["timeseries"]) == ("InvalidSamplingType", [])


def test_what_is_older_than_azure_keeps_it_goes(recorder: MetricRecorder, clock: Clock):
    score(recorder, "blue", "200", 1)
    recorder.save(())
    clock.now += timedelta(days=92).total_seconds()
    score(recorder, "blue", "200", 1)
    recorder.save(())
    assert recorder.store.query("SELECT count(*) FROM metrics")[0][0] == 4
    clock.now += timedelta(days=2).total_seconds()
    score(recorder, "blue", "200", 1)
    recorder.save(())
    assert recorder.store.query("SELECT min(minute) FROM metrics")[0][0] > BEGAN.timestamp() / 60
