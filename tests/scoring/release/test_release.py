"""The release program against local Azure: good versions and bad ones, crashes, interference."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, load_online_deployment

from scoring.release.__main__ import main
from scoring.release.blue_green import BlueGreen, Shares, Stopped
from scoring.script import Exit
from tests.scoring.release.conftest import Write
from tests.waiting import until

ALL_BLUE, ALL_GREEN = Shares({"blue": 100}, {}), Shares({"green": 100}, {})


def stages(printed: str) -> list[str]:
    """The stages that a run names, each once, in order."""
    words = [line.partition(" ")[0] for line in printed.splitlines() if line[:1].isalpha()]
    return list(dict.fromkeys(words))


def test_a_good_version_gets_the_traffic_and_can_be_rolled_back(
    place: BlueGreen, write: Write, gates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "summary.md"
    given = ["--file", str(write("good")), "--version", "v2", "--gates", str(gates)]
    assert main([place.name, *given, "--report", str(page)]) == Exit.OK
    printed = capsys.readouterr().out
    wanted = ["in", "deploy", "smoke", "trial", "measure", "gate", "promote", "done"]
    assert stages(printed) == wanted
    assert {"gate       latency: passed", "gate       accuracy: passed"} <= set(
        printed.splitlines()
    )
    assert place.shares() == ALL_GREEN
    assert place.version("green") == "v2"
    assert "| green | v2 | 100 | 0 |" in page.read_text()

    assert main([place.name, *given]) == Exit.OK
    assert stages(capsys.readouterr().out) == ["in", "done"]

    assert main([place.name, "--roll-back"]) == Exit.OK
    assert "blue has all of the traffic again" in capsys.readouterr().out
    assert place.shares() == ALL_BLUE

    assert main([place.name, "--roll-back"]) == Stopped.TRAFFIC
    assert "no good version to go back to" in capsys.readouterr().err
    assert place.shares() == ALL_BLUE


@pytest.mark.parametrize(
    ("kind", "code", "why"),
    [
        ("broken at the start", Stopped.DEPLOYMENT, "NameError: name 'import_all_weights'"),
        ("of another form", Stopped.SMOKE, "status 200, and not with one digit"),
        ("broken for eights", Stopped.GATE, "Stopped by: failures."),
        ("slow at times", Stopped.GATE, "Stopped by: latency."),
        ("wrong", Stopped.GATE, "Stopped by: accuracy."),
    ],
)
def test_a_bad_version_is_stopped(
    kind: str,
    code: Stopped,
    why: str,
    place: BlueGreen,
    write: Write,
    gates: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--file", str(write(kind)), "--version", "bad", "--gates", str(gates)]
    assert main([place.name, *given, "--requests", "60"]) == code
    printed = capsys.readouterr()
    assert why in printed.err
    assert "promote" not in printed.out
    assert place.shares() == ALL_BLUE
    # What never came up can only be deleted, and what was stopped is replaced: the next one passes.
    given = ["--file", str(write("good")), "--version", "mended", "--requests", "20"]
    if code is Stopped.DEPLOYMENT:
        assert main([place.name, *given]) == Exit.OK
        assert place.shares() == ALL_GREEN


def test_copies_of_the_traffic_are_a_trial_too(
    place: BlueGreen, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = write("good").with_name("gates.py")
    gate.write_text("def never(live, candidate):\n    return 'Not today.'\n")
    given = ["--file", str(gate.with_name("deployment.yaml")), "--trial", "mirror", "--share", "20"]
    stopped = [place.name, *given, "--version", "v2", "--requests", "5", "--gates", str(gate)]
    assert main(stopped) == Stopped.GATE
    assert "20 % of the traffic, as copies, goes to green" in capsys.readouterr().out
    assert place.shares() == ALL_BLUE
    assert main([place.name, *given, "--version", "v2", "--requests", "5"]) == Exit.OK
    assert "green has v2 already" in capsys.readouterr().out
    assert place.shares() == ALL_GREEN


def test_who_changes_the_traffic_meanwhile_has_the_last_word(
    place: BlueGreen, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write("good")
    somebody = file.with_name("somebody.py")
    somebody.write_text(
        "from tests.azure import course_client\n\n"
        "def somebody_else(live, candidate):\n"
        "    endpoints = course_client().online_endpoints\n"
        f"    endpoint = endpoints.get('{place.name}')\n"
        "    endpoint.traffic = {'blue': 100}\n"
        "    endpoints.begin_create_or_update(endpoint).result()\n"
    )
    given = ["--file", str(file), "--version", "v2", "--requests", "5", "--gates", str(somebody)]
    assert main([place.name, *given]) == Stopped.TRAFFIC
    assert "Somebody has changed the traffic during the trial" in capsys.readouterr().err
    assert place.shares() == ALL_BLUE


def test_the_good_version_before_the_last_one_is_gone_once_another_was_tried(
    place: BlueGreen, write: Write, gates: Path
) -> None:
    """Nothing that a gate has stopped is ever taken for the last good version."""
    good, wrong = write("good"), write("wrong")
    assert main([place.name, "--file", str(good), "--version", "v2", "--requests", "5"]) == Exit.OK
    stopped = ["--file", str(wrong), "--version", "v3", "--gates", str(gates)]
    assert main([place.name, *stopped]) == Stopped.GATE
    assert place.version("blue") == "v3"
    assert main([place.name, "--roll-back"]) == Stopped.TRAFFIC
    assert place.shares() == ALL_GREEN
    # The endpoint of these tests has a good blue.
    assert main([place.name, "--file", str(good), "--version", "v1", "--requests", "5"]) == Exit.OK


def test_it_waits_for_what_azure_is_still_making(
    ml_client: MLClient, place: BlueGreen, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write("slow to start")
    deployment = load_online_deployment(file)
    deployment.endpoint_name, deployment.tags = place.name, {"version": "v2"}
    ml_client.online_deployments.begin_create_or_update(deployment)
    assert main([place.name, "--file", str(file), "--version", "v2", "--requests", "5"]) == Exit.OK
    assert "green has v2 already" in capsys.readouterr().out
    assert place.shares() == ALL_GREEN


def _run(arguments: list[str], output: str) -> None:
    with open(output, "w", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        code = main(arguments)
    os._exit(code)


def _run_until(stage: str | None, arguments: list[str], output: Path) -> tuple[int | None, str]:
    """Run the program, kill -9 it as soon as it names the stage; return exit code and output."""

    def told() -> str:
        return output.read_text(encoding="utf-8") if output.exists() else ""

    # A process that has the SDK loaded and is forked for each run: no thread is there yet.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    program = context.Process(target=_run, args=(arguments, str(output)))
    program.start()
    if stage:
        until(lambda: f"\n{stage} " in told() or not program.is_alive(), 120)
        program.kill()
    program.join()
    return program.exitcode, told()


@pytest.mark.slow
def test_after_a_crash_it_goes_on_from_what_it_finds(
    place: BlueGreen, write: Write, gates: Path, tmp_path: Path
) -> None:
    """kill -9 in every stage of one release; each time the same command is run again."""
    given = [place.name, "--file", str(write("good")), "--version", "v2", "--gates", str(gates)]
    runs = {}
    for stage in ("deploy", "smoke", "trial", "measure", "gate", "promote"):
        code, runs[stage] = _run_until(stage, given, tmp_path / stage)
        # The last stage may be through before the signal comes.
        assert code == -signal.SIGKILL or stage == "promote", runs[stage]
        assert place.shares().traffic.keys() <= {"blue", "green"}
        assert sum(place.shares().traffic.values()) == 100, "clients get answers all the time"
    code, runs["at last"] = _run_until(None, given, tmp_path / "at last")
    assert code == Exit.OK, runs["at last"]
    assert place.shares() == ALL_GREEN
    assert place.version("green") == "v2"
    assert all("green has v2 already" in runs[each] for each in ("trial", "measure", "gate"))
    assert place.roll_back() == "blue"


def test_a_roll_back_during_a_trial_ends_the_trial(place: BlueGreen, write: Write) -> None:
    place.deploy("green", "v2", load_online_deployment(write("good")))
    endpoint = place.client.online_endpoints.get(place.name)
    endpoint.traffic = {"blue": 90, "green": 10}
    place.client.online_endpoints.begin_create_or_update(endpoint).result()
    assert main([place.name, "--roll-back"]) == Exit.OK
    assert place.shares() == ALL_BLUE


def test_traffic_that_says_not_which_version_is_in_use(
    place: BlueGreen,
    write: Write,
    endpoint_without_versions: str,
    unique: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = write("good")
    place.deploy("green", "v2", load_online_deployment(file))
    endpoint = place.client.online_endpoints.get(place.name)
    endpoint.traffic = {"blue": 50, "green": 50}
    place.client.online_endpoints.begin_create_or_update(endpoint).result()
    for name, why in {
        place.name: "(blue 50 %, green 50 %)",
        endpoint_without_versions: "(none)",
        f"nobodys-{unique}": f"There is no endpoint nobodys-{unique}.",
    }.items():
        assert main([name, "--file", str(file), "--version", "v3"]) == Stopped.TRAFFIC
        assert why in capsys.readouterr().err
