"""The request log of local Azure: what clients sent, who they were, and no secret in it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from emulator.arm.exchange import ArmExchange, Body
from emulator.defaults import CLIENT_ID, REGION, SUBSCRIPTION
from emulator.services.request_log.recent import MOST_WATCHED, RecentRequests
from tests.conftest import LocalAzure
from tests.emulator.services.arm import GROUP, HOME, call

LOG = f"/subscriptions/{SUBSCRIPTION}/providers/LocalAzure.RequestLog/requests"
WORKSPACES = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces"
VERSION = {"api-version": "2026-11-01"}
HIDDEN = "********"


class Log:
    """What the log has since the test began."""

    def __init__(self) -> None:
        self.since = str(call("GET", LOG, top="1", **VERSION).json()["lastSequence"])

    def read(self, **query: str) -> list[dict[str, Any]]:
        asked = urlencode({"after": self.since, **query})
        return call("GET", f"{LOG}?{asked}", **VERSION).json()["value"]

    def whole(self, **query: str) -> dict[str, Any]:
        """The newest such request, with its bodies."""
        return call("GET", self.read(**query)[0]["id"], **VERSION).json()


@pytest.fixture
def log(local_azure: LocalAzure) -> Log:
    return Log()


@pytest.fixture
def workspace(local_azure: LocalAzure, unique: str) -> Iterator[str]:
    """The id of a Log Analytics workspace that is not there yet."""
    yield f"{WORKSPACES}/log-{unique}"
    call("DELETE", f"{WORKSPACES}/log-{unique}")


def send(method: str, path: str, user_agent: str) -> requests.Response:
    signed = call("GET", f"/subscriptions/{SUBSCRIPTION}").request
    headers = {"User-Agent": user_agent, "Authorization": signed.headers["Authorization"]}
    url = f"https://management.azure.com{path}?api-version=2021-04-01"
    return requests.request(method, url, headers=headers, timeout=30)


def test_each_request_is_in_it_with_who_sent_it_and_what_came_of_it(log: Log, workspace: str):
    made = call("PUT", workspace, {"location": REGION, "tags": {"a": "b"}})
    missing = call("GET", f"{workspace}x")
    read, written = log.read()
    assert written["url"] == made.url
    assert (written["method"], written["status"]) == ("PUT", 201)
    assert written["operationName"] == {
        "value": "Microsoft.OperationalInsights/workspaces/write",
        "localizedValue": "Create or update workspace",
    }
    assert (written["resourceId"], written["caller"]) == (workspace, CLIENT_ID)
    assert written["client"].startswith("python-requests/")
    assert (written["kernel"], written["notebook"]) == ("", "")
    assert written["requestId"] == made.headers["x-ms-request-id"]
    assert written["milliseconds"] > 0
    assert written["responseBytes"] == len(made.content)
    assert written["sequence"] < read["sequence"]
    assert "error" not in written
    assert read["error"] == {
        "code": "ResourceNotFound",
        "message": missing.json()["error"]["message"],
    }
    whole = call("GET", written["id"], **VERSION).json()
    assert whole.items() >= written.items()
    assert whole["request"] == {"body": {"location": REGION, "tags": {"a": "b"}}}
    assert whole["response"] == {"body": made.json()}


def test_requests_for_it_are_not_in_it_and_need_a_token(log: Log):
    assert log.read() == []
    assert (
        requests.get(f"https://management.azure.com{LOG}", VERSION, timeout=30).status_code == 401
    )
    assert call("GET", f"{LOG}/1", **VERSION).json()["error"]["code"] == "RequestNotFound"
    assert call("GET", f"{LOG}/one", **VERSION).status_code == 404
    assert call("GET", LOG, **VERSION, top="many").status_code == 400
    assert log.read() == []


def test_it_is_filtered_and_read_in_pages(log: Log, workspace: str, unique: str):
    call("PUT", workspace, {"location": REGION})
    for _ in range(3):
        call("GET", workspace)
    call("POST", f"{workspace}/sharedKeys")
    whole = log.read()
    assert [one["method"] for one in whole] == ["POST", "GET", "GET", "GET", "PUT"]
    assert log.read(method="PUT,POST") == [whole[0], whole[4]]
    assert log.read(text="SHAREDKEYS") == log.read(text="shared keys of") == whole[:1]
    assert log.read(text="201") == whole[4:]
    assert log.read(caller=CLIENT_ID) == whole
    assert log.read(caller="somebody") == log.read(kernel="azure-local") == []
    first = call("GET", LOG, **VERSION, after=log.since, top="2").json()
    assert first["value"] == whole[:2]
    pages = [first]
    while link := pages[-1].get("nextLink"):
        pages.append(requests.get(link, headers=call("GET", LOG, **VERSION).request.headers).json())
    assert [one for page in pages for one in page["value"]] == whole
    newest = str(whole[0]["sequence"])
    assert call("GET", LOG, **VERSION, after=newest).json()["value"] == []


def test_the_notebook_of_a_request_is_read_from_its_user_agent(log: Log, unique: str):
    sent = f"azsdk-python-mgmt-resource/26.0.0 x azure-local-kernel/1 (z%C3%A4hlen {unique}.ipynb)"
    send("GET", GROUP, sent)
    (one,) = log.read(kernel=f"zählen {unique}.ipynb")
    assert (one["kernel"], one["notebook"]) == ("azure-local", f"zählen {unique}.ipynb")
    assert one["client"] == "azsdk-python-mgmt-resource/26.0.0"
    assert one in log.read(kernel="azure-local")
    assert one["notebook"] in call("GET", LOG, **VERSION).json()["notebooks"]


def test_what_the_portal_reads_can_be_left_out_but_not_what_it_changes(log: Log, workspace: str):
    send("GET", GROUP, "portal/1.0")
    send("DELETE", workspace, "portal/1.0")
    portal = [one for one in log.read() if one["client"] == "portal/1.0"]
    assert [one["method"] for one in portal] == ["DELETE", "GET"]
    assert [one for one in log.read(exclude="portal") if one in portal] == portal[:1]


def test_no_key_and_no_token_that_was_ever_issued_is_shown(
    local_azure: LocalAzure, log: Log, workspace: str, unique: str
):
    """Each action that hands out a secret, and each body that takes one."""
    endpoint = f"{HOME}/onlineEndpoints/log-{unique}"
    registry = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/log{unique}"
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/log{unique}"
    app = f"{GROUP}/providers/Microsoft.App/containerApps/log-{unique}"
    mine = f"hush-{unique}"
    place = {"location": REGION}
    call("PUT", workspace, place)
    keys = {"primaryKey": f"{mine}-1", "secondaryKey": f"{mine}-2"}
    call("PUT", endpoint, place | {"properties": {"authMode": "Key", "keys": keys}})
    sku = {"sku": {"name": "Basic"}, "properties": {"adminUserEnabled": True}}
    call("PUT", registry, place | sku)
    call("PUT", account, place | {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"})
    secrets = [{"name": "db", "value": mine}]
    call("PUT", app, place | {"properties": {"configuration": {"secrets": secrets}}})
    issued = [
        call("POST", f"{workspace}/sharedKeys"),
        call("POST", f"{workspace}/regenerateSharedKey"),
        call("POST", f"{endpoint}/listKeys"),
        call("POST", f"{endpoint}/regenerateKeys", {"keyType": "Primary", "keyValue": mine * 4}),
        call("POST", f"{registry}/listCredentials"),
        call("POST", f"{registry}/regenerateCredential", {"name": "password"}),
        call("POST", f"{account}/listKeys"),
        call("POST", f"{account}/regenerateKey", {"keyName": "key1"}),
        call("POST", f"{HOME}/datastores/workspaceblobstore/listSecrets"),
        call("POST", f"{HOME}/listKeys"),
        call("POST", f"{HOME}/codes/c/versions/{unique}/startPendingUpload", {}),
    ]
    assert [answer.status_code for answer in issued if not answer.ok] == []
    secrets = {mine, *_private(local_azure), local_azure.environment["AZURE_CLIENT_SECRET"]}
    for answer in issued:
        secrets |= {
            value for value in _strings(json.loads(answer.content or b"{}")) if _looks_secret(value)
        }
    secrets.add(issued[0].request.headers["Authorization"].split()[1])
    assert len(secrets) > 16
    listed = log.read(top="500")
    bodies = [call("GET", one["id"], **VERSION).json() for one in listed]
    shown = json.dumps([listed, bodies])
    assert len(bodies) >= 16
    assert [secret for secret in secrets if secret in shown] == []
    assert shown.count(HIDDEN) > 20
    for path in (app, registry, account, endpoint):
        call("DELETE", path)


def _private(azure: LocalAzure) -> set[str]:
    """What local Azure keeps for itself of resources and has the look of a secret."""
    with sqlite3.connect(f"file:{azure.home.database}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT private FROM resources").fetchall()
    values = (value for (private,) in rows for value in _strings(json.loads(private)))
    return {value for value in values if _looks_secret(value)}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


def _looks_secret(value: str) -> bool:
    """Long, without a separator, and neither an id nor an address but one that is signed."""
    if "sig=" in value:
        return True
    plain = any(sign in value for sign in "/:. ") and not value.endswith("==")
    guid = len(value) == 36 and value.count("-") == 4
    return len(value) >= 32 and not plain and not guid and value.lower() != value


def test_what_is_large_or_no_json_is_told_by_its_size(log: Log, workspace: str):
    call("PUT", workspace, {"location": REGION, "tags": {}, "large": "x" * 70_000})
    whole = log.whole()
    assert whole["requestBytes"] > 70_000
    assert whole["request"] == {"omitted": "larger than 64 KB"}
    signed = call("GET", GROUP).request.headers["Authorization"]
    url = f"https://management.azure.com{workspace}?api-version=2025-02-01&sig=hush"
    headers = {"Authorization": signed}
    requests.put(url, b'{"password": "hush"', headers=headers, timeout=30)
    whole = log.whole()
    assert whole["request"] == {"omitted": "not JSON"}
    assert whole["status"] == 400
    assert "hush" not in json.dumps(whole)


def exchange(method: str = "PUT", agent: bytes = b"x/1", size: int = 0) -> ArmExchange:
    made = ArmExchange(method, "/", "", {b"user-agent": agent}, "127.0.0.1", 0.0)
    made.received = Body.of(b"x" * size)
    return made


def test_it_holds_so_many_requests_and_so_many_bytes():
    recent = RecentRequests(most=10, most_bytes=1000)
    before = recent.last
    for _ in range(25):
        recent.add(exchange())
    assert [number - before for number, _ in recent.newest_first()] == list(range(25, 15, -1))
    recent.add(exchange(size=900))
    recent.add(exchange(size=600))
    assert [one.received.size for _, one in recent.newest_first()] == [600]
    assert recent.find(recent.last - 1) is None


def test_what_the_portal_reads_drives_out_nothing_else():
    recent = RecentRequests(most=10)
    for _ in range(5):
        recent.add(exchange())
    for _ in range(1000):
        recent.add(exchange("GET", b"portal/1.0 aiohttp/3"))
    kept = [number for number, _ in recent.newest_first()]
    assert len(kept) == MOST_WATCHED + 5
    assert kept == sorted(kept, reverse=True)


def test_its_numbers_grow_over_a_restart(another_azure: LocalAzure, monkeypatch):
    for name, value in another_azure.environment.items():
        monkeypatch.setenv(name, value)
    call("GET", GROUP)
    last = call("GET", LOG, **VERSION).json()["lastSequence"]
    another_azure.kill()
    another_azure.start()
    assert call("GET", LOG, **VERSION).json()["value"] == []
    call("GET", GROUP)
    assert call("GET", LOG, **VERSION).json()["value"][0]["sequence"] > last
