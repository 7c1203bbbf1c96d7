"""The cloud, its tenant and subscription, and Azure's regions.

https://learn.microsoft.com/rest/api/resources/tenants
https://learn.microsoft.com/rest/api/resources/subscriptions
"""

from __future__ import annotations

from typing import Any

from emulator.arm.errors import ArmError
from emulator.arm.http import MANAGEMENT, ArmRequest, ArmResponse
from emulator.arm.regions import REGIONS
from emulator.arm.resources import page
from emulator.defaults import SUBSCRIPTION, TENANT
from emulator.services.resources.paths import ONE_SUBSCRIPTION, SUBSCRIPTION_ID, SUBSCRIPTION_TYPE
from emulator.store import Resource, Store


class Subscriptions:
    ROUTES = (
        ("GET", "/metadata/endpoints", "cloud_metadata"),
        ("GET", "/tenants", "list_tenants"),
        ("GET", "/subscriptions", "list_subscriptions"),
        ("GET", ONE_SUBSCRIPTION, "get_subscription"),
        ("GET", ONE_SUBSCRIPTION + "/locations", "list_locations"),
    )

    def __init__(self, store: Store) -> None:
        self.store = store

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
        answer = page(request, [_shown(self.store)])
        # This list alone must have a link, empty on the last page.
        # https://github.com/Azure/azure-rest-api-specs/blob/main/specification/resources/resource-manager/Microsoft.Resources/subscriptions/stable/2022-12-01/subscriptions.json
        answer.body.setdefault("nextLink", "")
        return answer

    async def get_subscription(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(_shown(self.store))

    async def list_locations(self, request: ArmRequest) -> ArmResponse:
        return page(
            request,
            [
                {
                    "id": f"{SUBSCRIPTION_ID}/locations/{region.name}",
                    "name": region.name,
                    "type": "Region",
                    "displayName": region.display,
                    "regionalDisplayName": f"({region.group}) {region.display}",
                    "metadata": {
                        "regionType": "Physical",
                        "regionCategory": "Recommended" if region.recommended else "Other",
                        "geography": region.geography,
                        "geographyGroup": region.group,
                        "physicalLocation": region.place,
                        "pairedRegion": [
                            {"name": paired, "id": f"{SUBSCRIPTION_ID}/locations/{paired}"}
                            for paired in (region.paired,)
                            if paired
                        ],
                    },
                }
                for region in REGIONS.values()
            ],
            size=len(REGIONS),
        )

    @staticmethod
    def check(name: str) -> None:
        """Raises ArmError 404 for a subscription that does not exist."""
        if name.lower() != SUBSCRIPTION:
            raise ArmError(
                404,
                "SubscriptionNotFound",
                f"The subscription '{name}' could not be found. Local Azure has the one "
                f"subscription {SUBSCRIPTION}.",
            )


def subscription_of(store: Store) -> Resource:
    """The subscription. Of it the tags alone are stored, once it has any."""
    found = store.get(SUBSCRIPTION_ID)
    return found or Resource(SUBSCRIPTION_ID, SUBSCRIPTION_TYPE, {"tags": {}})


def _shown(store: Store) -> dict[str, Any]:
    tags = subscription_of(store).body["tags"]
    return {
        **({"tags": tags} if tags else {}),
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
