"""`properties.configuration.ingress`: who may call the app, and which revision answers.

https://learn.microsoft.com/azure/container-apps/ingress-overview
https://learn.microsoft.com/azure/container-apps/traffic-splitting
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import ArmError, bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.client_certificates import ACCEPT, IGNORE, REQUIRE
from emulator.services.container_apps.app_ingress_rules import (
    AppCors,
    AppIpRestriction,
    read_restrictions,
)

TRANSPORTS = ("Auto", "Http", "Http2", "Tcp")
LONGEST_LABEL = 64
_LABEL = re.compile(r"[a-z0-9](?!.*--)([a-z0-9-]*[a-z0-9])?")
_PATH = "properties.configuration.ingress.traffic"


@dataclass(frozen=True)
class TrafficShare:
    """So many per cent for a revision; `revision` is "" for the latest that is ready."""

    revision: str
    weight: int
    label: str = ""

    @classmethod
    def read(cls, given: Fields) -> TrafficShare:
        given.only(("revisionName", "weight", "latestRevision", "label"), "traffic")
        fields = Fields(given.value, given.path, _invalid_at)
        weight = fields.whole("weight", 0, least=0, most=100)
        name, latest = fields.text("revisionName", ""), fields.flag("latestRevision", False)
        if bool(name) == latest:
            raise invalid_traffic(
                "A share of the traffic is for a revisionName or for latestRevision, one of the "
                "two.",
                "revisionName",
            )
        label = fields.text("label", "")
        if label and (not _LABEL.fullmatch(label) or len(label) > LONGEST_LABEL):
            raise invalid_traffic(
                f"Invalid label '{label}': lower case alphanumeric characters or '-', starting and "
                f"ending with an alphanumeric one, no '--', at most {LONGEST_LABEL} characters.",
                "label",
            )
        return cls(name, weight, label)

    def to_body(self) -> dict[str, Any]:
        return {
            **({"revisionName": self.revision} if self.revision else {"latestRevision": True}),
            "weight": self.weight,
            **({"label": self.label} if self.label else {}),
        }


@dataclass(frozen=True)
class AppIngress:
    """`target_port` is None where Azure finds it out; `affinity` is "sticky", "none" or None.
    `client_certificates` is IGNORE, ACCEPT, REQUIRE or None, which is as IGNORE. `port_scheme` is
    as it was sent: only what Azure does without it is taken."""

    external: bool
    target_port: int | None
    transport: str
    traffic: tuple[TrafficShare, ...]
    allow_insecure: bool
    affinity: str | None
    client_certificates: str | None
    port_scheme: str | None
    restrictions: tuple[AppIpRestriction, ...]
    cors: AppCors | None

    @classmethod
    def read(cls, fields: Fields, mode: str) -> AppIngress:
        """`mode` is Single or Multiple. Raises ArmError 400 or 501."""
        fields.only(
            (
                "fqdn",
                "external",
                "targetPort",
                "exposedPort",
                "transport",
                "traffic",
                "customDomains",
                "allowInsecure",
                "ipSecurityRestrictions",
                "stickySessions",
                "clientCertificateMode",
                "corsPolicy",
                "additionalPortMappings",
                "targetPortHttpScheme",
            ),
            "ingress",
        )
        fields.not_emulated(
            {
                "additionalPortMappings": None,
                "customDomains": None,
                "exposedPort": 0,  # for the transport tcp alone
            },
            "a container app",
        )
        transport = fields.choice("transport", TRANSPORTS, "Auto")
        if transport not in ("Auto", "Http"):
            raise not_emulated(f"the ingress transport {transport.lower()}, only auto and http")
        sticky = fields.object("stickySessions")
        sticky.only(("affinity",), "stickySessions")
        affinity = sticky.choice("affinity", ("none", "sticky"))
        if affinity == "sticky" and mode != "Single":
            raise bad_request(
                "Session affinity needs the revision mode Single.",
                code="ContainerAppInvalidIngressStickySessionRevisionMode",
                target=sticky.at("affinity"),
            )
        certificates = fields.choice("clientCertificateMode", (IGNORE, ACCEPT, REQUIRE))
        scheme = fields.choice("targetPortHttpScheme", ("http", "https"))
        if scheme == "https":
            raise not_emulated("an ingress that calls its app by https")
        ports = Fields(fields.value, fields.path, _invalid_port)
        return cls(
            fields.flag("external", False),
            ports.whole("targetPort", 0, least=0, most=65535) or None,
            transport,
            _traffic(fields, mode),
            fields.flag("allowInsecure", False),
            affinity,
            certificates,
            scheme,
            read_restrictions(fields),
            AppCors.read(fields.object("corsPolicy")) if fields.has("corsPolicy") else None,
        )

    def to_body(self, fqdn: str) -> dict[str, Any]:
        return {
            "fqdn": fqdn,
            "external": self.external,
            "targetPort": self.target_port,
            "exposedPort": 0,
            "transport": self.transport,
            "traffic": [share.to_body() for share in self.traffic],
            "customDomains": None,
            "allowInsecure": self.allow_insecure,
            "ipSecurityRestrictions": [one.to_body() for one in self.restrictions] or None,
            "corsPolicy": self.cors.to_body() if self.cors else None,
            "clientCertificateMode": self.client_certificates,
            "stickySessions": {"affinity": self.affinity} if self.affinity else None,
            "additionalPortMappings": None,
            **({"targetPortHttpScheme": self.port_scheme} if self.port_scheme else {}),
        }

    def weights(self, latest_ready: str) -> dict[str, int]:
        """Revision name -> per cent. `latest_ready` is "" before one has been ready."""
        found: dict[str, int] = {}
        for share in self.traffic:
            if name := share.revision or latest_ready:
                found[name] = found.get(name, 0) + share.weight
        return found

    def labels(self, latest_ready: str) -> dict[str, str]:
        """Label -> revision name."""
        return {
            share.label: name
            for share in self.traffic
            if share.label and (name := share.revision or latest_ready)
        }

    def check_revisions(self, active: Mapping[str, bool]) -> None:
        """Traffic goes to revisions that exist and are active. Raises ArmError 400."""
        for share in self.traffic:
            name = share.revision
            if name and name not in active:
                there = ", ".join(active) or "none"
                raise invalid_traffic(
                    f"The revision '{name}' does not exist; there is {there}.", "revisionName"
                )
            if name and share.weight and not active[name]:
                raise invalid_traffic(f"The revision '{name}' is not active.", "revisionName")


def _traffic(fields: Fields, mode: str) -> tuple[TrafficShare, ...]:
    all_to_latest = (TrafficShare("", 100),)
    traffic = tuple(TrafficShare.read(share) for share in fields.objects("traffic"))
    if not traffic:
        return all_to_latest
    total = sum(share.weight for share in traffic)
    if total != 100:
        raise invalid_traffic(f"The traffic weights add up to {total}: they must add up to 100.")
    labels = [share.label for share in traffic if share.label]
    if len(labels) != len(set(labels)):
        raise invalid_traffic("A label can be given to one revision only.", "label")
    whose = [share.revision for share in traffic]
    if len(whose) != len(set(whose)):
        raise invalid_traffic("Each revision can be there once.", "revisionName")
    # In single mode all traffic goes to the latest revision that is ready.
    return all_to_latest if mode == "Single" else traffic


def invalid_traffic(message: str, field: str = "") -> ArmError:
    return _invalid_at(f"{_PATH}.{field}" if field else _PATH, message)


def _invalid_at(path: str, message: str) -> ArmError:
    """The code and the sentences are local Azure's: no answer of Azure's to such a body is
    published. Its page says that the weights must add up to 100:
    https://learn.microsoft.com/azure/container-apps/traffic-splitting"""
    return bad_request(message, code="ContainerAppInvalidTraffic", target=path)


def _invalid_port(path: str, message: str) -> ArmError:
    return bad_request(message, code="ContainerAppInvalidIngressTargetPort", target=path)
