"""The tab Test: one request to the endpoint, and all that it answers.

https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import RefusedError
from portal.machine_learning.consuming import secrets_of
from portal.machine_learning.endpoint import Endpoint, OnlineEndpoints
from portal.machine_learning.snippets import EXAMPLE, curl, python
from portal.pages import Pages, text_field

NUMBERS = re.compile(r"\[\n[-+.,\deE\s]+\n\s*\]")
DEPLOYMENT = "azureml-model-deployment"
# Beginnings of headers that say what became of a request.
TELLING = ("azureml-", "ms-azureml-", "x-ms-", "x-request-id", "retry-after", "www-authenticate")
# https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes
MEANINGS = {
    401: "The key or token does not open this endpoint.",
    404: "No deployment takes this request: none has traffic, or none has the name asked for.",
    408: "The deployment did not answer within its request timeout.",
    424: "The deployment answered with an error of its own, or no instance of it is ready.",
    429: "More requests at once than the deployment's instances take, or too many a second.",
}


@dataclass(frozen=True)
class ScoringAnswer:
    """What an endpoint answered to one request."""

    status: int
    milliseconds: int
    headers: dict[str, str]
    body: str

    @property
    def deployment(self) -> str:
        return self.headers.get(DEPLOYMENT, "")

    @property
    def meaning(self) -> str:
        return MEANINGS.get(self.status, "")


class Testing:
    ROUTES = (
        ("GET", "/machine-learning/endpoints/{name}/test", "show"),
        ("POST", "/machine-learning/endpoints/{name}/test", "send"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.endpoints = OnlineEndpoints(pages)

    async def show(self, request: Request) -> Response:
        return await self._page(request)

    async def send(self, request: Request) -> Response:
        form = await request.form()
        body, deployment = text_field(form, "body"), text_field(form, "deployment")
        endpoint = await self.endpoints.of(request)
        try:
            answer = await self._score(endpoint, body, deployment)
        except RefusedError as refusal:
            return await self._page(request, body, deployment, refusal=refusal)
        return await self._page(request, body, deployment, answer)

    async def _score(self, endpoint: Endpoint, body: str, deployment: str) -> ScoringAnswer:
        secrets = await secrets_of(self.azure, endpoint)
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {secrets.get('primaryKey') or secrets.get('accessToken')}",
            **({DEPLOYMENT: deployment} if deployment else {}),
        }
        before = time.perf_counter()
        answer = await self.azure.request("POST", endpoint.scoring_uri, headers, body.encode())
        took = round((time.perf_counter() - before) * 1000)
        told = {
            name.lower(): value
            for name, value in answer.headers.items()
            if name.lower().startswith(TELLING)
        }
        return ScoringAnswer(answer.status_code, took, told, pretty(answer.text()))

    async def _page(
        self,
        request: Request,
        body: str = "",
        deployment: str = "",
        answer: ScoringAnswer | None = None,
        refusal: RefusedError | None = None,
    ) -> Response:
        endpoint, deployments = await self.endpoints.with_deployments(request)
        return self.pages.render(
            request,
            "machine_learning/test.html",
            endpoint=endpoint,
            names=[("", "As traffic decides"), *((one.name, one.name) for one in deployments)],
            body=body or EXAMPLE,
            deployment=deployment,
            answer=answer,
            refusal=refusal,
            curl=curl(endpoint, body, deployment) if body else "",
            python=python(endpoint, body, deployment) if body else "",
        )


def pretty(text: str) -> str:
    """Return JSON indented, with lists of numbers on one line, and other text as it is."""
    try:
        shown = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
    return NUMBERS.sub(
        lambda found: " ".join(found[0].split()).replace("[ ", "[")[:-2] + "]", shown
    )
