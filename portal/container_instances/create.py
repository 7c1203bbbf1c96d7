"""The form of a new container group.

https://learn.microsoft.com/azure/container-instances/container-instances-quickstart-portal
https://learn.microsoft.com/rest/api/container-instances/container-groups/create-or-update
"""

from __future__ import annotations

import asyncio
import json
import math
import shlex
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Json, RefusedError
from portal.container_instances.groups import PAGE
from portal.login_server import repositories, tags
from portal.pages import Pages, segment, text_field

PROVIDERS = "2021-04-01"  # the api-version of what a provider offers where
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
        subscription = self.pages.subscription
        groups, provider, images = await asyncio.gather(
            self.pages.resource_groups(),
            self.azure.get(f"{subscription}/providers/Microsoft.ContainerInstance", PROVIDERS),
            self._images(),
        )
        values["region"] = values["region"] or (groups[0]["location"] if groups else "")
        regions = {
            shown.lower().replace(" ", ""): shown
            for kind in provider["resourceTypes"]
            if kind["resourceType"].lower() == "containergroups"
            for shown in kind["locations"]
        }
        return self.pages.render(
            request,
            "container_instances/create.html",
            groups=[(one["name"], one["name"]) for one in groups],
            regions=sorted(regions.items(), key=lambda pair: pair[1]),
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

        async def images_of(registry: Json) -> list[str]:
            server = registry["properties"]["loginServer"]
            try:
                names = await repositories(self.azure, server)
                found = await asyncio.gather(*(tags(self.azure, server, name) for name in names))
            except RefusedError:
                return []  # this registry is not ours to read
            pairs = zip(names, found, strict=True)
            return [f"{server}/{name}:{tag}" for name, there in pairs for tag in there]

        found = await asyncio.gather(*map(images_of, await self._registries()))
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
    requests = {
        "cpu": _number("Number of CPU cores", values["cpu"]),
        "memoryInGB": _number("Memory", values["memory"]),
    }
    variables = [
        {"name": name, kind: value}
        for field, kind in (("variables", "value"), ("secure", "secureValue"))
        for name, value in map(_variable, filter(str.strip, values[field].splitlines()))
    ]
    container: dict[str, Any] = {
        "image": values["image"],
        "resources": {"requests": requests},
        "ports": ports,
        "environmentVariables": variables,
    }
    if values["command"]:
        container["command"] = _command(values["command"])
    properties: dict[str, Any] = {
        "osType": values["os"],
        "restartPolicy": values["policy"],
        "containers": [{"name": values["name"], "properties": container}],
    }
    if values["networking"] == "Public":
        label = {"dnsNameLabel": values["label"]} if values["label"] else {}
        properties["ipAddress"] = {"type": "Public", "ports": ports, **label}
    return {"location": values["region"], "properties": properties}


def _number(label: str, given: str) -> float:
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{label}: {given!r} is not a number.")
    return number


def _port(word: str) -> Json:
    number, _, protocol = word.partition("/")
    if not number.isdecimal() or len(number) > 5:
        raise ValueError(f"Ports: {word!r} is not a number.")
    return {"port": int(number), "protocol": (protocol or "TCP").upper()}


def _variable(line: str) -> tuple[str, str]:
    name, equals, value = line.strip().partition("=")
    if not equals:
        raise ValueError("Environment variables: write NAME=value, one to a line.")
    return name.strip(), value


def _command(text: str) -> list[str]:
    """A JSON array, as Azure's portal has it, or words as in a shell."""
    try:
        words = json.loads(text) if text.startswith("[") else shlex.split(text)
    except ValueError as error:
        raise ValueError(f"Command override: {error}.") from None
    if not all(isinstance(word, str) for word in words):
        raise ValueError("Command override: an array of strings.")
    return list(words)
