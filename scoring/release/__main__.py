"""The program: its command line, and the stages of a release one after another.

    deploy      the new version beside the one in use, without traffic
    smoke       one request: does it answer at all, and in the right form?
    trial       a tenth of the traffic, or a copy of it
    measure     both versions name the same digits, in turns
    gate        each gate looks at the answers, and may stop the release
    promote     all traffic to the new version; the old one stays, as the last good one

A stage first looks whether its work is done. So after a crash, run the same command again.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

from azure.ai.ml import load_online_deployment
from azure.ai.ml.entities import ManagedOnlineDeployment
from azure.core.exceptions import AzureError

from scoring import sample
from scoring.create_endpoint import logs
from scoring.release.blue_green import BlueGreen, Stopped, TrialKind
from scoring.release.judging import judge, load_gates
from scoring.release.measuring import Example
from scoring.release.report import Report, row, verdicts
from scoring.script import (
    Exit,
    ExitCode,
    ScriptError,
    new_parser,
    open_workspace,
    parse_options,
    reason,
    run_script,
    sign_in,
)

HERE = Path(__file__).parent
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SMOKE = Example(sample.DIGIT, sample.TRUTH)


class Release:
    """One release of one version."""

    def __init__(self, place: BlueGreen, version: str, report: Report) -> None:
        self.place = place
        self.version = version
        self.report = report

    def deploy(self, deployment: ManagedOnlineDeployment) -> str:
        """Bring the version up without traffic, unless it is; return the deployment's name."""
        name = self.place.candidate()
        if self.place.has(name, self.version):
            self.report.say("deploy", f"{name} has {self.version} already")
            return name
        self.report.say("deploy", f"{name} gets {self.version}; on live Azure, this takes minutes")
        try:
            self.place.deploy(name, self.version, deployment)
        except AzureError as error:
            raise ScriptError(
                Stopped.DEPLOYMENT,
                f"{name} did not come up with {self.version}.\n{reason(error)}\n\n"
                f"{logs(self.place.client, self.place.name, name)}",
            ) from error
        return name

    def smoke(self, name: str) -> None:
        """Send the new version one digit. What it says does not matter yet, but its form does."""
        answer = self.place.scoring_client().ask(name, SMOKE)
        if answer.digit is None:
            raise ScriptError(
                Stopped.SMOKE,
                f"{name} answered a good request with status {answer.status}"
                f"{', and not with one digit and ten probabilities' * (answer.status == 200)}.\n\n"
                f"{logs(self.place.client, self.place.name, name)}",
            )
        self.report.say("smoke", f"{name} answers in the right form")

    def try_out(self, name: str, options: argparse.Namespace) -> None:
        """Put the new version on trial, measure, let the gates decide; promote, or end the trial.

        Whatever goes wrong on the way ends the trial too: nobody would be there to judge it.
        """
        kind: TrialKind = options.trial
        what = "of the traffic" if kind is TrialKind.TRAFFIC else "of the traffic, as copies,"
        try:
            self.report.say("trial", f"{options.share} % {what} goes to {name}")
            trial = self.place.start_trial(name, kind, options.share)
            live = self.place.live()
            self.report.say("measure", f"{live} and {name}, {options.requests} requests each")
            client = self.place.scoring_client()
            answers = client.compare([live, name], options.examples, options.requests)
            self.report.table(
                [row(each, self.place.version(each), answers[each]) for each in (live, name)]
            )
            said = judge(options.gates, answers[live], answers[name])
            stopping = verdicts(self.report, said)
        except BaseException:
            self.place.end_trial()
            raise
        if stopping:
            self.place.end_trial()
            self.report.say("roll back", f"{live} has all of the traffic; {name} has none")
            raise ScriptError(
                Stopped.GATE, f"{self.version} is not released. Stopped by: {', '.join(stopping)}."
            )
        self.report.say("promote", f"{name} gets all of the traffic")
        old = self.place.promote(name, trial)
        self.report.say("done", f"{old} stays, without traffic, as the last good version")


def release(place: BlueGreen, options: argparse.Namespace, report: Report) -> None:
    """Bring a version from its file to all of the traffic, or say why not. Raises ScriptError."""
    live = place.live()
    report.say("in use", f"{live}, {place.version(live)}")
    if place.has(live, options.version):
        place.end_trial()
        report.say("done", f"{live} has {options.version} and all of the traffic already")
        return
    run = Release(place, options.version, report)
    name = run.deploy(options.deployment)
    run.smoke(name)
    run.try_out(name, options)


def read_deployment(file: Path) -> ManagedOnlineDeployment:
    """Return the deployment that a YAML file describes. Raises ScriptError."""
    try:
        deployment = load_online_deployment(file)
    except Exception as error:  # the SDK's own, its YAML reader's, its schema's, the file system's
        raise ScriptError(Exit.USAGE, f"{file} describes no deployment. {error}".strip()) from error
    if not isinstance(deployment, ManagedOnlineDeployment):
        raise ScriptError(Exit.USAGE, f"{file} describes no managed online deployment.")
    return deployment


def read_examples(file: Path) -> list[Example]:
    """Return the digits of a JSON file `{"data": [digits], "digits": [0, ...]}`."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        pairs = zip(content["data"], content["digits"], strict=True)
        examples = [Example(image, int(truth)) for image, truth in pairs]
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ScriptError(Exit.USAGE, f"{file} has no digits with their truth. {why}") from error
    if not examples:
        raise ScriptError(Exit.USAGE, f"{file} has no digits.")
    return examples


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; what it leaves open comes from the environment."""
    parser = new_parser(
        "release",
        "Release a new version of a model behind an online endpoint: deploy it beside the one in "
        "use, try it, measure both, and give it all of the traffic unless a gate stops it. After "
        "a crash, run the same command again: it goes on from what it finds.",
        Stopped,
    )
    add = parser.add_argument
    add("endpoint", help="the endpoint; one of its deployments has the traffic")
    add("--file", "-f", type=Path, default=HERE / "deployment.yaml", metavar="YAML",
        help="describes the deployment, as for `az ml online-deployment create`")  # fmt: skip
    add("--version", default=os.environ.get("GITHUB_SHA"), help="its name; default: $GITHUB_SHA")
    add("--gates", type=Path, default=HERE / "gates.py", metavar="PY", help="a file of functions")
    add("--examples", type=Path, default=HERE / "examples.json", metavar="JSON",
        help="digits whose truth is known")  # fmt: skip
    add("--trial", type=TrialKind, default=TrialKind.TRAFFIC, choices=list(TrialKind),
        help="clients' requests, or copies of them; default: %(default)s")  # fmt: skip
    add("--share", type=int, default=10, metavar="PERCENT", help="default: %(default)s")
    add("--requests", type=int, default=100, metavar="N", help="to each; default: %(default)s")
    add("--report", type=Path, metavar="FILE", help="append the report to it, in Markdown")
    add("--roll-back", action="store_true", help="give all traffic to the last good version")
    options = parse_options(parser, arguments)
    if options.roll_back:
        return options
    if not VERSION.fullmatch(options.version or ""):
        parser.error("give --version: letters, digits, dots, dashes; at most 64")
    if not 1 <= options.share <= 49:
        parser.error("--share is from 1 to 49: a trial is for the smaller part of the requests")
    if options.requests < 1:
        parser.error("--requests is at least 1: nothing can be judged by no answer")
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for. Raises ScriptError or AzureError."""
    if not options.roll_back:  # what is wrong with the files is said before Azure is asked
        options.deployment = read_deployment(options.file)
        options.gates, options.examples = load_gates(options.gates), read_examples(options.examples)
    client, _ = open_workspace(sign_in(), options)
    place = BlueGreen(client, options.endpoint)
    if options.roll_back:
        name = place.roll_back()
        print(f"{name} has all of the traffic again: {place.version(name)}.")
        return
    report = Report(f"Release of {options.version} to {options.endpoint}")
    try:
        release(place, options, report)
    except ScriptError as error:
        report.note("stopped", str(error).partition("\n")[0])  # run_script prints it
        raise
    finally:
        if options.report:
            report.append_to(options.report)


def main(arguments: list[str] | None = None) -> ExitCode:
    """Run the program and return its exit code."""
    return run_script(run, parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
