"""The two places where a notebook can run, local Azure and live Azure, and what each needs."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
import textwrap
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from emulator import daemon
from emulator.home import Home, find_home
from emulator.state_file import StateError
from practice.progress import record

LOCAL = "azure-local"
LIVE = "azure-live"
TITLES = {LOCAL: "Azure (local)", LIVE: "Azure (live)"}

# What config.json, which Azure ML studio lets one download, calls each variable.
COORDINATES = {
    "AZURE_SUBSCRIPTION_ID": "subscription_id",
    "AZURE_RESOURCE_GROUP": "resource_group",
    "AZUREML_WORKSPACE": "workspace_name",
}
CREDENTIAL_TIMEOUT = 60  # seconds; DefaultAzureCredential asks several sources in turn

NO_COORDINATES = """\
This notebook does not know your Azure Machine Learning workspace yet.
Download config.json from Azure ML studio (the menu under your workspace's name, top right) into \
the folder of the course, or set AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP and \
AZUREML_WORKSPACE before you start JupyterLab."""

NO_CREDENTIAL = """\
No Azure credential works here.
Sign in with `az login` in a terminal, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and \
AZURE_CLIENT_SECRET of a service principal before you start JupyterLab.
What was tried:
{reason}"""

LOCAL_SETTINGS = """\
The settings of local Azure are in the environment of this process, so live Azure cannot be \
reached from it. Start JupyterLab from a terminal in which `python -m emulator env` was not used."""


class PlaceError(Exception):
    """The place is not ready; the message says what to do, in words for a learner."""


def start_local(environment: Mapping[str, str]) -> tuple[daemon.Running, dict[str, str]]:
    """Start the emulator, with this environment, unless it runs; return it and what reaches it.

    What reaches it are variables for its clients. Raises PlaceError when it does not start.
    """
    try:
        home = find_home()
        running = daemon.up(home, environment)
        return running, daemon.environment(home)
    except (daemon.EmulatorError, StateError) as error:
        raise PlaceError(_explain(error)) from None


def enter_local(environment: MutableMapping[str, str]) -> None:
    """Start the emulator unless it runs, and put what reaches it into `environment`.

    Raises PlaceError when the emulator does not start.
    """
    _, settings = start_local(os.environ)
    environment.update(settings)


def _explain(error: Exception) -> str:
    """Return the error's first line, and of the log below it only the last line."""
    first, *log = str(error).strip().splitlines()
    last = f"\nIts last words: {log[-1].strip()}" if log else ""
    return f"Local Azure did not start: {first}{last}\nAll of them: python -m emulator logs"


def find_coordinates(environment: MutableMapping[str, str], folder: Path) -> dict[str, str]:
    """Return the workspace's coordinates by the name of their variable.

    They are those of the environment, else of config.json in `folder` or a folder above it:
    the files that MLClient.from_config looks for. Raises PlaceError.
    """
    if "AZURE_LOCAL_PROXY" in environment:
        raise PlaceError(LOCAL_SETTINGS)
    if all(environment.get(name) for name in COORDINATES):
        return {name: environment[name] for name in COORDINATES}
    for parent in (folder, *folder.parents):
        for file in (parent / ".azureml" / "config.json", parent / "config.json"):
            if file.is_file():
                return _read_config(file)
    raise PlaceError(NO_COORDINATES)


def _read_config(file: Path) -> dict[str, str]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        return {name: str(config[key]) for name, key in COORDINATES.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        keys = ", ".join(COORDINATES.values())
        raise PlaceError(f"{file} should hold {keys}, and cannot be used: {error!r}") from None


def enter_live(environment: MutableMapping[str, str], folder: Path) -> None:
    """Put the workspace coordinates into `environment`, and see that a credential works.

    Raises PlaceError when there is no workspace or no credential.
    """
    environment.update(find_coordinates(environment, folder))
    reason = _refusal()
    if reason is not None:
        raise PlaceError(NO_CREDENTIAL.format(reason=reason))


def _refusal() -> str | None:
    """Return why DefaultAzureCredential gets no token for Resource Manager, or None."""
    # Slow to import, and not needed for local Azure.
    from azure.core.exceptions import AzureError
    from azure.identity import DefaultAzureCredential

    answers: list[str | None] = []

    def ask() -> None:
        try:
            with DefaultAzureCredential(process_timeout=20) as credential:
                credential.get_token("https://management.azure.com/.default")
            answers.append(None)
        except (AzureError, ValueError) as error:
            answers.append(_tried(str(error)))

    log = logging.getLogger("azure.identity")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(CREDENTIAL_TIMEOUT)
    finally:
        log.setLevel(level)
    return answers[0] if answers else f"  no answer within {CREDENTIAL_TIMEOUT} s"


def _tried(message: str) -> str:
    """Return what each credential said, a line each, from DefaultAzureCredential's long message."""
    lines = [line.strip() for line in message.strip().splitlines()]
    tried = [line for line in lines if re.match(r"\w+Credential: ", line)]
    return "\n".join(f"  {textwrap.shorten(line, 160)}" for line in tried or lines[:1])


def enter(place: str, environment: MutableMapping[str, str], folder: Path) -> None:
    """Make this process one that reaches `place`. Raises PlaceError."""
    if place == LOCAL:
        enter_local(environment)
    else:
        enter_live(environment, folder)


@contextmanager
def open_place(place: str, folder: Path) -> Iterator[None]:
    """Enter a place for the length of a command; stop local Azure after it if this started it."""
    if place == LIVE:
        enter_live(dict(os.environ), folder)
        yield
        return
    try:
        home = find_home()
        running = daemon.up(home)
    except (daemon.EmulatorError, StateError) as error:
        raise PlaceError(_explain(error)) from None
    try:
        yield
    finally:
        if running.started_by_us:
            daemon.down(home)


@contextmanager
def fresh_local_azure(containers: str | None = None) -> Iterator[None]:
    """Give this process and its children an empty local Azure of their own; remove it afterwards.

    `containers` says what they run as ("process", "engine"), whatever this machine has.

    The learner's progress is another one too: nothing passed, whatever passes is forgotten.
    """
    folder = tempfile.mkdtemp(prefix="azure-local-")
    settings = {
        "AZURE_LOCAL_HOME": folder,
        record.VARIABLE: str(Path(folder) / record.FILE),
    }
    if containers is not None:
        settings["AZURE_LOCAL_CONTAINERS"] = containers
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        daemon.down(Home(Path(folder)))
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)
