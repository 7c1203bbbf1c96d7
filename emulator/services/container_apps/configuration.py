"""What `properties.configuration` may be: ingress and traffic, secrets, registries, the mode.

Changing it makes no new revision. A secret's value is kept under `_value`, which is never shown.

https://learn.microsoft.com/azure/container-apps/azure-resource-manager-api-spec
https://learn.microsoft.com/azure/container-apps/traffic-splitting
"""

from __future__ import annotations

import re
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.services.container_apps.fields import objects, pick, section, whole
from emulator.services.container_apps.template import unknown_secret

MODES = {"single": "Single", "multiple": "Multiple"}
MOST_INACTIVE = 100
LATEST = {"weight": 100, "latestRevision": True}
TRANSPORTS = {"auto": "Auto", "http": "Http"}
# The app's name and host name suffixes are settled elsewhere; these settings are not emulated.
_INGRESS_NOT_EMULATED = (
    "additionalPortMappings",
    "corsPolicy",
    "customDomains",
    "ipSecurityRestrictions",
)
_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9](?!.*--)([a-z0-9-]*[a-z0-9])?")


def normal_configuration(given: dict[str, Any], fqdn: str) -> dict[str, Any]:
    """The configuration as it is kept. `fqdn` has a `{}` for ".internal" of an internal app.

    Raises ArmError 400 naming the field, or 501.
    """
    mode = MODES.get(str(given.get("activeRevisionsMode") or "Single").lower())
    if mode is None:
        raise not_emulated(f"activeRevisionsMode {given['activeRevisionsMode']}")
    if section(given, "dapr").get("enabled"):
        raise not_emulated("Dapr")
    for name in ("service", "identitySettings", "runtime"):
        if given.get(name):
            raise not_emulated(f"configuration.{name} of a container app")
    secrets = [_secret(secret) for secret in objects(given, "secrets")]
    names = [secret["name"] for secret in secrets]
    if twice := [name for name in names if names.count(name) > 1]:
        raise bad_request(
            f"The secret '{twice[0]}' is defined more than once.",
            code="ContainerAppSecretInvalid",
            target="properties.configuration.secrets",
        )
    registries = [_registry(item, set(names)) for item in objects(given, "registries")]
    return {
        "secrets": secrets or None,
        "activeRevisionsMode": mode,
        "ingress": _ingress(given["ingress"], mode, fqdn) if given.get("ingress") else None,
        "registries": registries or None,
        "dapr": None,
        "maxInactiveRevisions": whole(
            given, "maxInactiveRevisions", "configuration", 0, MOST_INACTIVE, MOST_INACTIVE
        ),
    }


def _secret(given: dict[str, Any]) -> dict[str, Any]:
    name = given.get("name")
    if not isinstance(name, str) or not _SECRET.fullmatch(name):
        raise bad_request(
            f"Invalid Request: Container app secret name '{name}' is invalid: lower case "
            "alphanumeric characters, '-' or '.', starting and ending with an alphanumeric one.",
            code="ContainerAppSecretNameInvalid",
            target="properties.configuration.secrets.name",
        )
    if given.get("keyVaultUrl"):
        raise not_emulated("secrets that refer to a key vault")
    # A secret that was kept comes from the stored body, one that is given from a request.
    value = given.get("_value") if given.get("value") is None else given["value"]
    if not value:
        raise bad_request(
            f"Invalid Request: Container app secret(s) with name(s) '{name}' are invalid: value or "
            "keyVaultUrl and identity should be provided.",
            code="ContainerAppSecretInvalid",
            target=f"properties.configuration.secrets.{name}",
        )
    return {"name": name, "_value": str(value)}


def secret_values(configuration: dict[str, Any]) -> dict[str, str]:
    return {secret["name"]: secret["_value"] for secret in configuration["secrets"] or []}


def _registry(given: dict[str, Any], secrets: set[str]) -> dict[str, Any]:
    server = str(given.get("server") or "").lower()
    field = f"properties.configuration.registries.{server or 'server'}"
    if not re.fullmatch(r"[a-z0-9.-]+(:\d+)?", server):
        raise bad_request(
            f"The registry server '{server}' is not a host name.",
            code="ContainerAppRegistryInvalid",
            target=field,
        )
    if given.get("identity"):
        raise not_emulated("pulling images with a managed identity; give a user name and password")
    if not (given.get("username") and given.get("passwordSecretRef")):
        raise bad_request(
            f"The registry '{server}' needs a username and a passwordSecretRef.",
            code="ContainerAppRegistryInvalid",
            target=field,
        )
    if given["passwordSecretRef"] not in secrets:
        raise unknown_secret(
            str(given["passwordSecretRef"]),
            f"registry server '{server}'",
            f"configuration.registries.{server}.passwordSecretRef",
        )
    return {"server": server, **pick(given, ("username", "passwordSecretRef")), "identity": ""}


def _ingress(given: object, mode: str, fqdn: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise bad_request("ingress must be an object.", target="properties.configuration.ingress")
    for name in _INGRESS_NOT_EMULATED:
        if given.get(name):
            raise not_emulated(f"ingress.{name} of a container app")
    transport = TRANSPORTS.get(str(given.get("transport") or "auto").lower())
    if transport is None:
        raise not_emulated(f"the ingress transport {given['transport']}, only auto and http")
    if section(given, "stickySessions").get("affinity") == "sticky":
        raise not_emulated("sticky sessions")
    if str(given.get("clientCertificateMode") or "ignore").lower() != "ignore":
        raise not_emulated("client certificates at the ingress")
    external = bool(given.get("external"))
    port = given.get("targetPort")
    if port is not None and (
        isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535
    ):
        raise bad_request(
            f"Ingress targetPort must be a number from 1 to 65535, not {port!r}.",
            code="ContainerAppInvalidIngressTargetPort",
            target="properties.configuration.ingress.targetPort",
        )
    return {
        "fqdn": fqdn.format("" if external else ".internal"),
        "external": external,
        "targetPort": port or None,
        "exposedPort": 0,
        "transport": transport,
        "traffic": _traffic(objects(given, "traffic"), mode),
        "customDomains": None,
        "allowInsecure": bool(given.get("allowInsecure")),
        "ipSecurityRestrictions": None,
        "corsPolicy": None,
        "clientCertificateMode": None,
        "stickySessions": None,
        "additionalPortMappings": None,
    }


def _traffic(given: list[dict[str, Any]], mode: str) -> list[dict[str, Any]]:
    if not given:
        return [dict(LATEST)]
    traffic = [_share(share) for share in given]
    total = sum(share["weight"] for share in traffic)
    if total != 100:
        raise _bad_traffic(f"The traffic weights add up to {total}: they must add up to 100.")
    labels = [share["label"] for share in traffic if share.get("label")]
    if len(labels) != len(set(labels)):
        raise _bad_traffic("A label can be given to one revision only.", "label")
    whose = [share.get("revisionName") for share in traffic]
    if len(whose) != len(set(whose)):
        raise _bad_traffic("Each revision can be there once.", "revisionName")
    # In single mode all traffic goes to the latest revision that is ready.
    return [dict(LATEST)] if mode == "Single" else traffic


def _share(given: dict[str, Any]) -> dict[str, Any]:
    weight = given.get("weight", 0) or 0
    if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= 100:
        raise _bad_traffic(f"A weight is a whole number from 0 to 100, not {weight!r}.", "weight")
    name, latest = given.get("revisionName"), bool(given.get("latestRevision"))
    if bool(name) == latest:
        raise _bad_traffic(
            "A share of the traffic is for a revisionName or for latestRevision, one of the two.",
            "revisionName",
        )
    label = given.get("label")
    if label and (not _LABEL.fullmatch(label) or len(label) > 64):
        raise _bad_traffic(
            f"Invalid label '{label}': lower case alphanumeric characters or '-', starting and "
            "ending with an alphanumeric one, no '--', at most 64 characters.",
            "label",
        )
    return {
        **({"latestRevision": True} if latest else {"revisionName": name}),
        "weight": weight,
        **({"label": label} if label else {}),
    }


def _bad_traffic(message: str, field: str = "") -> ArmError:
    return bad_request(
        message,
        code="ContainerAppInvalidTraffic",
        target="properties.configuration.ingress.traffic" + (f".{field}" if field else ""),
    )


def check_revisions(configuration: dict[str, Any], active: dict[str, bool]) -> None:
    """Traffic goes to revisions that exist and are active. Raises ArmError 400."""
    for share in (configuration["ingress"] or {}).get("traffic", []):
        name = share.get("revisionName")
        if name is None:
            continue
        if name not in active:
            raise _bad_traffic(
                f"The revision '{name}' does not exist; there is {', '.join(active) or 'none'}.",
                "revisionName",
            )
        if not active[name] and share["weight"]:
            raise _bad_traffic(f"The revision '{name}' is not active.", "revisionName")
