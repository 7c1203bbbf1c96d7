"""What can be asked of an environment beside its own operations.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/managed-environments/get-auth-token
https://learn.microsoft.com/rest/api/resource-manager/containerapps/namespaces/check-name-availability
"""

from __future__ import annotations

from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.resources import require
from emulator.services.container_apps.apps import NAME, invalid_name
from emulator.services.container_apps.environment_spec import invalid_environment
from emulator.services.container_apps.environments import apps_and_jobs_in, verification_id
from emulator.services.container_apps.paths import APP_TYPE, ENVIRONMENT, VERIFICATION_ID
from emulator.services.container_apps.stream_token import IssueToken, stream_token
from emulator.store import Resource, Store


class EnvironmentActions:
    ROUTES = (
        ("POST", VERIFICATION_ID, "get_custom_domain_verification_id"),
        ("POST", ENVIRONMENT + "/getAuthToken", "get_auth_token"),
        ("POST", ENVIRONMENT + "/checkNameAvailability", "check_name_availability"),
    )

    def __init__(self, store: Store, issue_token: IssueToken) -> None:
        self.store = store
        self.issue_token = issue_token

    async def get_custom_domain_verification_id(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(verification_id(request.id))

    async def get_auth_token(self, request: ArmRequest) -> ArmResponse:
        """A token for the system log of all that is in the environment."""
        return stream_token(require(self.store, request.parent), self.issue_token)

    async def check_name_availability(self, request: ArmRequest) -> ArmResponse:
        """Whether an app of the environment can have a name: it is part of its host name."""
        environment = require(self.store, request.parent)
        fields = Fields(request.body, refuse=invalid_environment)
        name = fields.required_text("name")
        fields.choice("type", (APP_TYPE,))
        if not NAME.fullmatch(name):
            return _answer("Invalid", invalid_name(name))
        if self._has_app(environment, name):
            return _answer("AlreadyExists", f"The name '{name}' is taken in this environment.")
        return _answer()

    def _has_app(self, environment: Resource, name: str) -> bool:
        there = apps_and_jobs_in(self.store, environment.id)
        return any(one.type == APP_TYPE and one.name == name for one in there)


def _answer(reason: str = "None", message: str = "") -> ArmResponse:
    return ArmResponse({"nameAvailable": not message, "reason": reason, "message": message})
