"""A small API in an image, and a container group of it: from its PUT to the first 200."""

from __future__ import annotations

import argparse
import io
import os
import tarfile
import time
from typing import Any

import requests

from benchmarks.arm import GROUP_URL, arm, quiet
from benchmarks.processes import wait_for
from emulator.defaults import REGION, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE

NAME, REGISTRY = "benchmark", "benchmark"
POLL = 0.01  # seconds; asking more often would take the time of what is asked
CPU, MEMORY = 1.0, 1.0  # cores and gigabytes

DOCKERFILE = """\
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
WORKDIR /app
RUN pip install fastapi uvicorn
COPY main.py .
CMD exec uvicorn main:app --host ${HOST:-0.0.0.0} --port ${PORT:-80}
"""
MAIN = """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def health() -> dict[str, str]:
    return {"status": "ok"}
"""


def build() -> dict[str, Any]:
    """Build the image in a registry; answers the body of the PUT that runs it."""
    from scoring.azure_clients import connect
    from scoring.container_image import build_image, create_registry

    options = argparse.Namespace(
        subscription_id=SUBSCRIPTION, resource_group=RESOURCE_GROUP, workspace=WORKSPACE
    )
    arguments = {name: os.environ[name] for name in ("BASE_IMAGE",) if name in os.environ}
    with quiet():
        azure = connect(options)
        create_registry(azure, REGISTRY)
        image = build_image(azure, REGISTRY, "api:1", context(), arguments, "Dockerfile")
    container = {
        "image": image.reference,
        "ports": [{"port": 80}],
        "resources": {"requests": {"cpu": CPU, "memoryInGB": MEMORY}},
    }
    login = {"server": image.server, "username": image.username, "password": image.password}
    return {
        "location": REGION,
        "properties": {
            "osType": "Linux",
            "containers": [{"name": "api", "properties": container}],
            "imageRegistryCredentials": [login],
            "ipAddress": {"type": "Public", "dnsNameLabel": NAME, "ports": [{"port": 80}]},
        },
    }


def context() -> bytes:
    """The two files as the .tar.gz that a build is sent."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (("Dockerfile", DOCKERFILE), ("main.py", MAIN)):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def start_group(body: dict[str, Any]) -> float:
    """Seconds from the PUT to the first 200; the group is deleted again."""
    url = (
        f"{GROUP_URL}/providers/Microsoft.ContainerInstance/containerGroups/{NAME}"
        "?api-version=2023-05-01"
    )
    with arm() as session, requests.Session() as client:
        address = f"http://{NAME}.{REGION}.azurecontainer.io/"
        session.get(url)  # the connection is there, as it is for whoever has built the image
        began = time.perf_counter()
        answer = session.put(url, json=body)
        if not answer.ok:
            raise RuntimeError(answer.text)
        wait_for(lambda: client.get(address).ok, "the container group", POLL)
        taken = time.perf_counter() - began
        wait_for(lambda: session.delete(url).status_code in (200, 204), "the deletion's start")
        wait_for(lambda: session.get(url).status_code == 404, "the deletion")
    return taken
