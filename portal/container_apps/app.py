"""The pages of one container app, and what can be changed on them.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps
https://learn.microsoft.com/azure/container-apps/revisions-manage
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.azure import Json, RefusedError, body_of
from portal.container_apps.draft import RULES, ingress_fields, read_ingress, rule_of
from portal.container_apps.log import SYSTEM, LogStream
from portal.metrics import charts
from portal.pages import Pages, text_field
from portal.traffic import read_shares

PAGE = "/container-apps/{group}/{name}"
TABS = {
    "overview": "Overview",
    "revisions": "Revisions and replicas",
    "scale": "Scale",
    "ingress": "Ingress",
    "secrets": "Secrets",
    "logs": "Log stream",
    "metrics": "Metrics",
    "console": "Request console",
    "json": "JSON view",
}


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
        """A tab. `values` take the place of what it would show of the app."""
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
                **more,
                **values,
            },
        )

    def _id(self, request: Request) -> str:
        group, name = request.path_params["group"], request.path_params["name"]
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
        rows = [
            {
                "name": one["name"],
                "share": one["properties"].get("trafficWeight") or 0,
                "note": ", ".join(one["properties"].get("labels") or []),
            }
            for one in active
        ]
        return {
            "revisions": revisions,
            "replicas": list(zip(active, replicas, strict=True)),
            "rows": rows,
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
        names = [one["name"] for one in await self._list_secrets_of(app)]
        return {"uses": {name: _uses(app, name) for name in names}, "revealed": {}, "typed": ""}

    async def _list_secrets_of(self, app: Json) -> list[Json]:
        return (app["properties"].get("configuration") or {}).get("secrets") or []

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
        form = await request.form()
        do, app_id = text_field(form, "do"), self._id(request)
        handlers = {
            "stop": self._do_switch,
            "start": self._do_switch,
            "delete": self._do_delete,
            "activate": self._do_revision,
            "deactivate": self._do_revision,
            "restart": self._do_revision,
            "mode": self._do_mode,
            "traffic": self._do_traffic,
            "label": self._do_label,
            "ingress": self._do_ingress,
            "secret": self._do_secret,
            "forget": self._do_secret,
        }
        try:
            if do == "reveal":
                name, values = text_field(form, "secret"), await self._values(app_id)
                return await self.show(request, revealed={name: values.get(name, "")})
            if do not in handlers:
                raise RefusedError(400, "", f"There is no change named {do}.")
            await handlers[do](app_id, form, request)
        except RefusedError as refusal:
            typed: Json = {"typed": text_field(form, "secret")} if do == "secret" else {}
            if do == "ingress":
                typed = {"fields": _typed(form)}
            return await self.show(request, refusal, **typed)
        if do == "delete":
            return self.pages.see(request, "/container-apps")
        tab = request.path_params.get("tab")
        return self.pages.see(request, _link(request) + (f"/{tab}" if tab else ""))

    async def _ask(
        self, request: Request, title: str, method: str, path: str, body: Json | None = None
    ) -> None:
        await self.pages.operations.change(method, path, body, title=title, link=_link(request))

    async def _patch(self, request: Request, title: str, configuration: Json) -> None:
        app_id = self._id(request)
        app = await self.azure.get(app_id)
        body = {"location": app["location"], "properties": {"configuration": configuration}}
        await self._ask(request, f"{title} of {app['name']}", "PATCH", app_id, body)

    async def _do_switch(self, app_id: str, form: FormData, request: Request) -> None:
        do = text_field(form, "do")
        title = f"{do.capitalize()} {request.path_params['name']}"
        await self._ask(request, title, "POST", f"{app_id}/{do}")

    async def _do_delete(self, app_id: str, form: FormData, request: Request) -> None:
        name = request.path_params["name"]
        if text_field(form, "name") != name:
            raise RefusedError(400, "", "The name that was typed is another one.")
        await self.pages.operations.change(
            "DELETE", app_id, title=f"Delete {name}", link="/container-apps"
        )

    async def _do_revision(self, app_id: str, form: FormData, request: Request) -> None:
        do, name = text_field(form, "do"), text_field(form, "revision")
        title = f"{do.capitalize()} {name}"
        await self._ask(request, title, "POST", f"{app_id}/revisions/{name}/{do}")

    async def _do_mode(self, app_id: str, form: FormData, request: Request) -> None:
        mode = text_field(form, "mode")
        await self._patch(request, "The revision mode", {"activeRevisionsMode": mode})

    async def _do_traffic(self, app_id: str, form: FormData, request: Request) -> None:
        """Give each named revision its share; labels stay where they are."""
        try:
            shares = read_shares(form)
        except ValueError as error:
            raise RefusedError(400, "", str(error)) from None
        labels = await self._labels(app_id)
        await self._set_traffic(request, shares, labels)

    async def _do_label(self, app_id: str, form: FormData, request: Request) -> None:
        """Give one revision a label, or take it away where none is typed."""
        label, name = text_field(form, "label"), text_field(form, "revision")
        labels = {
            revision: one
            for revision, one in (await self._labels(app_id)).items()
            if one != label and revision != name
        }
        revisions = await self.azure.list(f"{app_id}/revisions")
        shares = {
            one["name"]: int(one["properties"].get("trafficWeight") or 0) for one in revisions
        }
        shares = {key: weight for key, weight in shares.items() if weight or key in labels}
        await self._set_traffic(
            request,
            {name: 0} | shares if label else shares,
            labels | ({name: label} if label else {}),
        )

    async def _labels(self, app_id: str) -> dict[str, str]:
        """Return which label each revision has."""
        revisions = await self.azure.list(f"{app_id}/revisions")
        return {
            one["name"]: labels[0]
            for one in revisions
            if (labels := one["properties"].get("labels") or [])
        }

    async def _set_traffic(
        self, request: Request, shares: dict[str, int], labels: dict[str, str]
    ) -> None:
        traffic = [
            {
                "revisionName": name,
                "weight": shares.get(name, 0),
                **({"label": labels[name]} if name in labels else {}),
            }
            for name in dict.fromkeys([*shares, *labels])
            if shares.get(name) or name in labels
        ]
        await self._patch(request, "The traffic", {"ingress": {"traffic": traffic}})

    async def _do_ingress(self, app_id: str, form: FormData, request: Request) -> None:
        fields = {
            name: str((form.getlist(name) or [""])[-1]).strip() for name in ingress_fields(None)
        }
        try:
            ingress = read_ingress(fields)
        except ValueError:
            message = "Target port: The value must be a number between 1 and 65535."
            raise RefusedError(400, "", message) from None
        await self._patch(request, "The ingress", {"ingress": ingress})

    async def _do_secret(self, app_id: str, form: FormData, request: Request) -> None:
        """Add, change or take away a secret: a list is changed as a whole, with all values."""
        values, name = await self._values(app_id), text_field(form, "secret")
        if text_field(form, "do") == "forget":
            values.pop(name, None)
        else:
            values[name] = str(form.get("value") or "")
        secrets = [{"name": key, "value": value} for key, value in values.items()]
        await self._patch(request, "The secrets", {"secrets": secrets})

    async def _values(self, app_id: str) -> dict[str, str]:
        found = body_of(await self.azure.send("POST", f"{app_id}/listSecrets"))
        return {one["name"]: str(one.get("value") or "") for one in found.get("value") or []}


def _typed(form: FormData) -> dict[str, str]:
    """Return the fields of the page Ingress as they were sent."""
    return {name: str([*form.getlist(name), ""][-2:][0]) for name in ingress_fields(None)}


def _link(request: Request) -> str:
    return f"/container-apps/{request.path_params['group']}/{request.path_params['name']}"


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
