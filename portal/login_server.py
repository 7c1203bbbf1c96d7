"""What a registry's login server, {registry}.azurecr.io, answers: its images.

https://learn.microsoft.com/azure/container-registry/container-registry-authentication
https://learn.microsoft.com/rest/api/containerregistry/
"""

from __future__ import annotations

from urllib.parse import urlencode

from portal.azure import MANAGEMENT, Azure, Json, RefusedError, body_of

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def repositories(azure: Azure, server: str) -> list[str]:
    """Return the names of a registry's repositories. Raises RefusedError."""
    answer = await ask(azure, server, "/acr/v1/_catalog?n=1000", "registry:catalog:*")
    return [str(name) for name in answer.get("repositories") or []]


async def tags(azure: Azure, server: str, repository: str) -> list[str]:
    """Return a repository's tags, the newest first. Raises RefusedError."""
    path = f"/acr/v1/{repository}/_tags?orderby=timedesc&n=1000"
    answer = await ask(azure, server, path, f"repository:{repository}:metadata_read,pull")
    return [str(tag["name"]) for tag in answer.get("tags") or []]


async def manifests(azure: Azure, server: str, repository: str) -> list[Json]:
    """Return a repository's images: `digest`, `tags`, `imageSize` in bytes, `createdTime`.

    Raises RefusedError.
    """
    path = f"/acr/v1/{repository}/_manifests?orderby=timedesc&n=1000"
    answer = await ask(azure, server, path, f"repository:{repository}:metadata_read,pull")
    return list(answer.get("manifests") or [])


async def delete(azure: Azure, server: str, repository: str, tag: str = "") -> None:
    """Delete a tag, or without one a repository with all of its images. Raises RefusedError."""
    path = f"/acr/v1/{repository}" + (f"/_tags/{tag}" if tag else "")
    await ask(azure, server, path, f"repository:{repository}:delete", "DELETE")


async def ask(azure: Azure, server: str, path: str, scope: str, method: str = "GET") -> Json:
    """Return what is at a path, with a token for this scope. Raises RefusedError."""
    entra = await azure.credential.get_token(f"{MANAGEMENT}/.default")
    given = {"grant_type": "access_token", "service": server, "access_token": entra.token}
    refresh = await _token(azure, server, "exchange", given, "refresh_token")
    given = {"grant_type": "refresh_token", "service": server, "refresh_token": refresh}
    access = await _token(azure, server, "token", {**given, "scope": scope}, "access_token")
    answer = await azure.request(
        method, f"https://{server}{path}", {"authorization": f"Bearer {access}"}
    )
    return _checked(answer.status_code, body_of(answer))


async def _token(azure: Azure, server: str, kind: str, given: dict[str, str], wanted: str) -> str:
    url = f"https://{server}/oauth2/{kind}"
    answer = await azure.request("POST", url, FORM, urlencode(given).encode())
    return str(_checked(answer.status_code, body_of(answer))[wanted])


def _checked(status: int, body: Json) -> Json:
    if status >= 400:
        error = (body.get("errors") or [{}])[0]
        raise RefusedError(status, str(error.get("code", "")), str(error.get("message", status)))
    return body
