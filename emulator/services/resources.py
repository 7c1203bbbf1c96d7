"""Azure Resource Manager itself: subscriptions, resource groups, providers, resources.

https://learn.microsoft.com/rest/api/resources/
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from emulator.arm.changes import Changes
from emulator.arm.errors import ArmError, bad_request, conflict
from emulator.arm.fields import Fields
from emulator.arm.http import MANAGEMENT, ArmRequest, ArmResponse
from emulator.arm.lifecycle import ABSENT, GONE, Lifecycle, Move
from emulator.arm.locations import check_location
from emulator.arm.operations import Operations
from emulator.arm.resources import page, shown
from emulator.defaults import LOCATIONS, REGION, RESOURCE_GROUP, SUBSCRIPTION, TENANT
from emulator.store import Resource, Store

SUBSCRIPTION_ID = f"/subscriptions/{SUBSCRIPTION}"
ONE_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
GROUPS = ONE_SUBSCRIPTION + "/resourceGroups"
GROUP = GROUPS + "/{resourceGroupName}"
GROUP_TYPE = "Microsoft.Resources/resourceGroups"
_NAME = re.compile(r"[\w().-]{0,89}[\w()-]")


class Resources:
    ROUTES = (
        ("GET", "/metadata/endpoints", "cloud_metadata"),
        ("GET", "/tenants", "list_tenants"),
        ("GET", "/subscriptions", "list_subscriptions"),
        ("GET", ONE_SUBSCRIPTION, "get_subscription"),
        ("GET", ONE_SUBSCRIPTION + "/locations", "list_locations"),
        ("GET", ONE_SUBSCRIPTION + "/providers", "list_providers"),
        ("GET", ONE_SUBSCRIPTION + "/providers/{namespace}", "get_provider"),
        ("POST", ONE_SUBSCRIPTION + "/providers/{namespace}/register", "get_provider"),
        ("PUT", GROUP, "create_group"),
        ("GET", GROUPS, "list_groups"),
        ("GET", GROUP, "get_group"),
        ("HEAD", GROUP, "group_exists"),
        ("PATCH", GROUP, "update_group"),
        ("DELETE", GROUP, "delete_group"),
        ("GET", ONE_SUBSCRIPTION + "/resources", "list_resources"),
        ("GET", GROUP + "/resources", "list_resources"),
    )

    def __init__(self, store: Store, operations: Operations, changes: Changes) -> None:
        self.store = store
        self.operations = operations
        self.changes = changes
        changes.register(
            Lifecycle(
                GROUP_TYPE,
                moves=(
                    Move("put", (ABSENT, "Succeeded", "Failed"), "Updating", "Succeeded"),
                    Move("delete", ("Succeeded", "Failed"), "Deleting", GONE),
                ),
                remove=self._stop_below,
            )
        )
        changes.at_start(self.seed)
        # Namespace -> resource types, filled by the composition root.
        self.providers: dict[str, list[str]] = {"Microsoft.Resources": ["resourceGroups"]}
        # Called with a group's id before it goes, so that services stop what runs in it.
        self.before_delete: list[Callable[[str], Awaitable[None]]] = []

    def seed(self) -> None:
        """The group that the course works in is there from the start."""
        group_id = f"{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
        if self.store.get(group_id) is None:
            self._save(group_id, REGION, {}, None)

    def check_scope(self, request: ArmRequest) -> None:
        """Raises ArmError 404 for a subscription or a resource group that does not exist, 409 for
        a change at or below what is being deleted."""
        subscription = request.params.get("subscriptionId")
        if subscription and subscription.lower() != SUBSCRIPTION:
            raise ArmError(
                404,
                "SubscriptionNotFound",
                f"The subscription '{subscription}' could not be found. Local Azure has the one "
                f"subscription {SUBSCRIPTION}.",
            )
        name = request.params.get("resourceGroupName")
        if name and "/providers/" in request.id:
            self._group(f"{SUBSCRIPTION_ID}/resourceGroups/{name}")
        if request.method in ("PUT", "PATCH", "POST"):
            self.changes.check_scope(request.id)

    # The cloud, tenants, subscriptions

    async def cloud_metadata(self, request: ArmRequest) -> ArmResponse:
        cloud = {
            "name": "AzureCloud",
            "portal": "https://portal.azure.com",
            "authentication": {
                "loginEndpoint": "https://login.microsoftonline.com",
                "audiences": ["https://management.core.windows.net/", f"{MANAGEMENT}/"],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "resourceManager": f"{MANAGEMENT}/",
            "activeDirectoryDataLake": "https://datalake.azure.net/",
            "graph": "https://graph.windows.net/",
            "microsoftGraphResourceId": "https://graph.microsoft.com/",
            "suffixes": {
                "storage": "core.windows.net",
                "acrLoginServer": "azurecr.io",
                "keyVaultDns": "vault.azure.net",
            },
        }
        # Before 2022-09-01 one cloud was an object; since then the clouds are a list.
        newer = request.query["api-version"] >= "2022-09-01"
        return ArmResponse([cloud] if newer else cloud)

    async def list_tenants(self, request: ArmRequest) -> ArmResponse:
        tenant = {
            "id": f"/tenants/{TENANT}",
            "tenantId": TENANT,
            "displayName": "Local Azure",
            "defaultDomain": "local.onmicrosoft.com",
            "tenantCategory": "Home",
        }
        return page(request, [tenant])

    async def list_subscriptions(self, request: ArmRequest) -> ArmResponse:
        return page(request, [_subscription()])

    async def get_subscription(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(_subscription())

    async def list_locations(self, request: ArmRequest) -> ArmResponse:
        return page(
            request,
            [
                {
                    "id": f"{SUBSCRIPTION_ID}/locations/{name}",
                    "name": name,
                    "type": "Region",
                    "displayName": display,
                    "regionalDisplayName": display,
                    "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
                }
                for name, display in LOCATIONS.items()
            ],
        )

    # Providers

    async def list_providers(self, request: ArmRequest) -> ArmResponse:
        return page(request, [self._provider(namespace) for namespace in self.providers])

    async def get_provider(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(self._provider(request.params["namespace"]))

    def _provider(self, namespace: str) -> dict[str, Any]:
        known = {name.lower(): name for name in self.providers}
        name = known.get(namespace.lower())
        if name is None:
            raise ArmError(
                404,
                "InvalidResourceNamespace",
                f"The resource namespace '{namespace}' is invalid. Local Azure emulates "
                f"{', '.join(self.providers)}.",
            )
        return {
            "id": f"{SUBSCRIPTION_ID}/providers/{name}",
            "namespace": name,
            "registrationState": "Registered",
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": [
                {"resourceType": kind, "locations": list(LOCATIONS.values()), "apiVersions": []}
                for kind in self.providers[name]
            ],
        }

    # Resource groups

    async def create_group(self, request: ArmRequest) -> ArmResponse:
        body = Fields(request.body)
        name = request.params["resourceGroupName"]
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"The resource group name '{name}' is invalid: up to 90 letters, digits, "
                "underscores, hyphens, periods and parentheses, not ending in a period.",
                code="InvalidResourceGroup",
                target="resourceGroupName",
            )
        location = check_location(body.raw("location"), code="LocationNotAvailableForResourceGroup")
        before = self.store.get(request.id)
        if before and before.body["location"] != location:
            raise conflict(
                f"Invalid resource group location '{location}'. The group '{name}' already exists "
                f"in location '{before.body['location']}'.",
                code="InvalidResourceGroupLocation",
                target="location",
            )
        group = self._save(request.id, location, body.mapping("tags"), before)
        return ArmResponse(shown(group), 200 if before else 201)

    async def list_groups(self, request: ArmRequest) -> ArmResponse:
        groups = self.store.of_type(GROUP_TYPE, SUBSCRIPTION_ID)
        return page(request, [shown(group) for group in groups])

    async def get_group(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._group(request.id)))

    async def group_exists(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(None, 204 if self.store.get(request.id) else 404)

    async def update_group(self, request: ArmRequest) -> ArmResponse:
        group = self._group(request.id)
        body = Fields(request.body)
        tags = body.mapping("tags") if body.is_named("tags") else group.body["tags"]
        return ArmResponse(shown(self._save(group.id, group.body["location"], tags, group)))

    async def delete_group(self, request: ArmRequest) -> ArmResponse:
        group = self._group(request.id)
        operation = self.changes.begin("delete", group, group)
        accepted = self.operations.accepted(operation, request, group.body["location"], status=202)
        # A group's deletion is polled by Location alone.
        accepted.headers.pop("Azure-AsyncOperation")
        return accepted

    async def _stop_below(self, group: Resource) -> None:
        for stop in self.before_delete:
            await stop(group.id)

    def _group(self, group_id: str) -> Resource:
        group = self.store.get(group_id)
        if group is None:
            name = group_id.rsplit("/", 1)[-1]
            raise ArmError(
                404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found."
            )
        return group

    def _save(
        self, group_id: str, location: str, tags: dict[str, str], before: Resource | None
    ) -> Resource:
        body = {"location": location, "tags": tags, "properties": {}}
        return self.changes.apply("put", Resource(group_id, GROUP_TYPE, body), before)

    # Resources of any type

    async def list_resources(self, request: ArmRequest) -> ArmResponse:
        scope = request.id.rpartition("/")[0]
        found = [
            {
                "id": resource.id,
                "name": resource.name,
                "type": resource.type,
                "location": resource.body["location"],
                "tags": resource.body.get("tags") or {},
            }
            for resource in self.store.below(scope)
            # Tracked resources have a location; a group is not among its own resources.
            if resource.type != GROUP_TYPE and resource.body.get("location")
        ]
        return page(request, found)


def _subscription() -> dict[str, Any]:
    return {
        "id": SUBSCRIPTION_ID,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "displayName": "Local Azure",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }
