"""Starting and stopping local Azure as a process of its own, safely from several places at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

from emulator.defaults import CLIENT_ID, RESOURCE_GROUP, SUBSCRIPTION, TENANT, WORKSPACE
from emulator.home import CHECKOUT, Home

START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 20.0  # seconds


@dataclass(frozen=True)
class Running:
    """An emulator that answers. `started_by_us`: this call started it, so its caller stops it."""

    port: int
    pid: int
    started_by_us: bool = False


class EmulatorError(RuntimeError):
    """The emulator cannot be started or stopped; the message says why and what to do."""


def running(home: Home) -> Running | None:
    """The emulator of this home, if one answers."""
    try:
        saved = json.loads(home.process_file.read_text())
        found = Running(saved["port"], saved["pid"])
    except (OSError, ValueError, KeyError):
        return None
    return found if _is_ours(found) else None


def _is_ours(process: Running) -> bool:
    """Whether the process that wrote the file still answers: another may have its port by now."""
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", process.port), timeout=5) as connection:
            connection.settimeout(5)
            connection.sendall(request)
            return f"local Azure's proxy, process {process.pid}." in connection.recv(4096).decode()
    except OSError:
        return False


def up(home: Home) -> Running:
    """Start the emulator unless it runs; return when the first request would be answered.

    Raises EmulatorError when it does not start, with the end of its log.
    """
    if found := running(home):
        return found
    home.create()
    from filelock import FileLock, Timeout

    try:
        with FileLock(home.lock, timeout=START_TIMEOUT):
            return running(home) or _start(home)
    except Timeout:
        raise EmulatorError(
            f"Another start of local Azure has been under way for {START_TIMEOUT:.0f} seconds. "
            "See `python -m emulator logs`."
        ) from None


def _start(home: Home) -> Running:
    home.process_file.unlink(missing_ok=True)
    environment = {**os.environ, "AZURE_LOCAL_HOME": str(home.root)}
    # What a client of an emulator has in its environment must not become the emulator's own
    # upstream proxy: it would call itself.
    if environment.get("AZURE_LOCAL_PROXY"):
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
            if environment.get(name) == environment["AZURE_LOCAL_PROXY"]:
                del environment[name]
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator.serve"],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise EmulatorError(f"Local Azure stopped while starting.\n{log_tail(home)}")
        if home.process_file.exists() and (found := running(home)):
            return Running(found.port, found.pid, started_by_us=True)
        time.sleep(0.002)
    process.kill()
    raise EmulatorError(
        f"Local Azure did not answer within {START_TIMEOUT:.0f} seconds.\n{log_tail(home)}"
    )


def down(home: Home) -> bool:
    """Stop the emulator and all that runs behind it. Answers whether one was running."""
    found = running(home)
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while time.monotonic() < deadline:
        if not _alive(found.pid):
            return True
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.kill(found.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    return True


def _alive(pid: int) -> bool:
    import psutil  # imported here: only `down` needs it, and every kernel imports this module

    try:
        # One that has ended stays a zombie until whoever started it asks.
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def record(home: Home, port: int) -> None:
    """Written by the emulator itself when it answers."""
    temporary = home.process_file.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(Running(port, os.getpid()))))
    temporary.replace(home.process_file)
    home.port_file.write_text(str(port))


def last_port(home: Home) -> int:
    """The port of the last run, so that running kernels find a restarted emulator; 0 if none."""
    try:
        return int(home.port_file.read_text())
    except (OSError, ValueError):
        return 0


def log_tail(home: Home, lines: int = 30) -> str:
    try:
        return "\n".join(home.log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def environment(home: Home) -> dict[str, str]:
    """The variables with which any program reaches the emulator instead of Azure.

    Raises EmulatorError when the emulator is not running.
    """
    found = running(home)
    if found is None:
        raise EmulatorError("Local Azure is not running. Start it with `python -m emulator up`.")
    from emulator.tls import write_bundle

    proxy = f"http://127.0.0.1:{found.port}"
    bundle = str(write_bundle(home.tls / "bundle.crt", home.ca_certificate))
    before = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    direct = ",".join(dict.fromkeys([*filter(None, before.split(",")), "localhost", "127.0.0.1"]))
    secret = json.loads(home.identity.read_text())["client_secret"]
    both_cases = {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "NO_PROXY": direct}
    return {
        **both_cases,
        **{name.lower(): value for name, value in both_cases.items()},
        "AZURE_LOCAL_PROXY": proxy,
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT_ID,
        "AZURE_CLIENT_SECRET": secret,
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_RESOURCE_GROUP": RESOURCE_GROUP,
        "AZUREML_WORKSPACE": WORKSPACE,
        "AZURE_CONFIG_DIR": str(home.azure_config),
    }
