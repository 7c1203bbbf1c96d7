"""The form of a new container group.

https://learn.microsoft.com/azure/container-instances/container-instances-quickstart-portal
https://learn.microsoft.com/rest/api/container-instances/container-groups/create-or-update
"""

from __future__ import annotations

import asyncio
import json
import shlex
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Json, RefusedError
from portal.container_instances.groups import PAGE
from portal.login_server import repositories, tags
from portal.pages import Pages, segment, text_field

# What the form holds before anything was typed, as Azure's portal has it.
DEFAULTS = {
    "resource_group": "", "name": "", "region": "", "image": "", "os": "Linux", "cpu": "1",
    "memory": "1.5", "networking": "Public", "label": "", "ports": "80", "policy": "OnFailure",
    "variables": "", "secure": "", "command": "",
}  # fmt: skip


class CreateGroup:
    ROUTES = (("GET", PAGE + "/create", "show"), ("POST", PAGE + "/create", "create"))

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure

    async def show(self, request: Request) -> Response:
        return await self._show(request, {**DEFAULTS, **request.query_params}, "")

    async def _show(self, request: Request, values: dict[str, str], problem: str) -> Response:
        groups, locations, images = await asyncio.gather(
            self.azure.list(f"{self.pages.subscription}/resourcegroups"),
            self.azure.list(f"{self.pages.subscription}/locations"),
            self._images(),
        )
        values["region"] = values["region"] or (groups[0]["location"] if groups else "")
        return self.pages.render(
            request,
            "container_instances/create.html",
            groups=[(one["name"], one["name"]) for one in groups],
            regions=sorted(((one["name"], one["displayName"]) for one in locations), key=_shown),
            images=images,
            values=values,
            problem=problem,
        )

    async def create(self, request: Request) -> Response:
        """Create what the form says, or show it again with what is wrong."""
        form = await request.form()
        values = {name: text_field(form, name) for name in DEFAULTS}
        group, name = segment(values["resource_group"]), segment(values["name"])
        try:
            body = group_of(values)
            body["properties"]["imageRegistryCredentials"] = await self._credentials(
                values["image"]
            )
            await self.pages.operations.change(
                "PUT",
                f"{self.pages.subscription}/resourceGroups/{group}"
                f"/providers/Microsoft.ContainerInstance/containerGroups/{name}",
                body,
                title=f"Create container group {values['name']}",
                link=f"{PAGE}/{group}/{name}",
            )
        except (RefusedError, ValueError) as error:
            return await self._show(request, values, str(error))
        return self.pages.see(request, f"{PAGE}/{group}/{name}")

    async def _registries(self) -> list[Json]:
        provider = "providers/Microsoft.ContainerRegistry/registries"
        return await self.azure.list(f"{self.pages.subscription}/{provider}")

    async def _images(self) -> list[str]:
        """Return the references of the images in the subscription's registries."""

        async def images_of(server: str) -> list[str]:
            try:
                return [
                    f"{server}/{repository}:{tag}"
                    for repository in await repositories(self.azure, server)
                    for tag in await tags(self.azure, server, repository)
                ]
            except RefusedError:
                return []  # this registry is not ours to read

        servers = [one["properties"]["loginServer"] for one in await self._registries()]
        found = await asyncio.gather(*map(images_of, servers))
        return [image for images in found for image in images]

    async def _credentials(self, image: str) -> list[Json]:
        """Return those of the admin user, where the image is in a registry of the subscription.

        Raises RefusedError where it has none, as its message says.
        """
        server = image.partition("/")[0].lower()
        for registry in await self._registries():
            if registry["properties"]["loginServer"].lower() == server:
                answer = await self.azure.send("POST", f"{registry['id']}/listCredentials")
                found = answer.json()
                password = found["passwords"][0]["value"]
                return [{"server": server, "username": found["username"], "password": password}]
        return []


def group_of(values: dict[str, str]) -> Json:
    """Return the body of a group. Raises ValueError where a field cannot be read."""
    ports = [_port(word) for word in values["ports"].replace(",", " ").split()]
    container: dict[str, Any] = {
        "image": values["image"],
        "resources": {
            "requests": {
                "cpu": _number("Number of CPU cores", values["cpu"]),
                "memoryInGB": _number("Memory (GiB)", values["memory"]),
            }
        },
        "ports": ports,
        "environmentVariables": [
            *_variables(values["variables"], "value"),
            *_variables(values["secure"], "secureValue"),
        ],
    }
    if values["command"]:
        container["command"] = _command(values["command"])
    properties: dict[str, Any] = {
        "osType": values["os"],
        "restartPolicy": values["policy"],
        "containers": [{"name": values["name"], "properties": container}],
    }
    if values["networking"] == "Public":
        properties["ipAddress"] = {"type": "Public", "ports": ports}
        if values["label"]:
            properties["ipAddress"]["dnsNameLabel"] = values["label"]
    return {"location": values["region"], "properties": properties}


def _port(word: str) -> Json:
    number, _, protocol = word.partition("/")
    if not number.isdecimal():
        raise ValueError(f"Ports: {word!r} is not a number.")
    return {"port": int(number), "protocol": (protocol or "TCP").upper()}


def _number(label: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{label}: {text!r} is not a number.") from None


def _variables(text: str, kind: str) -> list[Json]:
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals:
            raise ValueError("Environment variables: write NAME=value, one to a line.")
        found.append({"name": name.strip(), kind: value})
    return found


def _command(text: str) -> list[str]:
    """A JSON array, as Azure's portal has it, or words as in a shell."""
    words = json.loads(text) if text.startswith("[") else shlex.split(text)
    if not all(isinstance(word, str) for word in words):
        raise ValueError("Command override: an array of strings.")
    return list(words)


def _shown(pair: tuple[str, str]) -> str:
    return pair[1]
