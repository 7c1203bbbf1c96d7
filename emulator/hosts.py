"""Which host names are Azure's, and which are addresses of container groups."""

from __future__ import annotations

import ipaddress

from emulator.defaults import AZURE_DOMAINS, METADATA_HOST, PUBLIC_RANGES

# Of the containers' domain these are Azure's own hosts, the ends of terminals' web sockets.
OUR_CONTAINER_HOSTS = ".management.azurecontainer.io"
# What no client may reach but through local Azure, of all addresses.
OUR_NETWORKS = tuple(ipaddress.ip_network(text) for text in (*PUBLIC_RANGES, METADATA_HOST))
PUBLIC_NETWORKS = tuple(ipaddress.ip_network(text) for text in PUBLIC_RANGES)


def is_azure(host: str) -> bool:
    """Whether the host is one of Azure's domains or below one, or its metadata service."""
    name = host.lower().rstrip(".")
    return name == METADATA_HOST or any(
        name == domain or name.endswith("." + domain) for domain in AZURE_DOMAINS
    )


def is_container_group(host: str) -> bool:
    """Whether the host is the name or the public IP of a container group."""
    name = host.lower().rstrip(".")
    if name.endswith(".azurecontainer.io"):
        return not name.endswith(OUR_CONTAINER_HOSTS)
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any(address in network for network in PUBLIC_NETWORKS)
