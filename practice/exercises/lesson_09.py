"""Exercises of lesson 09: watching a deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from azure.ai.ml.entities import OnlineEndpoint
from azure.mgmt.monitor import MonitorManagementClient
from numpy.typing import NDArray

from practice.exercises.checks import Verdict, exercise, right, wrong
from practice.post_office import BRIGHTEST, slipped

Images = NDArray[np.floating]
Values = Mapping[str, Sequence[float]]

NEAR = 0.3  # per cent
NOTES = ("ink", "down", "across", "digit", "sure")
DAY = 50  # digits
ORDINARY_DAYS, CHANGED_DAYS = 60, 5
LEAST_TELLING = 1.0


@exercise(
    "read(endpoint.id, 'RequestsPerMinute', split_by='statusCode') has the numbers of each minute.",
    "Add up the minutes of each status. The share is of all requests, not of those with 200.",
    solution="""
    by_status = read(endpoint.id, "RequestsPerMinute", split_by="statusCode")
    sums = {status: sum(minutes.values()) for status, minutes in by_status.items()}
    refused_percent = 100 * sums["424"] / sum(sums.values())
    """,
)
def refused_share(
    monitor: MonitorManagementClient, endpoint: OnlineEndpoint, began: datetime, answer: object
) -> Verdict:
    """The share of 424 among all requests since the lesson began, in per cent, by Azure Monitor."""
    if isinstance(answer, bool) or not isinstance(answer, int | float | np.number):
        return wrong("refused_percent", answer, "It should be a number.")
    counts = _requests_by_status(monitor, str(endpoint.id), began)
    share = 100 * counts.get("424", 0.0) / sum(counts.values())
    if abs(float(answer) - share) <= NEAR:
        return right(f"{share:.1f} of 100 requests were refused.")
    if abs(100 * float(answer) - share) <= NEAR:
        return wrong("refused_percent", answer, "That is the share. How many per cent is it?")
    return wrong(
        "refused_percent",
        answer,
        "Add up each status over all minutes, then divide by the sum of all.",
    )


@exercise(
    "How high does the PSI of 50 ordinary digits get by chance? Try some days: "
    "drift(measures(split.test_images[:50])), then [50:100], and so on.",
    "Chance hardly ever reaches 0.5; a real change here is about 0.8 or more.",
    solution="""
    def small_alarm(values):
        return alarm(values, limit=0.6)
    """,
)
def quiet_days(
    small_alarm: object, measures: Callable[[Images], Values], images: Images
) -> Verdict:
    """The alarm is quiet on ordinary days of 50 digits, and rings on each changed one."""
    if not callable(small_alarm):
        return wrong("small_alarm", small_alarm, "It should be a function of the day's values.")
    random = np.random.default_rng(9)

    def rings(change: Callable[[Images], Images]) -> bool:
        day = images[random.choice(len(images), DAY, replace=False)]
        return bool(small_alarm(measures(change(day))))

    false = sum(rings(lambda day: day) for _ in range(ORDINARY_DAYS))
    for change, what in (
        (slipped, "slipped and darker"),
        (_lower, "a pixel lower"),
        (_darker, "darker"),
    ):
        heard = sum(rings(change) for _ in range(CHANGED_DAYS))
        if heard < CHANGED_DAYS:
            return wrong(
                f"The number of alarms on {CHANGED_DAYS} days with digits {what}",
                heard,
                "It should ring on each of them.",
            )
    if false:
        return wrong(
            f"The number of alarms on {ORDINARY_DAYS} ordinary days",
            false,
            "Nobody believes such an alarm for long. What does chance do to 50 digits?",
        )
    return right("It rings when it should, and nobody is woken for nothing.")


def third_client(images: Images) -> Images:
    """Return the digits of a third client: the camera hangs on its side, and mirrors."""
    return np.ascontiguousarray(images.transpose(0, 2, 1))


@exercise(
    "The endpoint's answer has what the last two notes are made of. What does the model name here?",
    "Ask about training digits, too: psi(named for training digits, named for third).",
    solution="""
    def named(images):
        return [each["digit"] for each in ask(images).json()["predictions"]]

    telling = "digit"
    its_psi = psi(named(split.train_images[:500]), named(third))
    """,
)
def silent_alarm(telling: object, its_psi: object) -> Verdict:
    """The digits that the model names have changed most, and by far."""
    if telling not in NOTES:
        return wrong("telling", telling, f"It should be one of {', '.join(NOTES)}.")
    if isinstance(its_psi, bool) or not isinstance(its_psi, int | float | np.number):
        return wrong("its_psi", its_psi, "It should be a number.")
    if telling != "digit":
        return wrong("telling", telling, "Another one has changed far more.")
    if float(its_psi) < LEAST_TELLING:
        return wrong(
            "its_psi",
            its_psi,
            "It is larger. The first list belongs to training digits, the second to third.",
        )
    return right("The model names a few digits all the time. Watch answers as well as inputs.")


def _requests_by_status(
    monitor: MonitorManagementClient, endpoint_id: str, began: datetime
) -> dict[str, float]:
    now = datetime.now(UTC)
    answer = monitor.metrics.list(
        endpoint_id,
        metricnames="RequestsPerMinute",
        aggregation="average",
        interval="PT1M",
        timespan=f"{began:%Y-%m-%dT%H:%M:%SZ}/{now:%Y-%m-%dT%H:%M:%SZ}",
        filter="statusCode eq '*'",
    )
    return {
        str(label.value): sum(point.average or 0.0 for point in series.data or [])
        for metric in answer.value
        for series in metric.timeseries
        for label in series.metadatavalues or []
    }


def _lower(images: Images) -> Images:
    lower = np.zeros_like(images)
    lower[:, 1:] = images[:, :-1]
    return lower


def _darker(images: Images) -> Images:
    return np.clip(images * 2, 0, np.float32(BRIGHTEST))
