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
from dataclasses import replace

from emulator.client_certificates import IGNORE
from emulator.data_plane.routes.apps import AppRoute, RevisionRoute
from emulator.services.container_apps.app_ingress_rules import address_rules
from emulator.services.container_apps.app_spec import AppSpec
from emulator.services.container_apps.hosts import fqdn


def app_routes(
    app_id: str,
    spec: AppSpec,
    domain: str,
    running: Mapping[str, RevisionRoute],
    *,
    latest: str,
    latest_ready: str,
) -> dict[str, AppRoute]:
    """Host name -> what answers there.

    `running` has the active revisions by name, `latest` and `latest_ready` are names of revisions,
    "" where there is none.
    """
    ingress = spec.configuration.ingress
    if not ingress:
        return {}
    shares = tuple(
        (running[name], weight)
        for name, weight in ingress.weights(latest_ready).items()
        if name in running
    )
    if not shares and latest in running:  # the first revision, which has not been ready yet
        shares = ((running[latest], 100),)
    names = {spec.name: shares}
    names |= {name: ((revision, 100),) for name, revision in running.items()}
    names |= {
        f"{spec.name}---{label}": ((running[name], 100),)
        for label, name in ingress.labels(latest_ready).items()
        if name in running
    }
    routes: dict[str, AppRoute] = {}
    for name, answering in names.items():
        inner = fqdn(name, domain, external=False).lower()
        route = AppRoute(
            answering,
            domain,
            ingress.allow_insecure,
            address_rules(ingress.restrictions),
            ingress.cors.rules if ingress.cors else None,
            is_sticky=ingress.affinity == "sticky",
            client_certificates=ingress.client_certificates or IGNORE,
            app_id=app_id,
        )
        routes[inner] = route
        if ingress.external:
            routes[fqdn(name, domain).lower()] = replace(route, only_in="")
    return routes
