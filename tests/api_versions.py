"""An api-version for calls that no SDK makes: one that the provider of the path has."""

from __future__ import annotations

_OF_PROVIDER = {
    "microsoft.app": "2025-07-01",
    "microsoft.authorization": "2022-04-01",
    "microsoft.containerinstance": "2023-05-01",
    "microsoft.containerregistry": "2025-04-01",
    "microsoft.insights": "2024-02-01",
    "microsoft.machinelearningservices": "2024-10-01",
    "microsoft.managedidentity": "2024-11-30",
    "microsoft.operationalinsights": "2025-02-01",
    "microsoft.storage": "2024-01-01",
}
_OTHERWISE = "2021-04-01"  # of Resource Manager's own calls


def api_version(path: str) -> str:
    provider = path.lower().rpartition("/providers/")[2].partition("/")[0]
    return _OF_PROVIDER.get(provider, _OTHERWISE)
