"""The resource provider of the request log, which local Azure has and live Azure has not.

GET .../requests             the newest first, without bodies; what is asked for below
GET .../requests/{sequence}  one, with its bodies
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from emulator.arm.errors import ArmError, bad_request
from emulator.arm.exchange import ArmExchange
from emulator.arm.fields import shown
from emulator.arm.http import MANAGEMENT, ArmRequest, ArmResponse
from emulator.services.request_log.entry import entry, whole
from emulator.services.request_log.recent import READS, RecentRequests

PROVIDER = "LocalAzure.RequestLog"
REQUESTS = f"/subscriptions/{{subscriptionId}}/providers/{PROVIDER}/requests"
PAGE, LARGEST_PAGE = 100, 500
_WITHIN = f"/providers/{PROVIDER.lower()}/"
Shown = Mapping[str, Any]
Test = Callable[[Shown], bool]


class Requests:
    ROUTES = (
        ("GET", REQUESTS, "list"),
        ("GET", REQUESTS + "/{sequence}", "get"),
    )

    def __init__(self, recent: RecentRequests) -> None:
        self.recent = recent

    def log(self, exchange: ArmExchange) -> None:
        """Keep a request, unless it is for this log."""
        if _WITHIN not in exchange.path.lower():
            self.recent.add(exchange)

    async def list(self, request: ArmRequest) -> ArmResponse:
        """after, before    sequences between which the requests are
        top              at most so many, 100 where nothing is said, at most 500
        method           one or several: PUT,PATCH
        caller           the client's id in its token
        kernel           the kernel's name, or the notebook's
        text             what is in the URL, the operation, the client, the notebook or the error
        exclude          leaves out what a client with this word in its name has read

        The answer also has `lastSequence`, of whatever came last, to ask `after`, and `notebooks`,
        all whose requests are in the log.
        """
        after, before = _number(request, "after", 0), _number(request, "before", 0)
        top = min(_number(request, "top", PAGE), LARGEST_PAGE)
        tests = _tests(request.query)
        found: list[Shown] = []
        more = False
        for sequence, exchange in self.recent.newest_first():
            if sequence <= after:
                break
            if before and sequence >= before:
                continue
            one = entry(exchange, f"{request.id}/{sequence}")
            if all(test(one) for test in tests):
                if len(found) == top:
                    more = True
                    break
                found.append(one)
        body: dict[str, Any] = {
            "value": found,
            "lastSequence": self.recent.last,
            "notebooks": self.recent.notebooks(),
        }
        if more and found:
            query = {**request.query, "before": str(found[-1]["sequence"])}
            body["nextLink"] = f"{MANAGEMENT}{quote(request.id)}?{urlencode(query)}"
        return ArmResponse(body)

    async def get(self, request: ArmRequest) -> ArmResponse:
        text = request.params["sequence"]
        exchange = self.recent.find(int(text)) if re.fullmatch(r"\d{1,18}", text, re.A) else None
        if exchange is None:
            raise ArmError(
                404,
                "RequestNotFound",
                f"The request log has no request {shown(text)}: it has the newest alone.",
            )
        return ArmResponse(whole(exchange, request.id))


def _tests(query: Mapping[str, str]) -> tuple[Test, ...]:
    return tuple(_TESTS[name](query[name].strip().lower()) for name in _TESTS if query.get(name))


def _by_method(text: str) -> Test:
    methods = {method.strip() for method in text.split(",")}
    return lambda one: one["method"].lower() in methods


def _by_caller(text: str) -> Test:
    return lambda one: one["caller"].lower() == text


def _by_kernel(text: str) -> Test:
    return lambda one: text in (one["kernel"], one["notebook"].lower())


def _by_text(text: str) -> Test:
    def holds(one: Shown) -> bool:
        texts = [one["url"], one["method"], one["client"], one["notebook"], str(one["status"])]
        texts += [*one["operationName"].values(), *one.get("error", {}).values()]
        return any(text in part.lower() for part in texts)

    return holds


def _excluding(text: str) -> Test:
    return lambda one: (
        one["method"] not in READS or text not in one["client"].partition("/")[0].lower()
    )


_TESTS: dict[str, Callable[[str], Test]] = {
    "method": _by_method,
    "caller": _by_caller,
    "kernel": _by_kernel,
    "text": _by_text,
    "exclude": _excluding,
}


def _number(request: ArmRequest, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise bad_request(f"{name} must be a number, not {shown(text)}.", code="BadRequest")
    return int(text)
