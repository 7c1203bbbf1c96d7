"""The command line: `course --help`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from course import lessons, places
from practice.facts import FactError
from practice.progress.record import ProgressError, own_file

# The commands import what they need when they run: JupyterLab and papermill take a second each.

kernel_option = click.option(
    "--kernel",
    type=click.Choice(list(places.TITLES)),
    default=places.LOCAL,
    show_default=True,
    help="Where the notebooks run.",
)


class Course(click.Group):
    """Turns the errors that a reader can do something about into a sentence and exit code 1."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (places.PlaceError, lessons.LessonError, FactError, ProgressError) as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Course, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Deploying Models on Azure: open, run, build and test the lessons."""
    # So that what a command started is stopped also when the command is.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


@main.command()
@kernel_option
@click.option("--port", default=8888, show_default=True, help="Or the next that is free.")
@click.option("--browser/--no-browser", default=True, help="Open one, where there is a screen.")
def lab(kernel: str, port: int, browser: bool) -> None:
    """Open JupyterLab on the start page."""
    from course.lab import lab as serve

    serve(kernel, port, browser)


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="LESSON...")
def restore(names: tuple[str, ...]) -> None:
    """Make your own copy of a lesson ("04") anew; what you had is kept beside it."""
    from course.copies import copies

    for copy in copies(names):
        try:
            kept = copy.restore()
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None
        click.echo(f"{copy.file} is the lesson as it was made.")
        if kept:
            click.echo(f"Yours is kept: {kept}")


@main.command()
@kernel_option
@click.option("--browser/--no-browser", default=True, help="Open one, where there is a screen.")
@click.option("--behind-jupyter", type=int, metavar="PORT", hidden=True)
def portal(kernel: str, browser: bool, behind_jupyter: int | None) -> None:
    """Open the portal: everything in Azure, as web pages."""
    from course.portal import open_portal, serve_for_jupyter

    if behind_jupyter is None:
        open_portal(kernel, browser)
    else:
        serve_for_jupyter(kernel, behind_jupyter)


@main.command()
@kernel_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=lessons.BUILD / "course",
    help="Folder for executed lessons, pages and summary.json.  [default: build/course]",
)
@click.argument("names", nargs=-1, metavar="[LESSON]...")
def run(kernel: str, output: Path, names: tuple[str, ...]) -> None:
    """Run every lesson in order, or those named ("02")."""
    from course.running import run as run_all

    _exit(run_all(lessons.choose(names, lessons.NOTEBOOKS, ".ipynb"), kernel, output))


@main.command()
@click.option("--check", is_flag=True, help="Only compare notebooks/ with notebooks/src.")
@click.option("--all-outputs", is_flag=True, help="Store also times and figures anew.")
@click.option("--alone", is_flag=True, help="Do not run the lessons before those named.")
@click.argument("names", nargs=-1, metavar="[LESSON]...")
def notebooks(check: bool, all_outputs: bool, alone: bool, names: tuple[str, ...]) -> None:
    """Build notebooks/*.ipynb from notebooks/src, with outputs.

    With LESSON ("02") only that one is written; those before it run all the same, as it finds
    what they leave: --alone is quicker while you write. A cell's stored output stays as it is where
    only times, keys and the like would change, or what a figure shows of them: --all-outputs
    replaces it too.
    """
    from course.execution import LessonFailedError
    from course.notebooks import NotStorableError, build, drift

    if check:
        found = drift(lessons.SOURCES, lessons.NOTEBOOKS)
        for line in found:
            click.echo(line, err=True)
        if found:
            raise click.ClickException("Run `make notebooks` to build what differs.")
        click.echo("Every notebook matches its text.")
        return
    try:
        wanted = {source.stem for source in lessons.choose(names, lessons.SOURCES, ".py")}
        sources = lessons.choose([], lessons.SOURCES, ".py")
        build(sources, lessons.NOTEBOOKS, wanted, keep_outputs=not all_outputs, alone=alone)
    except (LessonFailedError, NotStorableError) as error:
        raise click.ClickException(str(error)) from None


def _checks(select: Callable[[Any], list[Any]], keep_going: bool) -> None:
    from course import testing

    _exit(testing.check(select(testing), keep_going))


keep_going_option = click.option("--keep-going", is_flag=True, help="Do not stop at a failure.")


@main.command()
@click.argument("names", nargs=-1, metavar="[LESSON]...")
def minutes(names: tuple[str, ...]) -> None:
    """Say how long the lessons take, part by part, and what they state."""
    from course.minutes import print_table

    print_table(lessons.choose(names, lessons.NOTEBOOKS, ".ipynb"))


@main.command()
@keep_going_option
def test(keep_going: bool) -> None:
    """Style, format, types, import rules, every test, every lesson's outputs."""
    _checks(lambda testing: [*testing.LINT, *testing.tests()], keep_going)


@main.command()
@keep_going_option
def lint(keep_going: bool) -> None:
    """Style, format, types, import rules alone."""
    _checks(lambda testing: testing.LINT, keep_going)


@main.command()
def bench() -> None:
    """Run the benchmarks; results in build/bench.json."""
    _exit(_python("benchmarks", ()))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def fuzz(arguments: tuple[str, ...]) -> None:
    """Send 30,000 wrong requests; results in build/fuzz.

    ARGUMENTS are those of `python -m tests.fuzz`, such as --requests and --seed.
    """
    _exit(_python("tests.fuzz", arguments))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def faults(arguments: tuple[str, ...]) -> None:
    """Kill local Azure under several clients, 300 rounds; results in build/faults.

    ARGUMENTS are those of `python -m tests.faults`, such as --rounds and --seed.
    """
    _exit(_python("tests.faults", arguments))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def conformance(arguments: tuple[str, ...]) -> None:
    """Play Microsoft's example requests; the table is docs/coverage.md.

    ARGUMENTS are those of `python -m tests.conformance`: --specs with the folder of Microsoft's
    OpenAPI files, and --only.
    """
    _exit(_python("tests.conformance", arguments))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def az(arguments: tuple[str, ...]) -> None:
    """Follow Microsoft's pages with the real az CLI; results in build/az.json.

    The CLI is installed into build/az. ARGUMENTS are pytest's, such as -k aca.
    """
    from course.az import follow_pages

    _exit(follow_pages(arguments) == 0)


@main.command()
def screenshots() -> None:
    """Take the pictures of the portal anew: docs/images/portal."""
    os.environ["TAKE_SCREENSHOTS"] = "1"
    _exit(_python("pytest", ("tests/portal/test_screenshots.py",)))


@main.command()
@click.option("--links", is_flag=True, help="Only check the links to other sites (needs internet).")
def site(links: bool) -> None:
    """Build the lessons and documents as a static site into build/site."""
    from course.site import LINKS, SITE, build, check_links

    if links:
        _exit(check_links())
        click.echo(f"Every link leads somewhere: {LINKS / 'output.txt'}")
    else:
        _exit(build())
        click.echo(f"The site: {SITE / 'index.html'}")


@main.command()
@click.option("--reset", is_flag=True, help="Forget what passed, in all lessons or those named.")
@click.option("--yes", is_flag=True, help="With --reset: do not ask first.")
@click.option("--csv", is_flag=True, help="Write the learners' table as CSV.")
@click.argument("names", nargs=-1, metavar="[FOLDER]... | --reset [LESSON]...")
def progress(reset: bool, yes: bool, csv: bool, names: tuple[str, ...]) -> None:
    """Show which exercises passed.

    Your own, or those of many learners: name each one's course folder or progress file.
    """
    from course import progress as table

    if reset:
        table.reset(names, ask=not yes)
    elif names or csv:
        _exit(table.show_learners([Path(name) for name in names or [own_file()]], csv))
    else:
        table.show_own()


@main.command()
@click.option("--prefix", type=click.Path(path_type=Path), help="Another environment's folder.")
def kernels(prefix: Path | None) -> None:
    """Register the two kernels and the start page with Jupyter, in this environment alone."""
    from course.kernels import install
    from course.start.install import install as install_start_page

    for file in install(prefix):
        click.echo(file.parent)
    click.echo(install_start_page(prefix))


@main.command()
def lock() -> None:
    """Work out requirements.lock anew from pyproject.toml."""
    from course.lock import LockError, lock

    try:
        lock(lessons.ROOT)
    except LockError as error:
        raise click.ClickException(str(error)) from None


def _python(module: str, arguments: tuple[str, ...]) -> bool:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=lessons.ROOT, check=False).returncode == 0


def _exit(ok: bool) -> None:
    if not ok:
        raise SystemExit(1)
