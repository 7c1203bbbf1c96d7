"""Where workloads ask for the tokens of their managed identities.

Each service of Azure has its own way, which azure-identity and its sisters know by the variables
that a workload has; the paths are those of workloads/variables.py:

    GET /metadata/identity/oauth2/token   the instance metadata service; the caller is known by the
                                          machine, here by the password of its proxy
    GET /msi/token                        Container Apps; the header X-IDENTITY-HEADER
    GET /MSI/auth                         Azure Machine Learning; the header secret

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
https://learn.microsoft.com/azure/container-apps/managed-identity#rest-endpoint-reference
https://learn.microsoft.com/azure/machine-learning/how-to-access-resources-from-endpoints-managed-identities
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from emulator.arm.errors import not_emulated
from emulator.arm.ids import new_guid
from emulator.services.managed_identity.principals import NoPrincipalError, choose
from emulator.store import Store
from emulator.workloads.variables import (
    CONTAINER_APPS_PATH,
    INSTANCE_METADATA_PATH,
    MACHINE_LEARNING_PATH,
)
from emulator.workloads.workload import OUTSIDE, Workload


class TokenEndpoints:
    """`find` returns the workload whose secret it is; `issue` makes a token for an audience with
    claims, which lasts for `lifetime` seconds."""

    def __init__(
        self,
        store: Store,
        find: Callable[[str], Workload | None],
        issue: Callable[..., str],
        lifetime: int,
    ) -> None:
        self.store = store
        self.find = find
        self.issue = issue
        self.lifetime = lifetime

    def application(self) -> Router:
        return Router(
            [
                Route(INSTANCE_METADATA_PATH, self.instance_metadata),
                Route(CONTAINER_APPS_PATH, self.container_apps),
                Route(MACHINE_LEARNING_PATH, self.machine_learning),
                Route("/{path:path}", self.anything_else),
            ],
            redirect_slashes=True,
        )

    async def instance_metadata(self, request: Request) -> Response:
        workload: Workload = request.scope["state"].get("workload", OUTSIDE)
        if request.headers.get("metadata", "").lower() != "true":
            return _invalid("Required metadata header not specified")
        if not request.query_params.get("resource"):
            return _invalid("Required query variable 'resource' is missing")
        try:
            token = self._token(workload, request)
        except NoPrincipalError as error:
            if error.many:
                return _invalid(
                    "Multiple user assigned identities exist, please specify the clientId / "
                    "resourceId of the identity in the token request"
                )
            return _invalid("Identity not found")
        return JSONResponse(token)

    async def container_apps(self, request: Request) -> Response:
        workload = self.find(request.headers.get("x-identity-header", ""))
        if workload is None:
            # https://github.com/AzureAD/microsoft-authentication-library-for-dotnet/issues/5245
            return Response(status_code=403)
        if not request.query_params.get("resource"):
            return _refused("The resource query parameter is required.")
        try:
            return JSONResponse(self._token(workload, request))
        except NoPrincipalError as error:
            # https://github.com/dotnet/performance/issues/3501
            # https://github.com/Azure/azure-sdk-for-net/issues/43691
            return _refused(
                "No User Assigned or Delegated Managed Identity found for specified "
                "ClientId/ResourceId/PrincipalId."
                if error.named
                else "Unable to load the proper Managed Identity."
            )

    async def machine_learning(self, request: Request) -> Response:
        workload = self.find(request.headers.get("secret", ""))
        if workload is None:
            return Response(status_code=403)
        if not request.query_params.get("resource"):
            return _invalid("The query parameter resource is missing")
        try:
            return JSONResponse(self._token(workload, request))
        except NoPrincipalError:
            return _invalid("Identity not found")

    async def anything_else(self, request: Request) -> Response:
        error = not_emulated(f"{request.url.path} of the instance metadata service")
        return JSONResponse(error.body(), error.status)

    def _token(self, workload: Workload, request: Request) -> dict[str, Any]:
        """Raises NoPrincipalError."""
        principal = choose(self.store, workload.resource, request.query_params)
        audience, moment = request.query_params["resource"], int(time.time())
        return {
            "access_token": self.issue(audience, self.lifetime, **principal.claims()),
            "client_id": principal.client_id,
            "expires_in": str(self.lifetime),
            "expires_on": str(moment + self.lifetime),
            "ext_expires_in": str(self.lifetime),
            "not_before": str(moment),
            "resource": audience,
            "token_type": "Bearer",
        }


def _invalid(description: str) -> Response:
    return JSONResponse({"error": "invalid_request", "error_description": description}, 400)


def _refused(message: str) -> Response:
    """An error as App Service, whose endpoint this is, has it."""
    body = {"statusCode": 400, "message": message, "correlationId": new_guid()}
    return JSONResponse(body, 400)
