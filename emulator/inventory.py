"""What is in local Azure, read from its database, whether it runs or not: `emulator status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from emulator.store import Resource, Store

VERSIONS = "/versions"
GROUPS = "Microsoft.ContainerInstance/containerGroups"
WORKSPACES = "microsoft.machinelearningservices/workspaces"
WEB = {80: "http", 443: "https"}


@dataclass(frozen=True)
class Entry:
    """A resource. `state` is "" where it has none, `address` where nothing answers for it.

    `versions` is how many versions there are of what has versions (a model), else None.
    """

    type: str
    id: str
    name: str
    state: str
    address: str
    versions: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def inventory(database: Path) -> list[Entry]:
    """Return what there is, in order of type and id; nothing without a database.

    What Azure lists to nobody is not among it. Raises StoreError when the database cannot be used.
    """
    if not database.exists():
        return []
    store = Store(database)
    resources = [one for one in store.below("/subscriptions") if not one.private.get("curated")]
    store.close()
    versions = Counter(_parent(one.id).lower() for one in resources if _is_version(one))
    entries = [
        Entry(
            type=one.type,
            id=one.id,
            name=one.name,
            state=_state(one),
            address=_address(one),
            versions=versions.get(one.id.lower()),
        )
        for one in resources
        if not _is_version(one)
    ]
    return sorted(entries, key=lambda entry: (entry.type.lower(), entry.id.lower()))


def table(entries: list[Entry]) -> list[str]:
    """Return the lines that show `entries`: for each type its name, and a line for each resource.

    A name is that below the resource group, without a workspace that is the only one.
    """
    workspaces = [entry.name for entry in entries if entry.type.lower() == WORKSPACES]
    omitted = f"{workspaces[0]}/" if len(workspaces) == 1 else "/"
    shown = [(entry, _full_name(entry).removeprefix(omitted)) for entry in entries]
    width = max((len(name) for _, name in shown), default=0)
    lines = []
    for kind, group in groupby(shown, key=lambda pair: pair[0].type.lower()):
        rows = list(group)
        lines.append(f"  {rows[0][0].type}")
        if kind == f"{WORKSPACES}/codes":  # nobody has named them
            lines.append(f"    {len(rows)} uploaded")
            continue
        for entry, name in rows:
            count = entry.versions
            state = entry.state if count is None else f"{count} version{'s' * (count != 1)}"
            lines.append(f"    {name:<{width}}  {state:<10}  {entry.address}".rstrip())
    return lines


def _is_version(resource: Resource) -> bool:
    return resource.type.endswith(VERSIONS)


def _parent(resource_id: str) -> str:
    """Return the id of the resource that another is below."""
    return resource_id.rsplit("/", 2)[0]


def _full_name(entry: Entry) -> str:
    """Return "endpoint/deployment" and the like: the names after the provider, without types."""
    _, _, provider = entry.id.rpartition("/providers/")
    return "/".join(provider.split("/")[2::2]) if provider != entry.id else entry.name


def _state(resource: Resource) -> str:
    """Return Azure's word for it: what a thing does, once it is provisioned."""
    if resource.type == GROUPS:
        return resource.state  # its instance view's
    properties = resource.properties
    provisioning = properties.get("provisioningState")
    if provisioning not in (None, "Succeeded"):
        return str(provisioning)
    return properties.get("runningStatus") or properties.get("status") or provisioning or ""


def _address(resource: Resource) -> str:
    find = ADDRESSES.get(resource.type.partition(".")[2])
    return find(resource) if find else ""


def _scoring_uri(endpoint: Resource) -> str:
    return endpoint.properties.get("scoringUri") or ""


def _group_address(group: Resource) -> str:
    """Return the addresses of a group's ports, as a browser has them where that speaks them."""
    address: Mapping[str, Any] = group.properties.get("ipAddress") or {}
    host = address.get("fqdn") or address.get("ip")
    if not host:
        return ""
    ports = [each["port"] for each in address.get("ports") or []]
    return " ".join(f"{WEB[port]}://{host}" if port in WEB else f"{host}:{port}" for port in ports)


def _app_address(app: Resource) -> str:
    ingress = (app.properties.get("configuration") or {}).get("ingress") or {}
    return f"https://{ingress['fqdn']}" if ingress.get("fqdn") else ""


# By the type without "Microsoft."
ADDRESSES: dict[str, Callable[[Resource], str]] = {
    "App/containerApps": _app_address,
    "App/managedEnvironments": lambda one: one.properties.get("defaultDomain") or "",
    "ContainerInstance/containerGroups": _group_address,
    "ContainerRegistry/registries": lambda one: f"{one.name.lower()}.azurecr.io",
    "MachineLearningServices/workspaces/batchEndpoints": _scoring_uri,
    "MachineLearningServices/workspaces/onlineEndpoints": _scoring_uri,
    "Storage/storageAccounts": lambda one: f"https://{one.name}.blob.core.windows.net",
}
