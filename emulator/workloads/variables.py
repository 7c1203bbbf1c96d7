"""The environment variables with which a workload reaches local Azure.

They are those that HTTP clients and the Azure SDKs look at: requests, httpx, urllib, curl, Go and
most others heed the first, azure-identity and its sisters in other languages the second.

https://learn.microsoft.com/azure/container-apps/managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.defaults import METADATA_HOST

# Where the token endpoints of three services are, as seen from a workload.
INSTANCE_METADATA_PATH = "/metadata/identity/oauth2/token"  # Container Instances, and all others
CONTAINER_APPS_PATH = "/msi/token"
MACHINE_LEARNING_PATH = "/MSI/auth"


def proxy_variables(proxy: str, direct: str, bundle: str) -> dict[str, str]:
    """`proxy` is the front door's URL, `direct` are the hosts to reach without it, `bundle` is the
    path of the certificates to trust."""
    both_cases = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": direct}
    return {
        **both_cases,
        **{name.lower(): value for name, value in both_cases.items()},
        **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), bundle),
    }


def container_apps_identity(secret: str) -> dict[str, str]:
    endpoint = f"http://{METADATA_HOST}{CONTAINER_APPS_PATH}"
    return {"IDENTITY_ENDPOINT": endpoint, "IDENTITY_HEADER": secret}


def machine_learning_identity(secret: str) -> dict[str, str]:
    """https://github.com/Azure/azureml-examples/blob/main/cli/endpoints/online/model-1/onlinescoring/score_managedidentity.py"""
    endpoint = f"http://{METADATA_HOST}{MACHINE_LEARNING_PATH}"
    return {"MSI_ENDPOINT": endpoint, "MSI_SECRET": secret}


def beneath(given: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """`given`, less what the workload sets by itself in whatever case, and then its own."""
    names = {name.lower() for name in own}
    return {name: value for name, value in given.items() if name.lower() not in names} | dict(own)
