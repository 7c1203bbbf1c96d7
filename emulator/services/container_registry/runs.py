"""ACR Tasks: quick builds from an uploaded source, and quick runs of a command.

https://learn.microsoft.com/rest/api/containerregistry/registries/schedule-run
https://learn.microsoft.com/rest/api/containerregistry/runs
"""

from __future__ import annotations

import re
import time

from emulator.arm.errors import bad_request, not_emulated
from emulator.arm.fields import Fields
from emulator.arm.http import ArmRequest, ArmResponse, expand
from emulator.arm.ids import new_guid, now, system_data
from emulator.arm.resources import page, require, shown
from emulator.services.container_registry.build_request import BuildRequest
from emulator.services.container_registry.build_storage import (
    ACCOUNT,
    BuildStorage,
    container_of,
    log_path,
    url_of,
)
from emulator.services.container_registry.paths import (
    REGISTRY,
    RUN,
    RUN_TYPE,
    RUNS,
    login_server,
)
from emulator.services.container_registry.run_lifecycle import RunLifecycle
from emulator.services.container_registry.run_request import read_run_request
from emulator.store import Resource, Store

UPLOAD_HOURS = LOG_HOURS = 1.0
_FILTER = re.compile(r"\s*(\w+)\s+eq\s+'([^']*)'\s*", re.IGNORECASE)
_FILTERS = {"status": "status", "runtype": "runType", "runid": "runId"}


class Runs:
    ROUTES = (
        ("POST", REGISTRY + "/listBuildSourceUploadUrl", "get_build_source_upload_url"),
        ("POST", REGISTRY + "/scheduleRun", "schedule_run"),
        ("GET", RUNS, "list"),
        ("GET", RUN, "get"),
        ("PATCH", RUN, "update"),
        ("POST", RUN + "/cancel", "cancel"),
        ("POST", RUN + "/listLogSasUrl", "get_log_sas_url"),
    )

    def __init__(self, store: Store, blobs: BuildStorage, lifecycle: RunLifecycle) -> None:
        self.store = store
        self.blobs = blobs
        self.lifecycle = lifecycle

    async def get_build_source_upload_url(self, request: ArmRequest) -> ArmResponse:
        container = container_of(self._registry(request))
        self.blobs.create_container(ACCOUNT, container)
        path = f"source/{time.strftime('%Y%m%d', time.gmtime())}/{new_guid()}.tar.gz"
        sas = self.blobs.container_sas(ACCOUNT, container, "cw", UPLOAD_HOURS)
        return ArmResponse({"uploadUrl": f"{url_of(container, path)}?{sas}", "relativePath": path})

    async def schedule_run(self, request: ArmRequest) -> ArmResponse:
        registry = self._registry(request)
        number = registry.private["runs"] + 1
        run_id = f"cb{number}"
        asked = read_run_request(Fields(request.body), login_server(registry.name), run_id)
        sources = container_of(registry)
        if isinstance(asked, BuildRequest) and not self.blobs.is_blob(
            ACCOUNT, sources, asked.source
        ):
            raise bad_request(
                f"There is no source '{asked.source}'. Upload it to the URL that "
                "listBuildSourceUploadUrl returns, and pass on its relativePath.",
                code="InvalidSourceLocation",
                target="sourceLocation",
            )
        registry.private["runs"] = number
        self.store.put(registry)
        moment = now()
        run = Resource(
            f"{registry.id}/runs/{run_id}",
            RUN_TYPE,
            {
                "properties": {
                    "runId": run_id,
                    "status": "Queued",
                    "lastUpdatedTime": moment,
                    "runType": "QuickBuild" if isinstance(asked, BuildRequest) else "QuickRun",
                    "createTime": moment,
                    "platform": {"os": "linux", "architecture": "amd64"},
                    "agentConfiguration": {"cpu": asked.cpu},
                    "provisioningState": "Creating",
                    "isArchiveEnabled": False,
                },
                "systemData": system_data(request.claims),
            },
            # Whether its log says how it ended.
            {"complete": False},
        )
        await self.lifecycle.schedule(run, asked)
        return ArmResponse(shown(run))

    async def list(self, request: ArmRequest) -> ArmResponse:
        registry = self._registry(request)
        runs = self.store.of_type(RUN_TYPE, registry.id)
        for condition in re.split(r"\s+and\s+", request.query.get("$filter") or ""):
            if condition:
                key, value = _condition(condition)
                runs = [run for run in runs if run.properties[key].lower() == value.lower()]
        # The newest first.
        runs.sort(key=lambda run: run.properties["createTime"], reverse=True)
        return page(request, [shown(run) for run in runs])

    async def get(self, request: ArmRequest) -> ArmResponse:
        return ArmResponse(shown(self._one(request)))

    async def update(self, request: ArmRequest) -> ArmResponse:
        run = self._one(request)
        if Fields(request.body).flag("isArchiveEnabled"):
            raise not_emulated("archived runs: they are all kept")
        return ArmResponse(shown(run))

    async def cancel(self, request: ArmRequest) -> ArmResponse:
        await self.lifecycle.cancel(self._one(request))
        return ArmResponse()

    async def get_log_sas_url(self, request: ArmRequest) -> ArmResponse:
        run, container = self._one(request), container_of(self._registry(request))
        sas = self.blobs.container_sas(ACCOUNT, container, "r", LOG_HOURS)
        return ArmResponse({"logLink": f"{url_of(container, log_path(run))}?{sas}"})

    def _registry(self, request: ArmRequest) -> Resource:
        return require(self.store, expand(REGISTRY, request.params))

    def _one(self, request: ArmRequest) -> Resource:
        self._registry(request)
        return require(self.store, expand(RUN, request.params))


def _condition(text: str) -> tuple[str, str]:
    found = _FILTER.fullmatch(text)
    key = _FILTERS.get(found[1].lower()) if found else None
    if found is None or key is None:
        raise bad_request(
            f"The filter '{text}' is not understood. Local Azure knows <field> eq '<value>' for "
            "Status, RunType and RunId, joined by 'and'.",
            target="$filter",
        )
    return key, found[2]
