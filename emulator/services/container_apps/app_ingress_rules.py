"""What an app's ingress heeds beside the traffic: IP restrictions and the CORS policy.

https://learn.microsoft.com/azure/container-apps/ip-restrictions
https://learn.microsoft.com/azure/container-apps/cors
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from emulator.arm.fields import Fields
from emulator.data_plane.routes.ingress_rules import AddressRules, CorsRules, Network

_ORIGIN = re.compile(r"[!-~]+")
_HEADER_PART = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # also of a method's name
LONGEST_AGE = 2**31 - 1  # seconds


@dataclass(frozen=True)
class AppIpRestriction:
    """`range` is as it was sent, `network` what it means; `action` is Allow or Deny."""

    name: str
    description: str | None
    range: str
    network: Network
    action: str

    @classmethod
    def read(cls, fields: Fields) -> AppIpRestriction:
        """Raises ArmError 400 naming the field."""
        fields.only(("name", "description", "ipAddressRange", "action"), "an IP restriction")
        given = fields.required_text("ipAddressRange")
        try:
            network = ip_network(given, strict=False)
        except ValueError:
            raise fields.wrong("ipAddressRange", 'addresses such as "203.0.113.0/24"') from None
        action = fields.choice("action", ("Allow", "Deny"))
        if action is None:
            raise fields.missing("action")
        return cls(fields.required_text("name"), fields.text("description"), given, network, action)

    def to_body(self) -> dict[str, Any]:
        return {
            "name": self.name,
            **({} if self.description is None else {"description": self.description}),
            "ipAddressRange": self.range,
            "action": self.action,
        }


def read_restrictions(ingress: Fields) -> tuple[AppIpRestriction, ...]:
    """All of an ingress. Raises ArmError 400: all allow, or all deny."""
    found = tuple(AppIpRestriction.read(item) for item in ingress.objects("ipSecurityRestrictions"))
    if len({one.action for one in found}) > 1:
        raise ingress.error(
            "ipSecurityRestrictions", "The rules must all have the same action: Allow, or Deny."
        )
    return found


def address_rules(restrictions: tuple[AppIpRestriction, ...]) -> AddressRules | None:
    if not restrictions:
        return None
    networks = tuple(one.network for one in restrictions)
    return AddressRules(networks, allows=restrictions[0].action == "Allow")


@dataclass(frozen=True)
class AppCors:
    """`properties.configuration.ingress.corsPolicy`."""

    rules: CorsRules

    @classmethod
    def read(cls, fields: Fields) -> AppCors:
        """Raises ArmError 400 naming the field."""
        fields.only(
            (
                "allowedOrigins",
                "allowedMethods",
                "allowedHeaders",
                "exposeHeaders",
                "maxAge",
                "allowCredentials",
            ),
            "corsPolicy",
        )
        origins = tuple(fields.texts("allowedOrigins"))
        if not origins:
            raise fields.missing("allowedOrigins")
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise fields.wrong("allowedOrigins", 'origins such as "https://example.com"')
        return cls(
            CorsRules(
                origins,
                _parts(fields, "allowedMethods"),
                _parts(fields, "allowedHeaders"),
                _parts(fields, "exposeHeaders"),
                fields.whole("maxAge", most=LONGEST_AGE),
                fields.flag("allowCredentials", False),
            )
        )

    def to_body(self) -> dict[str, Any]:
        rules = self.rules
        return {
            "allowedOrigins": list(rules.origins),
            "allowedMethods": list(rules.methods) or None,
            "allowedHeaders": list(rules.headers) or None,
            "exposeHeaders": list(rules.exposed) or None,
            "maxAge": rules.max_age,
            "allowCredentials": rules.credentials,
        }


def _parts(fields: Fields, name: str) -> tuple[str, ...]:
    found = tuple(fields.texts(name))
    for part in found:
        if not _HEADER_PART.fullmatch(part):
            raise fields.wrong(name, "names as they stand in HTTP, or *")
    return found
