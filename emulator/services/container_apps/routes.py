"""Tells the ingress which replicas answer at which host name.

    https://{app}.{environment}              the app, its traffic shared by weight
    https://{app}---{label}.{environment}    the revision that has the label
    https://{app}--{suffix}.{environment}    one active revision

An app whose ingress is internal has ".internal" before the environment's domain, and answers the
other apps of the environment alone. They may call every app so, and by its plain name.

https://learn.microsoft.com/azure/container-apps/connect-apps
https://learn.microsoft.com/azure/container-apps/revisions-labels
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.data_plane.routes.apps import AppRoute, RevisionRoute
from emulator.store import Resource


def fqdn(name: str, domain: str, *, external: bool = True) -> str:
    return f"{name}{'' if external else '.internal'}.{domain}"


def weights(app: Resource) -> dict[str, int]:
    """Revision name -> per cent. "Latest" is the latest revision that has been ready."""
    ingress = app.properties["configuration"]["ingress"]
    if not ingress:
        return {}
    found: dict[str, int] = {}
    for share in ingress["traffic"]:
        name = _name(share, app.properties)
        if name:
            found[name] = found.get(name, 0) + share["weight"]
    return found


def labels(app: Resource) -> dict[str, str]:
    """Label -> revision name."""
    ingress = app.properties["configuration"]["ingress"]
    return {
        share["label"]: name
        for share in (ingress or {}).get("traffic", ())
        if share.get("label") and (name := _name(share, app.properties))
    }


def _name(share: Mapping[str, Any], properties: Mapping[str, Any]) -> str | None:
    name = share.get("revisionName") or properties.get("latestReadyRevisionName")
    return str(name) if name else None


def app_routes(
    app: Resource, domain: str, running: Mapping[str, RevisionRoute]
) -> dict[str, AppRoute]:
    """Host name -> what answers there. `running` has the active revisions by name."""
    ingress = app.properties["configuration"]["ingress"]
    if not ingress:
        return {}
    insecure = ingress["allowInsecure"]
    latest = running.get(app.properties.get("latestRevisionName") or "")
    shares = tuple(
        (running[name], weight) for name, weight in weights(app).items() if name in running
    )
    if not shares and latest:  # the first revision, which has not been ready yet
        shares = ((latest, 100),)
    names = {app.name: shares}
    names |= {name: ((revision, 100),) for name, revision in running.items()}
    names |= {
        f"{app.name}---{label}": ((running[name], 100),)
        for label, name in labels(app).items()
        if name in running
    }
    routes: dict[str, AppRoute] = {}
    for name, answering in names.items():
        inner = fqdn(name, domain, external=False).lower()
        routes[inner] = AppRoute(answering, domain, insecure)
        if ingress["external"]:
            routes[fqdn(name, domain).lower()] = AppRoute(answering, "", insecure)
    return routes
