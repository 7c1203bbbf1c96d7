"""Deployments: created by form, scaled, deleted.

https://learn.microsoft.com/rest/api/azureml/online-deployments
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Json, RefusedError
from portal.costs import Costs
from portal.machine_learning.assets import AssetVersion, list_versions
from portal.machine_learning.code_upload import upload_code
from portal.machine_learning.endpoint import Endpoint, OnlineEndpoints
from portal.machine_learning.instance_types import DEFAULT, list_instance_types
from portal.pages import Pages, money, segment, text_field

DEFAULTS = {
    "instance_type": DEFAULT,
    "instances": "1",
    "script": "score.py",
    "timeout": "5000",
    "concurrency": "1",
}
# The other fields of the form.
FIELDS = ("deployment", "model", "environment", "other_environment", "code_id", "code_files")
WHOLE = re.compile("[0-9]{1,9}")
MLFLOW = "mlflow_model"


class Deployments:
    ROUTES = (
        ("GET", "/machine-learning/endpoints/{name}/create-deployment", "form"),
        ("POST", "/machine-learning/endpoints/{name}/create-deployment", "create"),
        ("POST", "/machine-learning/endpoints/{name}/deployments/{deployment}/scale", "scale"),
        ("POST", "/machine-learning/endpoints/{name}/deployments/{deployment}/delete", "delete"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.costs = Costs(pages.azure)
        self.endpoints = OnlineEndpoints(pages)

    async def form(self, request: Request) -> Response:
        endpoint = await self.endpoints.of(request)
        given = {**DEFAULTS, "model": request.query_params.get("model", "")}
        return await self._form(request, endpoint, given)

    async def _form(
        self,
        request: Request,
        endpoint: Endpoint,
        given: Mapping[str, Any],
        refusal: RefusedError | None = None,
    ) -> Response:
        workspace = endpoint.workspace
        models, environments, instance_types = await asyncio.gather(
            list_versions(self.azure, workspace.id, "models"),
            list_versions(self.azure, workspace.id, "environments"),
            list_instance_types(
                self.azure, self.costs, self.pages.subscription, workspace.location
            ),
        )
        chosen = given.get("instance_type", "")
        hour = {one.name: one.price for one in instance_types}.get(chosen)
        return self.pages.render(
            request,
            "machine_learning/create_deployment.html",
            price=f"{chosen}: {money(hour)} an hour for each instance." if hour else "",
            endpoint=endpoint,
            models=[(one.id, shown(one)) for one in models],
            environments=[(one.id, one.label) for one in environments],
            instance_types=instance_types,
            given={name: given.get(name, "") for name in (*DEFAULTS, *FIELDS)},
            refusal=refusal,
        )

    async def create(self, request: Request) -> Response:
        endpoint, deployments = await self.endpoints.with_deployments(request)
        form = await request.form()
        given = {name: text_field(form, name) for name in form if isinstance(form[name], str)}
        name = given.get("deployment", "")
        files = [
            one for one in form.getlist("code") if isinstance(one, UploadFile) and one.filename
        ]
        try:
            if name.lower() in (one.name.lower() for one in deployments):
                raise RefusedError(409, "Conflict", f"There is a deployment named {name} already.")
            if files:
                given["code_id"] = await upload_code(self.azure, endpoint.workspace.id, files)
                given["code_files"] = ", ".join(file.filename or "" for file in files)
            await self.pages.operations.change(
                "PUT",
                f"{endpoint.id}/deployments/{segment(name)}",
                deployment_body(endpoint.body["location"], given),
                title=f"Create deployment {name} of {endpoint.name}",
                link=endpoint.page(),
            )
        except RefusedError as refusal:
            return await self._form(request, endpoint, given, refusal)
        return self.pages.see(request, endpoint.page())

    async def scale(self, request: Request) -> Response:
        count = text_field(await request.form(), "instances")
        capacity = int(count) if WHOLE.fullmatch(count) else 0
        return await self._change(
            request,
            "PATCH",
            "Scale deployment",
            {"sku": {"name": "Default", "capacity": capacity}},
        )

    async def delete(self, request: Request) -> Response:
        if text_field(await request.form(), "name") != request.path_params["deployment"]:
            endpoint = await self.endpoints.of(request)
            self.pages.say("Delete deployment", "The name that was typed is another.", failed=True)
            return self.pages.see(request, endpoint.page())
        return await self._change(request, "DELETE", "Delete deployment")

    async def _change(
        self, request: Request, method: str, what: str, body: Json | None = None
    ) -> Response:
        endpoint = await self.endpoints.of(request)
        name = request.path_params["deployment"]
        path = f"{endpoint.id}/deployments/{segment(name)}"
        title, link = f"{what} {name} of {endpoint.name}", endpoint.page()
        try:
            await self.pages.operations.change(method, path, body, title=title, link=link)
        except RefusedError as refusal:
            self.pages.say(title, str(refusal), failed=True, link=link)
        return self.pages.see(request, link)


def deployment_body(location: str, given: Mapping[str, str]) -> Json:
    """Return the body for a form's fields. Raises RefusedError for what is no number."""

    def whole(name: str, label: str) -> int:
        if not WHOLE.fullmatch(given.get(name, "")):
            raise RefusedError(400, "BadArgument", f"{label} has to be a whole number.")
        return int(given[name])

    properties: Json = {
        "endpointComputeType": "Managed",
        "instanceType": given.get("instance_type"),
        "model": given.get("model") or None,
        "environmentId": given.get("other_environment") or given.get("environment") or None,
        "requestSettings": {
            "requestTimeout": f"PT{whole('timeout', 'Request timeout') / 1000:g}S",
            "maxConcurrentRequestsPerInstance": whole("concurrency", "Max concurrent requests"),
        },
    }
    if given.get("code_id"):
        properties["codeConfiguration"] = {
            "codeId": given["code_id"],
            "scoringScript": given.get("script"),
        }
    capacity = whole("instances", "Instance count")
    return {
        "location": location,
        "sku": {"name": "Default", "capacity": capacity},
        "properties": properties,
    }


def shown(model: AssetVersion) -> str:
    is_mlflow = model.properties.get("modelType") == MLFLOW
    return f"{model.label} (MLflow)" if is_mlflow else model.label
