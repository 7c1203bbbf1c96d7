"""From starting local Azure to its first answer as Resource Manager."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import requests

from benchmarks.figures import Figure
from benchmarks.processes import free_port, process, scratch, wait_for
from emulator import daemon
from emulator.defaults import CLIENT_ID, TENANT
from emulator.home import Home
from emulator.proxy_password import proxy_url, read_password

ONE_ROUTE = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def answer(request):
    return JSONResponse({"value": []})

app = Starlette(routes=[Route("/subscriptions", answer)])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


def measure(samples: int) -> Figure:
    figure = Figure(
        "emulator start",
        measures="local Azure from its start to a token and a list of subscriptions",
        against="a process that imports starlette and uvicorn and serves one route",
        unit="s",
        aim=1.5,
        better="lower",
    )
    with scratch() as folder:
        home = Home(folder / "azure")
        began = time.perf_counter()
        daemon.up(home)
        # Keys, certificates and the first resources are made once.
        figure.details["first start ever, seconds"] = round(time.perf_counter() - began, 3)
        daemon.down(home)
        for _ in range(samples):
            figure.add(start_ours(home), start_peer(folder))
    return figure


def start_ours(home: Home) -> float:
    secret = json.loads(home.identity.read_text())["client_secret"]
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(home.ca_certificate)
        began = time.perf_counter()
        proxy = proxy_url(daemon.up(home).port, read_password(home.proxy_password))
        try:
            session.proxies = {"https": proxy}
            token = session.post(
                f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": CLIENT_ID,
                    "client_secret": secret,
                    "scope": "https://management.azure.com/.default",
                },
            ).json()["access_token"]
            answer = session.get(
                "https://management.azure.com/subscriptions?api-version=2022-12-01",
                headers={"Authorization": f"Bearer {token}"},
            )
            taken = time.perf_counter() - began
            answer.raise_for_status()
        finally:
            daemon.down(home)
    return taken


def start_peer(folder: Path) -> float:
    port = free_port()
    url = f"http://127.0.0.1:{port}/subscriptions"
    with requests.Session() as session:
        session.trust_env = False
        began = time.perf_counter()
        command = [sys.executable, "-c", ONE_ROUTE, str(port)]
        with process(command, folder / "one-route.log"):
            wait_for(lambda: session.get(url).ok, "the one route")
            return time.perf_counter() - began
