"""The tab Consume: where the endpoint answers, and with which keys or tokens.

https://learn.microsoft.com/rest/api/azureml/online-endpoints/list-keys
https://learn.microsoft.com/rest/api/azureml/online-endpoints/get-token
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Azure, Json, RefusedError, body_of
from portal.machine_learning.endpoint import Endpoint, OnlineEndpoints
from portal.machine_learning.snippets import EXAMPLE, curl, python
from portal.pages import Pages, text_field

# https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-online-endpoint
ENTRA_SCOPE = "https://ml.azure.com/.default"


async def secrets_of(azure: Azure, endpoint: Endpoint) -> Json:
    """Return the endpoint's keys, or a token for it, as Azure answers. Raises RefusedError."""
    if endpoint.auth_mode == "Key":
        return body_of(await azure.send("POST", f"{endpoint.id}/listKeys"))
    if endpoint.auth_mode == "AMLToken":
        return body_of(await azure.send("POST", f"{endpoint.id}/token"))
    token = await azure.credential.get_token(ENTRA_SCOPE)
    return {"accessToken": token.token, "expiryTimeUtc": token.expires_on}


class Consuming:
    ROUTES = (
        ("GET", "/machine-learning/endpoints/{name}/consume", "show"),
        ("POST", "/machine-learning/endpoints/{name}/consume", "reveal"),
        ("POST", "/machine-learning/endpoints/{name}/regenerate", "regenerate"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.endpoints = OnlineEndpoints(pages)

    async def show(self, request: Request) -> Response:
        return self._page(request, await self.endpoints.of(request))

    async def reveal(self, request: Request) -> Response:
        """The same with keys or a token; a POST, so that no link shows them."""
        endpoint = await self.endpoints.of(request)
        try:
            return self._page(request, endpoint, await secrets_of(self.azure, endpoint))
        except RefusedError as refusal:
            return self._page(request, endpoint, refusal=refusal)

    async def regenerate(self, request: Request) -> Response:
        endpoint = await self.endpoints.of(request)
        kind = text_field(await request.form(), "kind")
        title = f"Regenerate {kind.lower()} key of {endpoint.name}"
        link = endpoint.page("/consume")
        path, body = f"{endpoint.id}/regenerateKeys", {"keyType": kind}
        try:
            await self.pages.operations.change("POST", path, body, title=title, link=link)
        except RefusedError as refusal:
            self.pages.say(title, str(refusal), failed=True, link=link)
        return self.pages.see(request, link)

    def _page(
        self,
        request: Request,
        endpoint: Endpoint,
        secrets: Json | None = None,
        refusal: RefusedError | None = None,
    ) -> Response:
        return self.pages.render(
            request,
            "machine_learning/consume.html",
            endpoint=endpoint,
            secrets=secrets or {},
            expires=expiry_of(secrets or {}),
            refusal=refusal,
            python=python(endpoint, EXAMPLE),
            curl=curl(endpoint, EXAMPLE),
        )


def expiry_of(secrets: Json) -> datetime | None:
    seconds = secrets.get("expiryTimeUtc")
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
