"""What clients have in their environment: every one that the course uses gets in with it."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.home import CHECKOUT
from emulator.proxy_password import USER
from tests.azure import LocalAzure

from .command import command

# Each prints the status that Azure Resource Manager answers a call without a token.
ARM = "https://management.azure.com/subscriptions?api-version=2022-12-01"
CLIENTS = {
    "requests": f"import requests; print(requests.get({ARM!r}).status_code)",
    "urllib": f"""
        import urllib.error, urllib.request
        try:
            urllib.request.urlopen({ARM!r})
        except urllib.error.HTTPError as error:
            print(error.code)
    """,
    "httpx": f"import httpx; print(httpx.get({ARM!r}).status_code)",
    "aiohttp": f"""
        import aiohttp, asyncio, os, ssl
        async def main():
            context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
            async with aiohttp.ClientSession(trust_env=True) as session:
                async with session.get({ARM!r}, ssl=context) as answer:
                    print(answer.status)
        asyncio.run(main())
    """,
    "azure-core": f"""
        from azure.core import PipelineClient
        from azure.core.rest import HttpRequest
        print(PipelineClient("").send_request(HttpRequest("GET", {ARM!r})).status_code)
    """,
    "azure-core with aiohttp": f"""
        import asyncio
        from azure.core import AsyncPipelineClient
        from azure.core.rest import HttpRequest
        async def main():
            async with AsyncPipelineClient("") as client:
                print((await client.send_request(HttpRequest("GET", {ARM!r}))).status_code)
        asyncio.run(main())
    """,
    "azure-identity": """
        from azure.identity import DefaultAzureCredential
        token = DefaultAzureCredential().get_token("https://management.azure.com/.default")
        print(401 if token.token.count(".") == 2 else token)
    """,
    "websocket-client": """
        import os, websocket
        host = "bridge-linux-01.westeurope.management.azurecontainer.io"
        ca = {"ca_certs": os.environ["SSL_CERT_FILE"]}
        try:
            websocket.create_connection(f"wss://{host}/exec/none", sslopt=ca)
        except websocket.WebSocketBadStatusException as error:
            assert "server" not in error.resp_headers  # no proxy's own refusal
            print(401 if error.status_code in (401, 403, 404) else error.status_code)
    """,
    "websockets": """
        import asyncio, ssl, os, websockets
        host = "bridge-linux-01.westeurope.management.azurecontainer.io"
        context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
        async def main():
            try:
                async with websockets.connect(f"wss://{host}/exec/none", ssl=context):
                    pass
            except websockets.InvalidStatus as error:
                status = error.response.status_code
                print(401 if status in (401, 403, 404) else status)
        asyncio.run(main())
    """,
}


def printed(words: list[str], variables: dict[str, str]) -> str:
    """What a program prints that has the variables of local Azure and few others."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        words, env={**kept, **variables}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_get_in(local_azure: LocalAzure, client: str) -> None:
    source = "\n".join(line.removeprefix("        ") for line in CLIENTS[client].splitlines())
    assert printed([sys.executable, "-c", source], local_azure.environment) == "401"


def test_curl_gets_in(local_azure: LocalAzure) -> None:
    words = ["curl", "--silent", "--output", os.devnull, "--write-out", "%{http_code}", ARM]
    assert printed(words, local_azure.environment) == "401"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index on loopback that has one package, and so is not Azure's."""
    package = tmp_path / "simple" / "tiny"
    package.mkdir(parents=True)
    with zipfile.ZipFile(package / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        info = "tiny-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    serve = functools.partial(Handler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()


def test_pip_gets_a_package_from_elsewhere(
    local_azure: LocalAzure, index: str, tmp_path: Path
) -> None:
    words = [sys.executable, "-m", "pip", "--isolated", "download", "tiny", "--index-url", index]
    words += ["--no-cache-dir", "--disable-pip-version-check", "--dest", str(tmp_path / "found")]
    through = {**local_azure.environment, "NO_PROXY": "", "no_proxy": ""}
    said = printed(words, through)
    assert (tmp_path / "found" / "tiny-1.0-py3-none-any.whl").is_file()
    assert password(local_azure) not in said
    # It did go through the front door, which lets nobody else in.
    wrong = {name: value.replace(password(local_azure), "x") for name, value in through.items()}
    with pytest.raises(AssertionError, match="No matching distribution"):
        printed([*words, "--retries", "0"], wrong)


def password(azure: LocalAzure) -> str:
    return azure.home.proxy_password.read_text()


def test_the_password_is_shown_nowhere(another_azure: LocalAzure) -> None:
    home, secret = another_azure.home, password(another_azure)
    assert len(secret) == 48
    assert home.proxy_password.stat().st_mode & 0o777 == 0o600
    said = [
        command(home.root, *words)
        for words in (["up"], ["status"], ["status", "--json"], ["logs", "--lines", "1000"])
    ]
    assert {answer.returncode for answer in said} == {0}
    assert not any(secret in answer.stdout + answer.stderr for answer in said)
    assert secret in command(home.root, "env").stdout
    another_azure.stop()
    assert secret not in home.log.read_text()


def test_no_lesson_shows_a_password() -> None:
    lessons = list((CHECKOUT / "notebooks").glob("*.ipynb"))
    assert len(lessons) > 5
    shown = re.compile(rf"{USER}:[0-9a-f]{{48}}@")
    assert not [lesson.name for lesson in lessons if shown.search(lesson.read_text("utf-8"))]


def test_the_password_stays_and_a_new_folder_has_another(
    another_azure: LocalAzure, local_azure: LocalAzure
) -> None:
    before = password(another_azure)
    assert before != password(local_azure)
    another_azure.stop()
    another_azure.start()
    assert password(another_azure) == before
    another_azure.stop()
    another_azure.home.proxy_password.write_text("cut")
    another_azure.start()
    assert password(another_azure) not in (before, "cut")


def test_a_password_that_was_damaged_since_is_named(another_azure: LocalAzure) -> None:
    another_azure.home.proxy_password.write_text("[1]")
    answer = command(another_azure.home.root, "env")
    assert answer.returncode == 1
    assert f"{another_azure.home.proxy_password} is damaged. Stop local Azure" in answer.stderr
    assert "Traceback" not in answer.stderr
    another_azure.stop()
    another_azure.start()
    assert command(another_azure.home.root, "env").returncode == 0


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("entry", ["*", ".azure.com", "login.microsoftonline.com"])
def test_env_leads_nobody_to_the_real_cloud(local_azure: LocalAzure, name: str, entry: str) -> None:
    variables = {"NO_PROXY": "", "no_proxy": "", name: f"mine.example,{entry}"}
    answer = command(local_azure.home.root, "env", **variables)
    exports = dict(
        line.removeprefix("export ").split("=", 1) for line in answer.stdout.splitlines()
    )
    assert exports["NO_PROXY"] == exports["no_proxy"] == "mine.example,localhost,127.0.0.1"
