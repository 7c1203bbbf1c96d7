"""Starting, stopping and asking `python -m emulator`, as a person or a script does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from emulator import daemon
from emulator.daemon import Running
from emulator.home import CHECKOUT, Home
from emulator.processes.logs import KEPT, LIMIT
from tests.waiting import until

from .command import command


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
    types = [each["type"] for each in report["resources"]]
    assert types.count("Microsoft.Resources/resourceGroups") == 1


def test_a_restart_keeps_the_port_so_that_running_kernels_find_it(home):
    before = daemon.up(Home(home))
    daemon.down(Home(home))
    assert daemon.up(Home(home)).port == before.port


def test_a_stale_process_file_is_not_taken_for_a_running_emulator(home):
    Home(home).create()
    Home(home).process_file.write_text(json.dumps({"port": 1, "pid": 1}))
    assert daemon.running(Home(home)) is None
    assert daemon.up(Home(home)).started_by_us


def test_the_log_does_not_grow_without_end(home):
    daemon.up(Home(home))
    with Home(home).log.open("ab") as log:
        log.write(b"a line of what went wrong\n" * (LIMIT // 20))
    until(lambda: Home(home).log.stat().st_size <= KEPT, seconds=60)
    assert "a line of what went wrong" in command(home, "logs").stdout


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


def test_another_port_is_taken_when_the_last_one_is(home):
    import socket

    before = daemon.up(Home(home))
    daemon.down(Home(home))
    with socket.create_server(("127.0.0.1", before.port)):
        assert daemon.up(Home(home)).port != before.port


def test_an_emulator_that_does_not_answer_is_not_joined_by_a_second(home):
    """Busy, or as here stopped, it still has the folder."""
    azure = daemon.up(Home(home))
    os.kill(azure.pid, signal.SIGSTOP)
    try:
        assert daemon.running(Home(home)) == Running(azure.port, azure.pid)
        assert daemon.up(Home(home)) == Running(azure.port, azure.pid)
        assert "is running already" in command(home, "up").stdout
    finally:
        os.kill(azure.pid, signal.SIGCONT)


def test_down_ends_one_that_does_not_hear_it(home, monkeypatch):
    monkeypatch.setattr(daemon, "STOP_TIMEOUT", 0.5)
    azure = daemon.up(Home(home))
    os.kill(azure.pid, signal.SIGSTOP)
    assert daemon.down(Home(home)) is True
    assert os.waitpid(azure.pid, 0)[1] == signal.SIGKILL
    assert daemon.running(Home(home)) is None


def test_what_was_killed_is_not_running(home):
    azure = daemon.up(Home(home))
    os.kill(azure.pid, signal.SIGKILL)
    os.waitpid(azure.pid, 0)
    assert Home(home).process_file.exists(), "as it left it"
    assert daemon.running(Home(home)) is None
    assert daemon.down(Home(home)) is False
    again = daemon.up(Home(home))
    assert again.started_by_us
    assert again.pid != azure.pid


def test_commands_at_once_make_one_emulator_and_one_end(home):
    with ThreadPoolExecutor(4) as pool:
        ups = list(pool.map(lambda _: command(home, "up"), range(4)))
        assert {answer.returncode for answer in ups} == {0}, [answer.stderr for answer in ups]
        assert sorted("started" in answer.stdout for answer in ups) == [False, False, False, True]
        resets = list(pool.map(lambda _: command(home, "reset", "--yes"), range(4)))
    assert {answer.returncode for answer in resets} == {0}, [answer.stderr for answer in resets]
    assert not home.exists()


def test_a_second_process_does_not_serve_from_the_same_folder(home, monkeypatch):
    azure = daemon.up(Home(home))
    second = subprocess.run(
        [sys.executable, "-m", "emulator.serve"],
        cwd=CHECKOUT,
        env={**os.environ, "AZURE_LOCAL_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert second.stdout == f"Another process serves from {home} already.\n"
    assert daemon.running(Home(home)) == Running(azure.port, azure.pid)


def test_up_waits_for_one_that_is_stopping(home):
    azure = daemon.up(Home(home))
    os.kill(azure.pid, signal.SIGTERM)
    again = daemon.up(Home(home))
    # It was asked either before it heard the signal or after; what it says is true by now.
    until(lambda: daemon.running(Home(home)) != Running(azure.port, azure.pid))
    assert again.pid == azure.pid or daemon.running(Home(home)) == Running(again.port, again.pid)


@pytest.fixture
def held(home):
    """The lock of the folder, held by a process of which nothing is known."""
    Home(home).create()
    (home / "blobs" / "thesis").write_text("four years")
    with FileLock(Home(home).lock):
        yield home


def test_reset_deletes_nothing_below_a_live_process(held, monkeypatch):
    monkeypatch.setattr(daemon, "STOP_TIMEOUT", 0.2)
    monkeypatch.setattr(daemon, "KILL_TIMEOUT", 0.2)
    with pytest.raises(daemon.EmulatorError, match="could not be stopped"):
        daemon.reset(Home(held))
    assert (held / "blobs" / "thesis").read_text() == "four years"


def test_up_starts_nothing_beside_a_live_process(held, monkeypatch):
    monkeypatch.setattr(daemon, "START_TIMEOUT", 0.2)
    with pytest.raises(daemon.EmulatorError, match="did not answer within"):
        daemon.up(Home(held))
    assert not Home(held).log.exists()


def test_a_live_process_whose_file_is_damaged_is_left_alone(held):
    Home(held).process_file.write_text("[1]")
    for words in (["up"], ["status"], ["down"], ["env"], ["reset", "--yes"]):
        answer = command(held, *words)
        assert answer.returncode == 1
        assert f"{held}/emulator.json is damaged" in answer.stderr
        assert "Traceback" not in answer.stderr
    assert (held / "blobs" / "thesis").exists()
