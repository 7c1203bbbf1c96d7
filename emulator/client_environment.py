"""What a program has in its environment to reach local Azure instead of Azure."""

from __future__ import annotations

import os

from emulator.defaults import CLIENT_ID, RESOURCE_GROUP, SUBSCRIPTION, TENANT, WORKSPACE
from emulator.home import Home
from emulator.no_proxy import without_azure
from emulator.proxy_password import proxy_url, read_password
from emulator.state_file import damaged, read_object
from emulator.tls import write_bundle


def client_environment(home: Home, port: int) -> dict[str, str]:
    """The variables for clients of the emulator that listens on `port`.

    Raises StateError or OSError when a file of its state cannot be used.
    """
    proxy = proxy_url(port, read_password(home.proxy_password))
    bundle = str(write_bundle(home.tls / "bundle.crt", home.ca_certificate))
    direct = without_azure(os.environ, "localhost", "127.0.0.1")
    secret = read_object(home.identity).get("client_secret")
    if not isinstance(secret, str):
        raise damaged(home.identity)
    both_cases = {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "NO_PROXY": direct}
    return {
        **both_cases,
        **{name.lower(): value for name, value in both_cases.items()},
        "AZURE_LOCAL_PROXY": proxy,
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT_ID,
        "AZURE_CLIENT_SECRET": secret,
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_RESOURCE_GROUP": RESOURCE_GROUP,
        "AZUREML_WORKSPACE": WORKSPACE,
        "AZURE_CONFIG_DIR": str(home.azure_config),
    }
