"""What is typed into the form of a new app, or of a new revision of one, and the body it makes.

The pages and their words are those of Azure's portal:
https://learn.microsoft.com/azure/container-apps/get-started-existing-container-image-portal
https://learn.microsoft.com/azure/container-apps/ingress-how-to
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.azure import Json

CREATE = {
    "basics": "Basics", "container": "Container", "ingress": "Ingress", "review": "Review + create",
}  # fmt: skip
REVISE = {"container": "Container", "scale": "Scale"}
# What each page asks for. Of a tick, "" is sent first, and then "on" where it is set.
FIELDS: dict[str, str] = {
    "basics": "group new_group name region environment environment_name redundant",
    "container": (
        "quickstart container source registry authentication repository tag private server username"
        " password image command arguments size suffix"
    ),
    "ingress": "ingress external type certificates transport insecure port exposed affinity",
    "scale": "least most",
}
DOCKER_HUB = "docker.io"
FIRST = dict.fromkeys(" ".join(FIELDS.values()).split(), "") | {
    "quickstart": "on", "source": "acr", "authentication": "secret", "server": DOCKER_HUB,
    "size": "0.5,1Gi", "external": "yes", "type": "http", "certificates": "ignore",
    "transport": "auto", "port": "80",
}  # fmt: skip
QUICKSTART = "mcr.microsoft.com/k8se/quickstart:latest"
NEW = "new"  # the choice of something that is to be made
NAME = re.compile(r"(?=.{2,32}$)[a-z](?!.*--)[a-z0-9-]*[a-z0-9]")
EMPTY = "The value must not be empty."
# Cores in quarters, and twice as many Gi: https://learn.microsoft.com/azure/container-apps/containers
SIZES = [
    (f"{cores / 4:g},{cores / 2:g}Gi", f"{cores / 4:g} CPU cores, {cores / 2:g} Gi memory")
    for cores in range(1, 17)
]
# Where a field's name does not say it.
LABELS = {
    "name": "Container app name", "new_group": "Name of the new resource group",
    "container": "Name", "repository": "Image", "tag": "Image tag", "image": "Image and tag",
    "server": "Registry login server", "port": "Target port", "exposed": "Exposed port",
    "least": "Min replicas", "most": "Max replicas",
}  # fmt: skip
# A kind of scale rule -> its words, and the name of its number.
RULES = {
    "http": ("HTTP scaling", "concurrentRequests"),
    "tcp": ("TCP scaling", "concurrentConnections"),
    "cpu": ("Custom: cpu, % in use", "value"),
    "memory": ("Custom: memory, % in use", "value"),
}


@dataclass
class Step:
    """One change of a deployment; `state` is "" until its turn has come."""

    name: str
    type: str
    method: str
    path: str
    body: Json
    state: str = ""


@dataclass
class Draft:
    """`app` is the app of a new revision, None for a new app. `variables` have a name, "value" or
    "secret", and that; `rules` a name, a kind of RULES and its number. `error`: of a deployment."""

    number: int
    app: Json | None
    fields: dict[str, str] = field(default_factory=lambda: dict(FIRST))
    variables: list[tuple[str, ...]] = field(default_factory=list)
    rules: list[tuple[str, ...]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    error: str = ""

    @property
    def pages(self) -> dict[str, str]:
        return REVISE if self.app else CREATE

    def page_named(self, name: str) -> str:
        return name if name in self.pages else next(iter(self.pages))

    @property
    def registries(self) -> dict[str, Json]:
        """The registries that the app can sign in to already, by their servers."""
        configuration = (self.app or {}).get("properties", {}).get("configuration") or {}
        return {one["server"]: one for one in configuration.get("registries") or []}

    def read(self, page: str, form: Any) -> None:
        for name in FIELDS.get(page, "").split():
            given = [str(value).strip() for value in form.getlist(name)]
            if given and not (name == "password" and not given[-1]):  # the page does not repeat it
                self.fields[name] = given[-1]
        if "variable_name" in form:
            self.variables = _rows(form, "variable_name", "variable_source", "variable_value")
        if "rule_name" in form:
            self.rules = _rows(form, "rule_name", "rule_kind", "rule_value")

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def image(self) -> str:
        if self["quickstart"]:
            return QUICKSTART
        if self["source"] == "acr":
            return f"{self['registry']}/{self['repository']}:{self['tag']}"
        if self["server"] == DOCKER_HUB and not self["private"]:
            return self["image"]
        return f"{self['server']}/{self['image']}"

    @property
    def ingress_fields(self) -> dict[str, str]:
        """The page Ingress; the quickstart image brings its own, as in Azure's portal."""
        return {**FIRST, "ingress": "on"} if self["quickstart"] else self.fields

    def problems(self) -> list[tuple[str, str, str]]:
        """Return the page, the field and the message of everything that is wrong on its face."""
        wrong = []
        if self["name"] and not NAME.fullmatch(self["name"]):
            message = (
                f"Invalid ContainerApp name '{self['name']}'. A name must consist of lower case "
                "alphanumeric characters or '-', start with a letter, end with an alphanumeric "
                "character, cannot have '--', and must be 2 to 32 characters."
            )
            wrong.append(("basics", "name", message))
        for page, name in self._needed():
            if not self[name]:
                wrong.append((page, name, EMPTY))
        if not re.fullmatch(r"[0-9.]+,[0-9.]+Gi", self["size"]):
            wrong.append(("container", "size", "The value must be one of the choices."))
        for page, name, least, most in self._numbers():
            given = self[name]
            if given and not (re.fullmatch(r"[0-9]{1,5}", given) and least <= int(given) <= most):
                message = f"The value must be a number between {least} and {most}."
                wrong.append((page, name, message))
        return wrong

    def _needed(self) -> list[tuple[str, str]]:
        needed = []
        if self.app is None:
            names = ["name", "group", "region", "environment"]
            names += ["new_group"] * (self["group"] == NEW)
            names += ["environment_name"] * (self["environment"] == NEW)
            needed += [("basics", name) for name in names]
        if not self["quickstart"]:
            names = ["container"]
            names += ["registry", "repository", "tag"] if self["source"] == "acr" else ["image"]
            if self["source"] != "acr":
                names += ["server", *(["username", "password"] if self["private"] else [])]
            needed += [("container", name) for name in names]
            needed += [("ingress", "port")] * bool(self["ingress"])
        return needed

    def _numbers(self) -> list[tuple[str, str, int, int]]:
        ports = ("port", *(["exposed"] if self["type"] == "tcp" else []))
        is_asked = self["ingress"] and not self["quickstart"]
        numbers = [("ingress", name, 1, 65535) for name in ports if is_asked]
        scale = [("scale", "least", 0, 1000), ("scale", "most", 1, 1000)]
        return numbers + (scale if self.app else [])

    def container_body(self, before: Json) -> Json:
        """Return a container: that from before, with what was typed."""
        cpu, _, memory = self["size"].partition(",")
        if self["quickstart"]:
            return {
                "name": "simple-hello-world-container",
                "image": QUICKSTART,
                "resources": {"cpu": float(cpu), "memory": memory},
            }
        return {
            **before,
            "name": self["container"],
            "image": self.image,
            "command": _parts(self["command"]),
            "args": _parts(self["arguments"]),
            "resources": {"cpu": float(cpu), "memory": memory},
            "env": [
                {"name": name, "secretRef" if source == "secret" else "value": value}
                for name, source, value in self.variables
            ],
        }

    def template_body(self) -> Json:
        """Return the template of the new app, or of the new revision."""
        if self.app is None:
            defaults = {"minReplicas": 0, "maxReplicas": 10}  # Azure's portal's
            return {"containers": [self.container_body({})], "scale": defaults}
        template: Json = copy.deepcopy(self.app["properties"]["template"])
        template["revisionSuffix"] = self["suffix"]
        template["containers"][0] = self.container_body(template["containers"][0])
        scale = template.get("scale") or {}
        before: list[Json] = scale.get("rules") or []
        kept = [rule for rule in before if rule_of(rule) is None]
        template["scale"] = {
            **scale,
            "minReplicas": int(self["least"] or 0),
            "maxReplicas": int(self["most"] or 10),
            "rules": [*kept, *(_rule(*row) for row in self.rules)],
        }
        return template

    @classmethod
    def of_app(cls, number: int, app: Json) -> Draft:
        """Return the form of a new revision, filled in with what the app has."""
        draft = cls(number, app)
        template = app["properties"]["template"]
        container, scale = template["containers"][0], template.get("scale") or {}
        server, _, path = str(container["image"]).partition("/")
        if "." not in server or not path:
            server, path = DOCKER_HUB, str(container["image"])
        repository, _, tag = path.rpartition(":")
        is_ours = server.endswith(".azurecr.io")
        resources = container.get("resources") or {}
        draft.fields |= {
            "quickstart": "",
            "container": container["name"],
            "source": "acr" if is_ours else "other",
            "registry": server if is_ours else "",
            "repository": repository if is_ours else "",
            "tag": tag if is_ours else "",
            "server": server,
            "image": path,
            "command": ", ".join(container.get("command") or []),
            "arguments": ", ".join(container.get("args") or []),
            "size": f"{resources.get('cpu', 0.5):g},{resources.get('memory', '1Gi')}",
            "least": str(scale.get("minReplicas") or 0),
            "most": str(scale.get("maxReplicas") or 10),
        }
        draft.variables = [
            (one["name"], "secret", one["secretRef"])
            if one.get("secretRef")
            else (one["name"], "value", one.get("value") or "")
            for one in container.get("env") or []
        ]
        draft.rules = [row for rule in scale.get("rules") or [] if (row := rule_of(rule))]
        return draft


def read_ingress(values: Mapping[str, str]) -> Json | None:
    """Return the ingress that the fields of its page ask for, None where it is not enabled.

    Raises ValueError where a port is no number.
    """
    values = defaultdict(str, values)
    if not values["ingress"]:
        return None
    is_tcp = values["type"] == "tcp"
    return {
        "external": values["external"] == "yes",
        "targetPort": _port(values["port"]),
        "transport": "tcp" if is_tcp else values["transport"],
        "allowInsecure": bool(values["insecure"]),
        "clientCertificateMode": values["certificates"],
        "stickySessions": {"affinity": "sticky" if values["affinity"] else "none"},
        "exposedPort": _port(values["exposed"] or "0") if is_tcp else 0,
    }


def _port(given: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", given):
        raise ValueError(f"{given!r} is no port.")
    return int(given)


def ingress_fields(ingress: Json | None) -> dict[str, str]:
    """Return the fields of the page Ingress for an app that has this one."""
    given = ingress or {}
    transport = str(given.get("transport") or "auto").lower()
    affinity = (given.get("stickySessions") or {}).get("affinity")
    return {
        "ingress": "on" if ingress else "",
        "external": "yes" if given.get("external", True) else "no",
        "type": "tcp" if transport == "tcp" else "http",
        "certificates": str(given.get("clientCertificateMode") or "ignore").lower(),
        "transport": transport if transport != "tcp" else "auto",
        "insecure": "on" if given.get("allowInsecure") else "",
        "port": str(given.get("targetPort") or 80),
        "exposed": str(given.get("exposedPort") or ""),
        "affinity": "on" if affinity == "sticky" else "",
    }


def rule_of(rule: Json) -> tuple[str, ...] | None:
    """Return a scale rule as a row of the form, None where the form has no such rules."""
    kinds = [kind for kind in ("http", "tcp", "custom") if rule.get(kind)]
    if not kinds:
        return None
    given = rule[kinds[0]]
    kind = str(given.get("type")).lower() if kinds[0] == "custom" else kinds[0]
    metadata = given.get("metadata") or {}
    is_known = kind in RULES and str(metadata.get("type", "Utilization")).lower() == "utilization"
    if given.get("auth") or not is_known:
        return None
    return rule["name"], kind, str(metadata.get(RULES[kind][1], ""))


def _rule(name: str, kind: str, value: str) -> Json:
    if kind in ("http", "tcp"):
        return {"name": name, kind: {"metadata": {RULES[kind][1]: value}}}
    metadata = {"type": "Utilization", "value": value}
    return {"name": name, "custom": {"type": kind, "metadata": metadata}}


def _rows(form: Any, *names: str) -> list[tuple[str, ...]]:
    """Return the rows that have a name; the form has one row more than there are."""
    columns = [[str(value).strip() for value in form.getlist(name)] for name in names]
    return [row for row in zip(*columns, strict=False) if row[0]]


def _parts(text: str) -> list[str]:
    """Return what a comma and a space separate, as in the fields of Azure's portal."""
    return [part.strip() for part in text.split(", ") if part.strip()]
