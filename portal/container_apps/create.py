"""The form of a new container app, or of a new revision of one, page by page; its deployment.

What is typed is kept in memory, so that nothing is lost between its pages.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from portal.azure import Json, RefusedError, body_of
from portal.container_apps.draft import LABELS, NEW, RULES, SIZES, Draft, Step, read_ingress
from portal.login_server import repositories, tags
from portal.pages import Pages, segment, text_field
from portal.resource_ids import ResourceId

PAGE = "/container-apps/create"
KEPT = 20  # forms, the newest


class CreateApp:
    ROUTES = (
        ("GET", PAGE, "show"),
        ("POST", PAGE, "go"),
    )

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.azure = pages.azure
        self.drafts: dict[str, Draft] = {}
        self.numbers = itertools.count(1)

    async def show(self, request: Request) -> Response:
        query = request.query_params
        page, draft = query.get("page", ""), self.drafts.get(query.get("draft", ""))
        if draft is None:
            draft = await self._new(query.get("app", ""))
            return self._see(request, draft, draft.page_named(page))
        if page == "deployment" and draft.steps:
            return await self._render(request, draft, page)
        return await self._render(request, draft, draft.page_named(page))

    async def _new(self, app_id: str) -> Draft:
        number = next(self.numbers)
        if app_id:
            app = await self.azure.get(app_id)
            if str(app.get("type")).lower() != "microsoft.app/containerapps":
                raise RefusedError(404, "ResourceNotFound", f"{app_id} is not a container app.")
            draft = Draft.of_app(number, app)
        else:
            draft = Draft(number, None)
            groups = await self.pages.resource_groups()
            if groups:
                draft.fields |= {"group": groups[0]["name"], "region": groups[0]["location"]}
            draft.fields["environment_name"] = f"managedEnvironment-{secrets.token_hex(2)}"
        self.drafts[str(number)] = draft
        self.drafts.pop(str(number - KEPT), None)
        return draft

    async def _render(
        self, request: Request, draft: Draft, page: str, refusal: RefusedError | None = None
    ) -> Response:
        """Raises RefusedError where Azure does not say what can be chosen."""
        checked = page == "review" or draft["checked"]
        draft.fields["checked"] = "yes" if checked else ""
        problems = draft.problems() if checked else []
        if page == "review":
            problems += await self._problems(draft)
        asked = {"basics": self._basics, "container": self._container}.get(page)
        choices = await asked(draft) if asked else {}
        return self.pages.render(
            request,
            "container_apps/create.html",
            draft=draft,
            page=page,
            problems=problems,
            refusal=refusal,
            labels=LABELS,
            sizes=_with(SIZES, draft["size"]),
            rules=RULES,
            pairs=lambda names, chosen: _with([(name, name) for name in names], chosen),
            subscription=self.pages.settings.subscription,
            **choices,
        )

    def _see(self, request: Request, draft: Draft, page: str) -> Response:
        return self.pages.see(request, f"{PAGE}?draft={draft.number}&page={page}")

    async def go(self, request: Request) -> Response:
        """Keep what was typed, and go to the page that was chosen, or create."""
        form = await request.form()
        draft = self.drafts.get(text_field(form, "draft"))
        if draft is None:  # the portal was started again meanwhile
            return self.pages.see(request, PAGE)
        page, to = draft.page_named(text_field(form, "page")), text_field(form, "to")
        draft.read(page, form)
        names = list(draft.pages)
        if to in ("next", "previous"):
            step = 1 if to == "next" else -1
            to = names[min(max(names.index(page) + step, 0), len(names) - 1)]
        if to != "create":
            return self._see(request, draft, to)
        draft.fields["checked"] = "yes"
        problems = draft.problems() + await self._problems(draft)
        if problems:
            return self._see(request, draft, "review" if draft.app is None else problems[0][0])
        try:
            draft.steps, draft.error = await self._steps(draft), ""
        except RefusedError as refusal:
            return await self._render(request, draft, page, refusal)
        self.pages.operations.run(self._deploy(draft))
        return self._see(request, draft, "deployment")

    async def _problems(self, draft: Draft) -> list[tuple[str, str, str]]:
        """Return what Azure's portal finds wrong by asking Azure, as `Draft.problems`."""
        wrong = []
        is_first = draft.app is None and not draft.steps  # one that failed may be tried again
        if is_first and draft["name"] and draft["group"]:
            with suppress(RefusedError):
                await self.azure.get(self._app_id(draft))
                message = f"A container app named '{draft['name']}' is in this group already."
                wrong.append(("basics", "name", message))
        server = self._server(draft)
        wants_admin = draft["source"] == "acr" and draft["authentication"] == "secret"
        if server and wants_admin and server not in draft.registries:
            registry = await self._registry(server)
            if not registry or not registry["properties"].get("adminUserEnabled"):
                message = (
                    f"Cannot access ACR {server} because admin credentials on the ACR are disabled."
                )
                wrong.append(("container", "registry", message))
        return wrong

    # What can be chosen on each page

    async def _basics(self, draft: Draft) -> Json:
        subscription = self.pages.subscription
        groups, locations, environments = await asyncio.gather(
            self.pages.resource_groups(),
            self.azure.list(f"{subscription}/locations", "2022-12-01"),
            self.azure.list(f"{subscription}/providers/Microsoft.App/managedEnvironments"),
        )
        here = [one for one in environments if _plain(one["location"]) == _plain(draft["region"])]
        if draft["environment"] not in (NEW, *(one["id"] for one in here)):
            draft.fields["environment"] = here[0]["id"] if here else NEW
        physical = [
            one
            for one in locations
            if (one.get("metadata") or {}).get("regionType", "Physical") == "Physical"
        ]
        return {"groups": groups, "locations": physical, "environments": here}

    async def _container(self, draft: Draft) -> Json:
        listed = await self.azure.list(
            f"{self.pages.subscription}/providers/Microsoft.ContainerRegistry/registries"
        )
        servers = [str(one["properties"]["loginServer"]) for one in listed]
        found: Json = {"servers": servers, "images": [], "tags": [], "unread": None}
        try:
            if draft["registry"]:
                found["images"] = await repositories(self.azure, draft["registry"])
            if draft["repository"] in found["images"]:
                found["tags"] = await tags(self.azure, draft["registry"], draft["repository"])
        except RefusedError as refusal:
            found["unread"] = refusal
        return found

    # What it leads to

    def _group_id(self, draft: Draft) -> str:
        group = draft["new_group"] if draft["group"] == NEW else draft["group"]
        return f"{self.pages.subscription}/resourceGroups/{segment(group)}"

    def _app_id(self, draft: Draft) -> str:
        if draft.app:
            return str(draft.app["id"])
        name = segment(draft["name"])
        return f"{self._group_id(draft)}/providers/Microsoft.App/containerApps/{name}"

    async def _registry(self, server: str) -> Json | None:
        listed = await self.azure.list(
            f"{self.pages.subscription}/providers/Microsoft.ContainerRegistry/registries"
        )
        return next((one for one in listed if one["properties"]["loginServer"] == server), None)

    async def _steps(self, draft: Draft) -> list[Step]:
        """Return the changes that make what was asked for, in their order. Raises RefusedError."""
        app_id = self._app_id(draft)
        configuration = await self._access(draft)
        properties: Json = {"configuration": configuration, "template": draft.template_body()}
        if draft.app:
            location, name = draft.app["location"], draft.app["name"]
            if not configuration:
                del properties["configuration"]
            body = {"location": location, "properties": properties}
            return [Step(f"A new revision of {name}", "Container App", "PATCH", app_id, body)]
        region, group_id = draft["region"], self._group_id(draft)
        steps = []
        if draft["group"] == NEW:
            name = draft["new_group"]
            steps.append(Step(name, "Resource group", "PUT", group_id, {"location": region}))
        environment_id, name = draft["environment"], draft["environment_name"]
        if environment_id == NEW:
            provider = f"{group_id}/providers/Microsoft.App"
            environment_id = f"{provider}/managedEnvironments/{segment(name)}"
            # As Azure's portal makes one: https://learn.microsoft.com/azure/container-apps/structure
            profile = {"name": "Consumption", "workloadProfileType": "Consumption"}
            made = {"workloadProfiles": [profile], "zoneRedundant": bool(draft["redundant"])}
            body = {"location": region, "properties": made}
            kind = "Container Apps Environment"
            steps.append(Step(name, kind, "PUT", environment_id, body))
        configuration["activeRevisionsMode"] = "Single"
        if ingress := read_ingress(draft.ingress_fields):
            configuration["ingress"] = ingress
        properties["environmentId"] = environment_id
        app: Json = {"location": region, "properties": properties}
        if any(one.get("identity") for one in configuration.get("registries", [])):
            app["identity"] = {"type": "SystemAssigned"}
        return [*steps, Step(draft["name"], "Container App", "PUT", app_id, app)]

    async def _access(self, draft: Draft) -> Json:
        """Return the secrets and registries of a configuration that the image's registry needs."""
        server, user, registries = self._server(draft), "", [*draft.registries.values()]
        if not server or server in draft.registries:
            return {}
        if draft["source"] == "acr" and draft["authentication"] == "identity":
            return {"registries": [*registries, {"server": server, "identity": "system"}]}
        if draft["source"] == "acr":
            registry = await self._registry(server)
            if registry is None:
                raise RefusedError(404, "ResourceNotFound", f"There is no registry {server}.")
            found = body_of(await self.azure.send("POST", f"{registry['id']}/listCredentials"))
            user, password = found["username"], found["passwords"][0]["value"]
        else:
            user, password = draft["username"], draft["password"]
        # As Azure's portal names it: reg-pswd- and the beginning of a GUID.
        name = f"reg-pswd-{secrets.token_hex(4)}-{secrets.token_hex(2)}"
        kept: list[Json] = []
        if draft.app:
            answer = await self.azure.send("POST", f"{draft.app['id']}/listSecrets")
            kept = body_of(answer).get("value") or []
        access = {"server": server, "username": user, "passwordSecretRef": name}
        return {
            "secrets": [*kept, {"name": name, "value": password}],
            "registries": [*registries, access],
        }

    @staticmethod
    def _server(draft: Draft) -> str:
        """Return the server that wants a password, "" where none does."""
        if draft["quickstart"]:
            return ""
        if draft["source"] == "acr":
            return draft["registry"]
        return draft["server"] if draft["private"] else ""

    async def _deploy(self, draft: Draft) -> None:
        group = ResourceId.parse(self._app_id(draft)).group
        name = draft.app["name"] if draft.app else draft["name"]
        for step in draft.steps:
            step.state = "InProgress"
            link = f"/container-apps/{group}/{name}" if step.type == "Container App" else ""
            try:
                ended = await self.pages.operations.complete(
                    step.method, step.path, step.body, title=f"Deploy {step.name}", link=link
                )
                step.state, draft.error = ended.state, ended.detail
            except RefusedError as refusal:
                step.state, draft.error = "Failed", str(refusal)
            if step.state.lower() != "succeeded":
                return


def _with(pairs: list[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    """Return choices with the one that is chosen among them."""
    return pairs if not chosen or chosen in dict(pairs) else [*pairs, (chosen, chosen)]


def _plain(region: Any) -> str:
    """Return a region's name as it is in ids: West Europe is westeurope."""
    return str(region).replace(" ", "").lower()
