"""Resource providers: Azure's catalogue of types and api-versions, of which some are emulated.

https://learn.microsoft.com/rest/api/resources/providers
https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types

The types and versions are those of providers.json, which says where they were read. A type that is
listed and not emulated is answered 501 with its name when it is called.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from emulator.arm.errors import ArmError, bad_request
from emulator.arm.http import ArmRequest, ArmResponse
from emulator.arm.regions import REGIONS
from emulator.arm.resources import page
from emulator.services.resources.paths import ONE_SUBSCRIPTION, SUBSCRIPTION_ID

CATALOGUE = Path(__file__).with_name("providers.json")
PROVIDER = ONE_SUBSCRIPTION + "/providers/{namespace}"
# Resource Manager's own calls have versions of their own, which the catalogue does not list.
_OWN = "microsoft.resources"
# Types that are the same everywhere and so have no region.
_GLOBAL = ("Microsoft.Authorization", "Microsoft.Resources")


@cache
def catalogue() -> dict[str, dict[str, list[str]]]:
    """Namespace -> type -> api-versions, the newest first."""
    providers = json.loads(CATALOGUE.read_text())["providers"]
    return {
        namespace: {kind: versions.split()[::-1] for kind, versions in types.items()}
        for namespace, types in providers.items()
    }


@cache
def _namespaces() -> dict[str, tuple[str, frozenset[str]]]:
    """Namespace in lower case -> its spelling, and every api-version that a type of it has."""
    return {
        namespace.lower(): (namespace, frozenset().union(*types.values()))
        for namespace, types in catalogue().items()
    }


class Providers:
    ROUTES = (
        ("GET", ONE_SUBSCRIPTION + "/providers", "list_providers"),
        ("GET", PROVIDER, "get_provider"),
        ("POST", PROVIDER + "/register", "get_provider"),
    )

    async def list_providers(self, request: ArmRequest) -> ArmResponse:
        return page(request, [_shown(namespace) for namespace in catalogue()])

    async def get_provider(self, request: ArmRequest) -> ArmResponse:
        """Every provider of the catalogue is registered already."""
        return ArmResponse(_shown(_namespace(request.params["namespace"])))

    @staticmethod
    def check_version(request: ArmRequest) -> None:
        """Raises ArmError 400 for an api-version that the provider never had.

        https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider
        """
        _, within, place = request.id.rpartition("/providers/")
        namespace, _, rest = place.lower().partition("/")
        # The catalogue is not read for a call that is about no provider's resource.
        if not within or rest in ("", "register") or namespace == _OWN:
            return
        name, versions = _namespaces().get(namespace, ("", frozenset()))
        version = request.query["api-version"].lower()
        if not name or version in versions or _is_later(version, versions):
            return
        types = catalogue()[name]
        wanted = "/".join(rest.split("/")[::2])
        kind = next((kind for kind in types if kind.lower() == wanted), "")
        while not kind and "/" in wanted:
            wanted = wanted.rpartition("/")[0]
            kind = next((kind for kind in types if kind.lower() == wanted), "")
        supported = ", ".join(types.get(kind) or sorted(versions, reverse=True))
        raise bad_request(
            f"No registered resource provider found for API version '{version}' for type "
            f"'{kind or wanted}'. The supported api-versions are '{supported}'.",
            code="NoRegisteredProviderFound",
        )


def _is_later(version: str, known: Iterable[str]) -> bool:
    """Whether the version may have come out since the catalogue was read: the next release of a
    client asks in it, and is answered as its predecessor was."""
    return max(known)[:10] < version[:10] <= datetime.now(UTC).date().isoformat()


def _namespace(given: str) -> str:
    if found := _namespaces().get(given.lower()):
        return found[0]
    raise ArmError(
        404,
        "InvalidResourceNamespace",
        f"The resource namespace '{given[:80]}' is invalid. Local Azure's catalogue has "
        f"{', '.join(catalogue())}.",
    )


def _shown(namespace: str) -> dict[str, Any]:
    regions = [] if namespace in _GLOBAL else [region.display for region in REGIONS.values()]
    return {
        "id": f"{SUBSCRIPTION_ID}/providers/{namespace}",
        "namespace": namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationFree"
        if namespace in _GLOBAL
        else "RegistrationRequired",
        "resourceTypes": [
            {
                "resourceType": kind,
                "locations": regions,
                "apiVersions": versions,
                "capabilities": "None",
            }
            for kind, versions in catalogue()[namespace].items()
        ],
    }
