"""A registry's login server, {registry}.azurecr.io.

https://learn.microsoft.com/rest/api/containerregistry/
https://distribution.github.io/distribution/spec/api/

What is in the registry is what this machine's container runtime has under the registry's name, so
layers are neither pushed nor pulled here.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from emulator.arm.forms import read_form
from emulator.containers.runtime import ContainerRuntime, Image
from emulator.services.container_registry.access import Access, basic
from emulator.store import Resource

_NAME = r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
NOT_EMULATED = (
    "Local Azure does not push or pull layers. An image that is in the local engine under the "
    "registry's name counts as pushed: build it with ACR Tasks (az acr build), or with "
    "`docker build` under the name {server}/<repository>:<tag>."
)
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

Handler = Callable[[Request, str, dict[str, str]], Awaitable[Response]]


class LoginServer:
    """`find` returns the registry of a login server, None when there is none."""

    ROUTES = (
        ("GET", r"/v2/?", "base"),
        ("GET", r"/v2/_catalog", "catalog"),
        ("GET", r"/acr/v1/_catalog", "catalog"),
        ("GET", rf"/v2/{_NAME}/tags/list", "tags"),
        ("GET", rf"/acr/v1/{_NAME}/_tags", "tag_attributes"),
        ("GET", rf"/acr/v1/{_NAME}/_tags/(?P<tag>[\w.-]+)", "tag"),
        ("DELETE", rf"/acr/v1/{_NAME}/_tags/(?P<tag>[\w.-]+)", "delete_tag"),
        ("GET", rf"/acr/v1/{_NAME}/_manifests", "manifests"),
        ("DELETE", rf"/v2/{_NAME}/manifests/(?P<digest>sha256:[0-9a-f]+)", "delete_manifest"),
        ("GET", rf"/acr/v1/{_NAME}", "repository"),
        ("DELETE", rf"/acr/v1/{_NAME}", "delete_repository"),
    )

    def __init__(
        self,
        find: Callable[[str], Resource | None],
        access: Access,
        runtime: ContainerRuntime,
    ) -> None:
        self.find = find
        self.access = access
        self.runtime = runtime
        self.routes: list[tuple[str, re.Pattern[str], Handler]] = [
            (method, re.compile(pattern), getattr(self, name))
            for method, pattern, name in self.ROUTES
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self.answer(request))(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        server = request.headers.get("host", "").partition(":")[0].lower()
        path = request.url.path
        if self.find(server) is None:
            return _error(404, "NAME_UNKNOWN", f"There is no registry with the server {server}.")
        try:
            if request.method == "POST" and path == "/oauth2/exchange":
                return await self.exchange(request, server)
            if path == "/oauth2/token" and request.method in ("GET", "POST"):
                return await self.token(request, server)
        except ValueError as error:
            return _error(400, "UNSUPPORTED", str(error))
        if not self.access.allowed(server, request.headers.get("authorization", "")):
            return self._challenge(server)
        for method, pattern, handler in self.routes:
            if method == request.method and (found := pattern.fullmatch(path)):
                return await handler(request, server, found.groupdict())
        return _error(501, "UNSUPPORTED", NOT_EMULATED.format(server=server))

    # Tokens

    async def exchange(self, request: Request, server: str) -> Response:
        form = await read_form(request)
        token = self.access.refresh_token(server, form.get("access_token", ""))
        if token is None:
            return _error(401, "UNAUTHORIZED", "The access token is not one of Entra ID's.")
        return JSONResponse({"refresh_token": token})

    async def token(self, request: Request, server: str) -> Response:
        if request.method == "GET":
            fields = dict(request.query_params)
            scheme, _, value = request.headers.get("authorization", "").partition(" ")
            user = basic(value) if scheme.lower() == "basic" else None
        else:
            fields = await read_form(request)
            user = (fields.get("username", ""), fields.get("password", ""))
        if fields.get("grant_type") == "refresh_token":
            allowed = self.access.is_refresh_token(server, fields.get("refresh_token", ""))
        else:
            allowed = user is not None and self.access.may_pull(server, *user)
        if not allowed:
            return self._challenge(server)
        return JSONResponse(
            {"access_token": self.access.access_token(server, fields.get("scope", ""))}
        )

    def _challenge(self, server: str) -> Response:
        error = _error(
            401, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization"
        )
        error.headers["www-authenticate"] = (
            f'Bearer realm="https://{server}/oauth2/token",service="{server}"'
        )
        return error

    # What is there

    async def base(self, request: Request, server: str, found: dict[str, str]) -> Response:
        return JSONResponse({}, headers={"docker-distribution-api-version": "registry/2.0"})

    async def catalog(self, request: Request, server: str, found: dict[str, str]) -> Response:
        names = sorted({repository(image) for image in await self.runtime.images(server)})
        return _paged(request, "repositories", names, names)

    async def tags(self, request: Request, server: str, found: dict[str, str]) -> Response:
        images = await self._images(server, found["name"])
        if not images:
            return _unknown(found)
        names = [tag(image) for image in images]
        return _paged(request, "tags", names, names, name=found["name"])

    async def tag_attributes(
        self, request: Request, server: str, found: dict[str, str]
    ) -> Response:
        images = await self._images(server, found["name"])
        if not images:
            return _unknown(found)
        if request.query_params.get("orderby") in ("timeasc", "timedesc"):
            newest_first = request.query_params["orderby"] == "timedesc"
            images.sort(key=lambda image: image.created, reverse=newest_first)
        names = [tag(image) for image in images]
        shown = [_tag(image) for image in images]
        return _paged(request, "tags", shown, names, registry=server, imageName=found["name"])

    async def tag(self, request: Request, server: str, found: dict[str, str]) -> Response:
        for image in await self._images(server, found["name"]):
            if tag(image) == found["tag"]:
                shown = {"registry": server, "imageName": found["name"], "tag": _tag(image)}
                return JSONResponse(shown)
        return _unknown(found)

    async def delete_tag(self, request: Request, server: str, found: dict[str, str]) -> Response:
        return await self._remove(server, found, lambda image: tag(image) == found["tag"])

    async def manifests(self, request: Request, server: str, found: dict[str, str]) -> Response:
        images = await self._images(server, found["name"])
        if not images:
            return _unknown(found)
        by_digest: dict[str, list[Image]] = {}
        for image in images:
            by_digest.setdefault(image.digest, []).append(image)
        shown = [_manifest(one) for one in by_digest.values()]
        return _paged(
            request, "manifests", shown, list(by_digest), registry=server, imageName=found["name"]
        )

    async def delete_manifest(
        self, request: Request, server: str, found: dict[str, str]
    ) -> Response:
        return await self._remove(server, found, lambda image: image.digest == found["digest"])

    async def repository(self, request: Request, server: str, found: dict[str, str]) -> Response:
        images = await self._images(server, found["name"])
        if not images:
            return _unknown(found)
        times = [_time(image.created) for image in images]
        return JSONResponse(
            {
                "registry": server,
                "imageName": found["name"],
                "createdTime": min(times),
                "lastUpdateTime": max(times),
                "manifestCount": len({image.digest for image in images}),
                "tagCount": len(images),
                "changeableAttributes": _CHANGEABLE,
            }
        )

    async def delete_repository(
        self, request: Request, server: str, found: dict[str, str]
    ) -> Response:
        return await self._remove(server, found, lambda _: True)

    async def _images(self, server: str, name: str) -> list[Image]:
        images = await self.runtime.images(server)
        return sorted(
            (image for image in images if repository(image) == name),
            key=lambda image: image.reference,
        )

    async def _remove(
        self, server: str, found: dict[str, str], chosen: Callable[[Image], bool]
    ) -> Response:
        images = [image for image in await self._images(server, found["name"]) if chosen(image)]
        if not images:
            return _unknown(found)
        for image in images:
            await self.runtime.remove_image(image.reference)
        return JSONResponse(
            {
                "manifestsDeleted": sorted({image.digest for image in images}),
                "tagsDeleted": [tag(image) for image in images],
            },
            202,
        )


_CHANGEABLE = {
    "deleteEnabled": True,
    "writeEnabled": True,
    "readEnabled": True,
    "listEnabled": True,
}


def repository(image: Image) -> str:
    """ "digits" of "registry.azurecr.io/digits:1"."""
    return image.reference.partition("/")[2].rpartition(":")[0]


def tag(image: Image) -> str:
    return image.reference.rpartition(":")[2]


def _tag(image: Image) -> dict[str, Any]:
    return {
        "name": tag(image),
        "digest": image.digest,
        "createdTime": _time(image.created),
        "lastUpdateTime": _time(image.created),
        "signed": False,
        "changeableAttributes": _CHANGEABLE,
    }


def _manifest(images: list[Image]) -> dict[str, Any]:
    return {
        "digest": images[0].digest,
        "imageSize": images[0].size,
        "createdTime": _time(images[0].created),
        "lastUpdateTime": _time(images[0].created),
        "architecture": "amd64",
        "os": "linux",
        "mediaType": MANIFEST,
        "tags": [tag(image) for image in images],
        "changeableAttributes": _CHANGEABLE,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _paged(
    request: Request, key: str, items: Sequence[Any], names: list[str], **more: Any
) -> Response:
    """`n` items after the name `last`, and a Link to the rest."""
    last, text = request.query_params.get("last"), request.query_params.get("n", "100")
    start = names.index(last) + 1 if last in names else 0
    count = max(1, int(text)) if re.fullmatch(r"[0-9]{1,9}", text) else 100
    part = list(items[start : start + count])
    response = JSONResponse({**more, key: part})
    if start + count < len(items):
        following = f"{request.url.path}?last={names[start + count - 1]}&n={count}"
        if order := request.query_params.get("orderby"):
            following += f"&orderby={quote(order)}"
        response.headers["link"] = f'<{following}>; rel="next"'
    return response


def _unknown(found: dict[str, str]) -> Response:
    what = "/".join(value for value in found.values() if value)
    return _error(404, "NAME_UNKNOWN", f"repository name not known to registry: {what}")


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"errors": [{"code": code, "message": message}]}, status)
