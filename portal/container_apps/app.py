"""The pages of one container app, and what can be changed on them.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps
https://learn.microsoft.com/azure/container-apps/revisions-manage
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.azure import Json, RefusedError, body_of
from portal.container_apps.draft import RULES, ingress_fields, read_ingress, rule_of
from portal.container_apps.log import SYSTEM, LogStream
from portal.metrics import charts
from portal.pages import Pages, segment
from portal.traffic import read_shares

PAGE = "/container-apps/{group}/{name}"
TABS = {
    "overview": "Overview", "revisions": "Revisions and replicas", "scale": "Scale",
    "ingress": "Ingress", "secrets": "Secrets", "logs": "Log stream", "metrics": "Metrics",
    "console": "Request console", "json": "JSON view",
}  # fmt: skip
# A change -> what it changes, where its name does not say so.
NOUNS = {"mode": "revision mode", "label": "labels", "secret": "secrets", "forget": "secrets"}


class Sent(dict[str, str]):
    """A form's fields."""

    def __missing__(self, name: str) -> str:
        raise RefusedError(400, "", f"The form lacks its field {name}.")


class ContainerApp:
    ROUTES = (
        ("GET", PAGE, "show"),
        ("POST", PAGE, "change"),
        ("GET", PAGE + "/logs/lines", "follow"),
        ("GET", PAGE + "/{tab}", "show"),
        ("POST", PAGE + "/{tab}", "change"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.log_stream = LogStream(pages.azure)

    async def show(
        self,
        request: Request,
        refusal: RefusedError | None = None,
        **values: Any,
    ) -> Response:
        """A tab. `values` take the place of what it would show; `sent`: refused fields."""
        tab = request.path_params.get("tab", "overview")
        if tab not in TABS:
            return self.pages.render(request, "missing.html", 404)
        app = await self.azure.get(self._id(request))
        more = await getattr(self, f"_{tab}", self._nothing)(app, request)
        link = _link(request)
        pairs = [
            (label, link if name == "overview" else f"{link}/{name}")
            for name, label in TABS.items()
        ]
        return self.pages.render(
            request,
            "container_apps/app.html",
            **{
                "app": app,
                "properties": app["properties"],
                "configuration": app["properties"].get("configuration") or {},
                "link": link,
                "group": request.path_params["group"],
                "tab": tab,
                "pairs": pairs,
                "refusal": refusal,
                "sent": {},
                **more,
                **values,
            },
        )

    def _id(self, request: Request) -> str:
        group, name = (segment(request.path_params[key]) for key in ("group", "name"))
        scope = f"{self.pages.subscription}/resourceGroups/{group}"
        return f"{scope}/providers/Microsoft.App/containerApps/{name}"

    async def _nothing(self, app: Json, request: Request) -> Json:
        return {}

    async def _revisions(self, app: Json, _: Request | None = None) -> Json:
        revisions = await self.azure.list(f"{app['id']}/revisions")
        revisions.sort(key=lambda one: str(one["properties"].get("createdTime")), reverse=True)
        active = [one for one in revisions if one["properties"].get("active")]
        replicas = await asyncio.gather(*(self.replicas(app, one["name"]) for one in active))
        configuration = app["properties"].get("configuration") or {}
        traffic = (configuration.get("ingress") or {}).get("traffic") or []
        latest = app["properties"].get("latestReadyRevisionName")
        labels = {
            one.get("revisionName") or latest: one["label"] for one in traffic if one.get("label")
        }
        rows = [
            {
                "name": one["name"],
                "share": one["properties"].get("trafficWeight") or 0,
                "note": labels.get(one["name"], ""),
            }
            for one in active
        ]
        return {
            "revisions": revisions,
            "replicas": list(zip(active, replicas, strict=True)),
            "rows": rows,
            "labels": labels,
            "follows_latest": any(one.get("latestRevision") for one in traffic),
        }

    async def replicas(self, app: Json, revision: str) -> list[Json]:
        """Return the replicas of an active revision; none where it has just gone."""
        found = await self.azure.find(f"{app['id']}/revisions/{revision}/replicas") or {}
        return found.get("value") or []

    async def _scale(self, app: Json, request: Request) -> Json:
        scale = (app["properties"].get("template") or {}).get("scale") or {}
        return {"scale": scale, "rules": [_told(rule) for rule in scale.get("rules") or []]}

    async def _ingress(self, app: Json, request: Request) -> Json:
        configuration = app["properties"].get("configuration") or {}
        return {"fields": ingress_fields(configuration.get("ingress"))}

    async def _secrets(self, app: Json, request: Request) -> Json:
        secrets = (app["properties"].get("configuration") or {}).get("secrets") or []
        uses = {one["name"]: _uses(app, one["name"]) for one in secrets}
        return {"uses": uses, "revealed": {}}

    async def _metrics(self, app: Json, request: Request) -> Json:
        by_revision = "Replicas,Requests,UsageNanoCores,WorkingSetBytes"
        try:
            split, whole = await asyncio.gather(
                charts(self.azure, app["id"], by_revision, split="revisionName"),
                charts(self.azure, app["id"], "ResponseTime"),
            )
        except RefusedError as refusal:
            return {"charts": [], "refusal": refusal}
        return {"charts": split[:2] + whole + split[2:]}

    async def _logs(self, app: Json, request: Request) -> Json:
        sources = await self._sources(app)
        asked = request.query_params.get("source", "")
        source = asked if asked in sources else next(iter(sources))
        return {"sources": sources, "source": source, "told": await self._told(app, source)}

    async def _sources(self, app: Json) -> dict[str, str]:
        """Return what logs there are: the containers of each replica, and the system's."""
        state = await self._revisions(app)
        found = {
            f"{revision['name']}/{replica['name']}/{container['name']}": container[
                "logStreamEndpoint"
            ]
            for revision, replicas in state["replicas"]
            for replica in replicas
            for kind in ("containers", "initContainers")
            for container in replica["properties"].get(kind) or []
        }
        return {**found, SYSTEM: str(app["properties"].get("eventStreamEndpoint") or "")}

    async def follow(self, request: Request) -> Response:
        """The lines of one log, as the macro `logs` asks for them."""
        app = await self.azure.get(self._id(request))
        return JSONResponse(await self._told(app, request.query_params.get("source", "")))

    async def _told(self, app: Json, source: str) -> dict[str, str]:
        url = (await self._sources(app)).get(source)
        if url is None:
            return {"text": "", "note": "This replica has ended."}
        try:
            return {"text": await self.log_stream.read(app, url), "note": ""}
        except RefusedError as refusal:
            return {"text": "", "note": str(refusal)}

    # Changes

    async def change(self, request: Request) -> Response:
        """Do what a form of a tab asks for, named by its field `do`."""
        form, app_id = await request.form(), self._id(request)
        sent = Sent({name: str(form.getlist(name)[-1]) for name in form})
        do, tab = sent.get("do", ""), request.path_params.get("tab")
        try:
            if do == "reveal":
                name, values = sent["secret"], await self._values(app_id)
                return await self.show(request, revealed={name: values.get(name, "")})
            title, method, path, body = await self._wanted(do, sent, app_id)
            name = request.path_params["name"]
            link = "/container-apps" if do == "delete" else _link(request)
            await self.pages.operations.change(
                method, app_id + path, body, title=title.format(app=name), link=link
            )
        except RefusedError as refusal:
            return await self.show(request, refusal, sent=sent)
        return self.pages.see(request, link if do == "delete" or not tab else f"{link}/{tab}")

    async def _wanted(
        self, do: str, sent: Mapping[str, str], app_id: str
    ) -> tuple[str, str, str, Json | None]:
        """Return a change's title, its method, the end of its path, and its body.

        Raises RefusedError.
        """
        revision = sent.get("revision", "")
        if do in ("start", "stop"):
            return f"{do.capitalize()} {{app}}", "POST", f"/{do}", None
        if do in ("activate", "deactivate", "restart"):
            path = f"/revisions/{segment(revision)}/{do}"
            return f"{do.capitalize()} {revision}", "POST", path, None
        app = await self.azure.get(app_id)
        if do == "delete":
            if sent.get("name") != app["name"]:
                raise RefusedError(400, "", "The name that was typed is another one.")
            return "Delete {app}", "DELETE", "", None
        configuration = app["properties"].get("configuration") or {}
        traffic = (configuration.get("ingress") or {}).get("traffic") or []
        change: Json
        try:
            if do == "mode":
                change = {"activeRevisionsMode": sent["mode"]}
            elif do == "traffic":
                change = {"ingress": {"traffic": _shared(traffic, read_shares(sent))}}
            elif do == "label":
                labelled = _labelled(traffic, revision, sent["label"].strip())
                change = {"ingress": {"traffic": labelled}}
            elif do == "ingress":
                change = {"ingress": read_ingress(sent)}
            else:
                change = {"secrets": await self._changed_secrets(sent, app_id)}
        except ValueError as error:  # no number, or shares that do not add up
            raise RefusedError(400, "", str(error)) from None
        body = {"location": app["location"], "properties": {"configuration": change}}
        return f"Update the {NOUNS.get(do, do)} of {{app}}", "PATCH", "", body

    async def _changed_secrets(self, sent: Mapping[str, str], app_id: str) -> list[Json]:
        """Return all secrets, one of them added, changed or (`forget`) taken away."""
        values, name = await self._values(app_id), sent["secret"].strip()
        values.pop(name, None)
        if sent["do"] != "forget":
            values[name] = sent["value"]
        return [{"name": key, "value": value} for key, value in values.items()]

    async def _values(self, app_id: str) -> dict[str, str]:
        found = body_of(await self.azure.send("POST", f"{app_id}/listSecrets"))
        return {one["name"]: str(one.get("value") or "") for one in found.get("value") or []}


def _shared(traffic: list[Json], shares: dict[str, int]) -> list[Json]:
    """Return the traffic with these shares; labels stay where they are."""
    labels = {one.get("revisionName", ""): one["label"] for one in traffic if one.get("label")}
    return [
        {
            "revisionName": name,
            "weight": shares.get(name, 0),
            **({"label": labels[name]} if name in labels else {}),
        }
        for name in {**shares, **labels}
        if name and (shares.get(name) or name in labels)
    ]


def _labelled(traffic: list[Json], revision: str, label: str) -> list[Json]:
    """Return the traffic with this label at a revision, and nowhere else; "" takes its away."""
    shares = {one.get("revisionName", ""): dict(one) for one in traffic}
    for one in shares.values():
        if one.get("label") == label:
            del one["label"]
    its = shares.setdefault(revision, {"revisionName": revision, "weight": 0})
    its.pop("label", None)
    if label:
        its["label"] = label
    return [one for one in shares.values() if one.get("weight") or one.get("label")]


def _link(request: Request) -> str:
    group, name = (segment(request.path_params[key]) for key in ("group", "name"))
    return f"/container-apps/{group}/{name}"


def _told(rule: Json) -> tuple[str, str, str]:
    """Return a rule's name, its kind and its number in words."""
    kind = next((key for key in rule if key != "name" and rule[key]), "")
    if row := rule_of(rule):
        return row[0], RULES[row[1]][0], row[2]
    metadata = rule[kind].get("metadata") or rule[kind]
    words = ", ".join(f"{key}: {value}" for key, value in metadata.items())
    return rule["name"], str(rule[kind].get("type") or kind), words


def _uses(app: Json, secret: str) -> list[str]:
    """Return what refers to a secret."""
    properties = app["properties"]
    template = properties.get("template") or {}
    used = [
        f"variable {one['name']} of {container['name']}"
        for container in (template.get("containers") or []) + (template.get("initContainers") or [])
        for one in container.get("env") or []
        if one.get("secretRef") == secret
    ]
    used += [
        f"registry {one['server']}"
        for one in (properties.get("configuration") or {}).get("registries") or []
        if one.get("passwordSecretRef") == secret
    ]
    return used
