"""One rule of `properties.template.scale.rules`.

    kind         what asks for replicas                      here
    http         requests at once                            honoured
    custom       `type: http`                                as http
                 `type: cpu` and `memory`                    honoured: what the replicas use of them
                 any other scaler of KEDA's                  kept: nothing asks
    tcp          connections at once                         kept: nothing asks
    azureQueue   messages in a queue                         kept: nothing asks

https://learn.microsoft.com/azure/container-apps/scale-app
https://keda.sh/docs/latest/scalers/cpu/
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.arm.fields import Fields
from emulator.services.container_apps.errors import invalid, unknown_secret
from emulator.services.container_apps.scaling import LoadTarget

KINDS = ("azureQueue", "custom", "http", "tcp")
DEFAULT_CONCURRENCY = 10  # requests, and connections
_QUANTITY = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(m|k|M|G|Ki|Mi|Gi)?", re.ASCII)
_UNITS = {
    None: 1.0,
    "m": 0.001,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
}


@dataclass(frozen=True)
class AppScaleRule:
    """`settings` is what is shown of its kind. What it asks for is `concurrency` (requests at once
    for each replica) or `load`; both are None where nothing asks."""

    name: str
    kind: str
    settings: Mapping[str, Any]
    concurrency: int | None = None
    load: LoadTarget | None = None

    @classmethod
    def read(cls, given: Fields, secrets: Container[str] | None) -> AppScaleRule:
        """`secrets` are the app's (None: any). Raises ArmError 400 naming the field."""
        given.only(("name", *KINDS), "a scale rule")
        name = given.text("name", "")
        if not name:
            raise invalid("properties.template.scale.rules.name", "Required value")
        fields = Fields(given.value, f"properties.template.scale.rules.{name}", given.refuse)
        kinds = [kind for kind in KINDS if fields.has(kind)]
        if len(kinds) != 1:
            raise invalid(fields.path, f"Required value: one of {', '.join(KINDS)}")
        kind = kinds[0]
        rule = fields.object(kind)
        if kind == "azureQueue":
            return cls(name, kind, _queue(rule, secrets))
        own = ("type",) if kind == "custom" else ()
        rule.only((*own, "metadata", "auth", "identity"), f"a scale rule of the kind {kind}")
        metadata = rule.mapping("metadata")
        access = _access(rule, secrets)
        if kind == "custom":
            scaler = rule.text("type", "")
            if not scaler:
                raise invalid(rule.at("type"), "Required value")
            concurrency = load = None
            if scaler.lower() == "http":
                concurrency = _target(rule, metadata, "concurrentRequests")
            elif scaler.lower() in ("cpu", "memory"):
                load = _load(rule, metadata, scaler.lower())
            settings = {"type": scaler, "metadata": metadata, **access}
            return cls(name, kind, settings, concurrency, load)
        target = "concurrentRequests" if kind == "http" else "concurrentConnections"
        count = _target(rule, metadata, target)
        others = {key: text for key, text in metadata.items() if key.lower() != target.lower()}
        settings = {"metadata": {**others, target: str(count)}, **access}
        return cls(name, kind, settings, count if kind == "http" else None)

    @property
    def is_evaluated(self) -> bool:
        """Whether anything asks for replicas by it."""
        return self.concurrency is not None or self.load is not None

    @property
    def what(self) -> str:
        """The kind, and of a custom one the scaler."""
        return f"custom, {self.settings['type']}" if self.kind == "custom" else self.kind

    def to_body(self) -> dict[str, Any]:
        return {"name": self.name, self.kind: dict(self.settings)}


def _access(rule: Fields, secrets: Container[str] | None) -> dict[str, Any]:
    """What a scaler signs in with: secrets of the app, by the parameters that they are for."""
    auth = []
    for item in rule.objects("auth"):
        item.only(("secretRef", "triggerParameter"), "the auth of a scale rule")
        reference = item.text("secretRef", "")
        if secrets is not None and reference not in secrets:
            raise unknown_secret(reference, f"scale rule '{rule.path}'", item.at("secretRef"))
        auth.append({"secretRef": reference, "triggerParameter": item.text("triggerParameter", "")})
    identity = rule.text("identity")
    return {
        **({"auth": auth} if auth else {}),
        **({"identity": identity} if identity else {}),
    }


def _queue(rule: Fields, secrets: Container[str] | None) -> dict[str, Any]:
    known = ("accountName", "queueName", "queueLength", "auth", "identity")
    rule.only(known, "a scale rule of the kind azureQueue")
    name, account = rule.text("queueName", ""), rule.text("accountName")
    if not name:
        raise invalid(rule.at("queueName"), "Required value")
    length = rule.whole("queueLength", least=1, most=10**9)
    return {
        **({"accountName": account} if account else {}),
        "queueName": name,
        **({} if length is None else {"queueLength": length}),
        **_access(rule, secrets),
    }


def _target(rule: Fields, metadata: Mapping[str, str], name: str) -> int:
    """How many at once are for one replica."""
    given = _of(metadata, name)
    text = str(DEFAULT_CONCURRENCY) if given is None else given
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise invalid(
            f"{rule.path}.metadata.{name}",
            f'Invalid value: "{text}": must be a whole number above 0',
        )
    return int(text)


def _load(rule: Fields, metadata: Mapping[str, str], resource: str) -> LoadTarget:
    kind = (_of(metadata, "type") or "Utilization").lower()
    if kind not in ("utilization", "averagevalue"):
        raise invalid(
            f"{rule.path}.metadata.type", f'Invalid value: "{kind}": Utilization or AverageValue'
        )
    text = _of(metadata, "value") or ""
    found = _QUANTITY.fullmatch(text)
    value = float(found[1]) * _UNITS[found[2]] if found else 0.0
    is_percent = kind == "utilization"
    if not found or value <= 0 or (is_percent and found[2]):
        expected = "a number of per cent" if is_percent else 'a quantity such as "500m" or "100Mi"'
        raise invalid(
            f"{rule.path}.metadata.value", f'Invalid value: "{text}": must be {expected} above 0'
        )
    return LoadTarget(resource, value, is_percent=is_percent)


def _of(metadata: Mapping[str, str], name: str) -> str | None:
    return next((text for key, text in metadata.items() if key.lower() == name.lower()), None)
