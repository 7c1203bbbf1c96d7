"""The tab Monitoring: requests, latency and errors of an endpoint, live and for the past hour.

https://learn.microsoft.com/azure/machine-learning/how-to-monitor-online-endpoints
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from portal.machine_learning.endpoint import OnlineEndpoints
from portal.metrics import Line, chart_of, read_metrics
from portal.pages import Pages

REQUESTS = "RequestsPerMinute"
# Metric -> as the page calls it.
LATENCY = {
    "RequestLatency_P50": "p50",
    "RequestLatency_P95": "p95",
    "RequestLatency_P99": "p99",
}
SPANS = {"PT15M": "Last 15 minutes", "PT1H": "Last hour"}
Lines = Sequence[Line]
NO_DEPLOYMENT = "no deployment"  # requests that never came to one: 401, 404


@dataclass(frozen=True)
class Summary:
    """A deployment's requests in the span; `latency` in milliseconds, by metric."""

    deployment: str
    requests: float
    errors: float
    latency: dict[str, float | None]


class Monitoring:
    ROUTES = (("GET", "/machine-learning/endpoints/{name}/monitoring", "show"),)

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.endpoints = OnlineEndpoints(pages)

    async def show(self, request: Request) -> Response:
        endpoint = await self.endpoints.of(request)
        asked = request.query_params.get("span", "")
        span = asked if asked in SPANS else "PT1H"

        async def read(names: str, *split: str, interval: str = "PT1M") -> dict[str, Lines]:
            found = await read_metrics(
                self.azure, endpoint.id, names, split=split, timespan=span, interval=interval
            )
            return {one.name: one.lines for one in found}

        latencies = ",".join(LATENCY)
        minutes, statuses, whole = await asyncio.gather(
            read(f"{REQUESTS},{latencies}", "deployment"),
            read(REQUESTS, "statusCode", "deployment"),
            read(latencies, "deployment", interval="FULL"),
        )
        requests = {deployment_of(one): one for one in minutes[REQUESTS]}
        errors = {
            f"{one.dimensions['statuscode']} {deployment_of(one)}": one
            for one in statuses[REQUESTS]
            if one.dimensions["statuscode"] >= "400"
        }
        charts = [
            chart_of("Requests", "a minute, by deployment", requests),
            chart_of("Errors", "a minute, by status and deployment", errors),
        ]
        for name in requests:
            lines = {words: line_of(minutes[one], name) for one, words in LATENCY.items()}
            if name != NO_DEPLOYMENT:
                charts.append(chart_of(f"Latency of {name}", "milliseconds", lines))
        summaries = [
            Summary(
                name,
                line.sum,
                sum(one.sum for one in errors.values() if deployment_of(one) == name),
                {one: next(iter(line_of(whole[one], name).points.values()), None) for one in whole},
            )
            for name, line in requests.items()
        ]
        return self.pages.render(
            request,
            "machine_learning/monitoring.html",
            endpoint=endpoint,
            spans=SPANS,
            span=span,
            charts=charts,
            summaries=summaries,
            latency=LATENCY,
        )


def deployment_of(line: Line) -> str:
    return line.dimensions.get("deployment") or NO_DEPLOYMENT


def line_of(lines: Lines, deployment: str) -> Line:
    """Return a deployment's line, an empty one where it has none."""
    return next((one for one in lines if deployment_of(one) == deployment), Line({}, {}))
