"""Azure's REST API, with the credential that DefaultAzureCredential finds.

https://learn.microsoft.com/rest/api/azure/
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline import policies
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.identity.aio import DefaultAzureCredential

MANAGEMENT = "https://management.azure.com"
NAME = "portal/1.0"  # in the User-Agent, as Azure's logs show it
# By namespace, or by type where one differs.
API_VERSIONS = {
    "Microsoft.Resources": "2021-04-01",
    "Microsoft.MachineLearningServices": "2024-10-01",
    "Microsoft.ContainerInstance": "2023-05-01",
    "Microsoft.ContainerRegistry": "2023-07-01",
    "Microsoft.App": "2025-01-01",
    "Microsoft.Storage": "2023-05-01",
    "Microsoft.Insights": "2018-01-01",
}
Json = dict[str, Any]
Client = AsyncPipelineClient[HttpRequest, AsyncHttpResponse]


class RefusedError(Exception):
    """Azure refused a request: its HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.status = status
        self.code = code
        self.message = message


class Azure:
    """One connection to Azure, for all pages."""

    def __init__(self, credential: DefaultAzureCredential | None = None) -> None:
        self.credential = credential or DefaultAzureCredential()
        # Two attempts: a page that waits says less than one that tells what is wrong. Other
        # addresses get one, since what they answer is what somebody wants to see.
        retry = policies.AsyncRetryPolicy(retry_total=1, retry_backoff_factor=0.1)
        sign = policies.AsyncBearerTokenCredentialPolicy(self.credential, f"{MANAGEMENT}/.default")
        self.resource_manager: Client = AsyncPipelineClient(
            MANAGEMENT, policies=[*_identify(), retry, sign]
        )
        self.others: Client = AsyncPipelineClient("", policies=_identify())

    async def close(self) -> None:
        await self.resource_manager.close()
        await self.others.close()
        await self.credential.close()

    async def get(self, path: str, version: str = "", **query: str) -> Json:
        """Return what is at this path. Raises RefusedError."""
        answer = await self.send("GET", path, version, query=query)
        return body_of(answer)

    async def find(self, path: str, version: str = "", **query: str) -> Json | None:
        """Return what is at this path, or None where nothing is. Raises RefusedError."""
        try:
            return await self.get(path, version, **query)
        except RefusedError as refusal:
            if refusal.status == 404:
                return None
            raise

    async def find_all(self, path: str, version: str = "", **query: str) -> list[Json]:
        """As `list`, but no items where what they belong to is gone. Raises RefusedError."""
        try:
            return await self.list(path, version, **query)
        except RefusedError as refusal:
            if refusal.status == 404:
                return []
            raise

    async def list(self, path: str, version: str = "", **query: str) -> list[Json]:
        """Return all items of a list, whatever pages it comes in. Raises RefusedError."""
        return [item async for item in self._items(path, version, query)]

    async def _items(
        self, path: str, version: str, query: Mapping[str, str]
    ) -> AsyncIterator[Json]:
        page = await self.get(path, version, **query)
        while True:
            for item in page.get("value") or []:
                yield item
            following = page.get("nextLink")
            if not following:
                return
            answer = await self._run(self.resource_manager, HttpRequest("GET", following))
            page = body_of(answer)

    async def send(
        self,
        method: str,
        path: str,
        version: str = "",
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
    ) -> AsyncHttpResponse:
        """Return Resource Manager's answer to one request. Raises RefusedError.

        `path` begins with /subscriptions; `version` is needed where API_VERSIONS has none for it.
        """
        if not path.startswith("/subscriptions") or {".", ".."} & set(path.split("/")):
            # What does not begin with a slash would be a part of the host's name, and dots lead to
            # another resource than the one that was asked for.
            raise RefusedError(400, "InvalidResourceId", f"{path} is not the id of a resource.")
        params = {"api-version": version or version_for(path), **(query or {})}
        request = HttpRequest(method, MANAGEMENT + path, params=params, json=body)
        return await self._run(self.resource_manager, request)

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> AsyncHttpResponse:
        """Return the answer of any address of Azure's, whatever its status. Raises RefusedError
        where there is no answer, and for what no header may hold."""
        request = HttpRequest(method, url, headers=dict(headers), content=content)
        try:
            answer = await self.others.send_request(request)
        except AzureError as error:
            raise no_answer(error) from None
        except ValueError as error:
            raise RefusedError(400, "", str(error)) from None
        return answer

    async def _run(self, client: Client, request: HttpRequest) -> AsyncHttpResponse:
        try:
            answer = await client.send_request(request)
            answer.raise_for_status()
        except HttpResponseError as error:
            raise refusal_of(error) from None
        except AzureError as error:
            raise no_answer(error) from None
        return answer


def _identify() -> list[Any]:
    return [policies.RequestIdPolicy(), policies.UserAgentPolicy(NAME)]


def version_for(path: str) -> str:
    """Return the api-version for a path, by its last provider's namespace."""
    _, _, provider = path.rpartition("/providers/")
    return API_VERSIONS.get(provider.partition("/")[0], API_VERSIONS["Microsoft.Resources"])


def body_of(answer: AsyncHttpResponse) -> Json:
    """Return an answer's JSON object, or an empty one where there is no body."""
    found = answer.json() if answer.content else {}
    return found if isinstance(found, dict) else {"value": found}


def refusal_of(error: HttpResponseError) -> RefusedError:
    """Read the body that Azure gives an error.

    https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors
    """
    answer = error.response
    status = error.status_code or 0
    detail: Any = None
    with suppress(Exception):
        detail = json.loads(answer.text()) if answer is not None else None
    found = detail.get("error", detail) if isinstance(detail, dict) else None
    if isinstance(found, dict) and (found.get("code") or found.get("message")):
        return RefusedError(status, str(found.get("code", "")), str(found.get("message", "")))
    return RefusedError(status, "", f"{status} {error.reason or ''}".strip())


def no_answer(error: AzureError) -> RefusedError:
    message = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
    if "AZURE_LOCAL_PROXY" in os.environ:
        message = f"Local Azure does not answer. Is it running? ({message})"
    return RefusedError(0, "", message)
