"""Starting, stopping and asking `python -m emulator`, as a person or a script does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator import daemon
from emulator.home import CHECKOUT, Home


def command(home: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AZURE_LOCAL_HOME": str(home), **extra}
    return subprocess.run(
        [sys.executable, "-m", "emulator", *words],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def home(tmp_path: Path):
    yield tmp_path / "azure"
    command(tmp_path / "azure", "down")


def test_up_is_safe_to_call_twice_and_down_stops_it(home):
    first, second = command(home, "up"), command(home, "up")
    assert first.returncode == 0, first.stderr
    assert "started" in first.stdout
    assert "running already" in second.stdout
    assert command(home, "status").returncode == 0
    assert "stopped" in command(home, "down").stdout
    assert "not running" in command(home, "down").stdout
    assert command(home, "status").returncode == 1


def test_many_starts_at_once_make_one_emulator(home):
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: daemon.up(Home(home)), range(6)))
    assert len({process.pid for process in found}) == 1
    assert sum(process.started_by_us for process in found) == 1


def test_status_as_json(home):
    command(home, "up")
    report = json.loads(command(home, "status", "--json").stdout)
    assert report["running"] is True
    assert report["proxy"].startswith("http://127.0.0.1:")
    assert report["resources"]["Microsoft.Resources/resourceGroups"] == 1


def test_a_restart_keeps_the_port_so_that_running_kernels_find_it(home):
    before = daemon.up(Home(home))
    daemon.down(Home(home))
    assert daemon.up(Home(home)).port == before.port


def test_a_stale_process_file_is_not_taken_for_a_running_emulator(home):
    Home(home).create()
    Home(home).process_file.write_text(json.dumps({"port": 1, "pid": 1}))
    assert daemon.running(Home(home)) is None
    assert daemon.up(Home(home)).started_by_us


def test_env_lets_curl_reach_resource_manager(home):
    command(home, "up")
    script = f"""
        eval "$({sys.executable} -m emulator env)"
        token=$(curl -s https://login.microsoftonline.com/$AZURE_TENANT_ID/oauth2/v2.0/token \\
          -d grant_type=client_credentials -d client_id=$AZURE_CLIENT_ID \\
          -d "client_secret=$AZURE_CLIENT_SECRET" -d scope=https://management.azure.com/.default \\
          | {sys.executable} -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
        curl -s -H "Authorization: Bearer $token" \\
          "https://management.azure.com/subscriptions/$AZURE_SUBSCRIPTION_ID?api-version=2022-12-01"
    """
    answer = subprocess.run(
        ["bash", "-c", script],
        cwd=CHECKOUT,
        env={**os.environ, "AZURE_LOCAL_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert json.loads(answer.stdout)["state"] == "Enabled", answer.stderr


def test_env_within_itself_keeps_what_was_trusted_before(home, tmp_path):
    """An organisation's own authority, which no other bundle has."""
    organisation = tmp_path / "organisation.pem"
    organisation.write_text("# the organisation's\n-----BEGIN CERTIFICATE-----\nabc\n")
    command(home, "up")
    variables = {"REQUESTS_CA_BUNDLE": str(organisation)}
    for _ in range(3):
        assert command(home, "env", **variables).returncode == 0
        bundle = home / "tls" / "bundle.crt"
        variables = {"REQUESTS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle)}
        parts = bundle.read_text().partition("abc\n")
        assert parts[0].startswith("# the organisation's")
        assert parts[2] == (home / "tls" / "ca.pem").read_text()


def test_env_says_how_to_start_when_nothing_runs(home):
    answer = command(home, "env")
    assert answer.returncode != 0
    assert "python -m emulator up" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_emulator_is_not_its_own_upstream_proxy(home):
    """A kernel of a stopped emulator has its settings and may start it again."""
    settings = daemon.environment(Home(home)) if daemon.up(Home(home)) else {}
    daemon.down(Home(home))
    again = command(home, "up", **settings)
    assert again.returncode == 0, again.stderr


def test_reset_asks_first_and_then_forgets(home):
    command(home, "up")
    refused = subprocess.run(
        [sys.executable, "-m", "emulator", "reset"],
        cwd=CHECKOUT,
        env={**os.environ, "AZURE_LOCAL_HOME": str(home)},
        input="n\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode != 0
    assert home.exists()
    assert command(home, "reset", "--yes").returncode == 0
    assert not home.exists()


def test_reset_leaves_a_folder_alone_that_is_not_its_own(tmp_path):
    (tmp_path / "thesis.txt").write_text("four years")
    answer = command(tmp_path, "reset", "--yes")
    assert answer.returncode != 0
    assert (tmp_path / "thesis.txt").read_text() == "four years"


def test_secrets_are_readable_by_their_owner_alone(home):
    daemon.up(Home(home))
    for secret in (Home(home).identity, Home(home).tls / "ca-key.pem"):
        assert secret.stat().st_mode & 0o077 == 0, secret


def test_state_of_another_version_is_named_and_reset_helps(home):
    import sqlite3

    Home(home).create()
    with sqlite3.connect(Home(home).database) as database:
        database.execute("CREATE TABLE resources (id TEXT)")
    database.close()
    for words in (["up"], ["status"]):
        answer = command(home, *words)
        assert answer.returncode != 0
        assert "python -m emulator reset" in answer.stderr
        assert "Traceback" not in answer.stderr
    assert command(home, "reset", "--yes").returncode == 0
    assert command(home, "up").returncode == 0


def test_another_port_is_taken_when_the_last_one_is(home):
    import socket

    before = daemon.up(Home(home))
    daemon.down(Home(home))
    with socket.create_server(("127.0.0.1", before.port)):
        assert daemon.up(Home(home)).port != before.port
