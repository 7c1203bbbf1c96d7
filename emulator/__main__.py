"""`python -m emulator`: start, stop and look at local Azure."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import sys
import time
from contextlib import suppress
from typing import Any

import click

from emulator import daemon
from emulator.containers.choice import describe
from emulator.home import find_home
from emulator.inventory import inventory, table
from emulator.portal_port import new_link
from emulator.state_file import StateError, explain, explain_database
from emulator.store import StoreError


class Commands(click.Group):
    """Turns what is wrong with the state folder into a sentence and exit code 1."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except BrokenPipeError:  # whoever reads what is printed has read enough
            raise
        except (daemon.EmulatorError, StateError, StoreError) as error:
            raise click.ClickException(str(error)) from None
        except sqlite3.Error as error:
            where = find_home().database
            raise click.ClickException(str(explain_database(error, where))) from None
        except OSError as error:
            raise click.ClickException(str(explain(error, find_home().root))) from None


@click.group(cls=Commands)
def main() -> None:
    """Local Azure: an emulator that the unmodified Azure SDKs talk to.

    Its state is one folder, chosen by AZURE_LOCAL_HOME or made for this checkout.
    """


@main.command()
def up() -> None:
    """Start local Azure and return when it answers. Safe to call twice."""
    home = find_home()
    found = daemon.up(home)
    verb = "started" if found.started_by_us else "is running already"
    click.echo(f"Local Azure {verb}: proxy http://127.0.0.1:{found.port}, process {found.pid}.")
    if link := new_link(home):
        click.echo(f"See it in the portal (this link works once): {link}")


@main.command()
def down() -> None:
    """Stop local Azure and everything that runs behind it. What was created stays."""
    stopped = daemon.down(find_home())
    click.echo("Local Azure is stopped." if stopped else "Local Azure was not running.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Say whether local Azure runs, where, and what is in it. Exit code 1 when it does not run.

    Each resource is listed with its name, its state, and its address where it has one.
    """
    home = find_home()
    found = daemon.running(home)
    report: dict[str, Any] = {"running": found is not None, "home": str(home.root)}
    if found:
        report |= {"proxy": f"http://127.0.0.1:{found.port}", "pid": found.pid}
        report["portal"] = new_link(home)
    report["containers"] = describe(os.environ)
    entries = inventory(home.database)
    report["resources"] = [entry.as_json() for entry in entries]
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo(f"Local Azure {'runs' if found else 'does not run'}.")
        if found:
            click.echo(f"  proxy  {report['proxy']}\n  process {found.pid}")
            if report["portal"]:
                click.echo(f"  portal {report['portal']}  (works once)")
        click.echo(f"  state  {home.root}\n  containers are run by {report['containers']}")
        for line in table(entries):
            click.echo(line)
    sys.exit(0 if found else 1)


@main.command()
@click.argument("address", default="")
def link(address: str) -> None:
    """Print a link to the portal, which works once, for a browser on this machine.

    With the ADDRESS of a container app or group (http://...), the link leads to that: browsers know
    no names of local Azure's.
    """
    home = find_home()
    made = new_link(home, address) if daemon.running(home) else None
    if made is None:
        raise click.ClickException("Local Azure does not run, or has no portal here.")
    click.echo(made)


@main.command()
@click.option(
    "--shell",
    type=click.Choice(["sh", "powershell"]),
    default="powershell" if sys.platform == "win32" else "sh",
    show_default=True,
    help="The syntax to print.",
)
def env(shell: str) -> None:
    """Print the settings with which any program uses local Azure.

    In bash or zsh: eval "$(python -m emulator env)"
    """
    for name, value in daemon.environment(find_home()).items():
        if shell == "sh":
            click.echo(f"export {name}={shlex.quote(value)}")
        else:
            click.echo("$env:{} = '{}'".format(name, value.replace("'", "''")))


@main.command()
@click.option("--lines", default=50, show_default=True, help="How many lines from the end.")
@click.option("--follow", is_flag=True, help="Keep printing what comes.")
def logs(lines: int, follow: bool) -> None:
    """Print local Azure's own log. A deployment's log is had from get_logs, as on Azure."""
    home = find_home()
    if not home.log.exists():
        raise click.ClickException("There is no log yet. Start with `python -m emulator up`.")
    click.echo(daemon.log_tail(home, lines))
    if follow:
        with suppress(KeyboardInterrupt), home.log.open(errors="replace") as file:
            file.seek(0, 2)
            while True:
                click.echo(file.read(), nl=False)
                time.sleep(0.2)


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Stop local Azure and forget everything in it. Asks first."""
    home = find_home()
    if not home.root.exists():
        click.echo("There is nothing to forget.")
        return
    if not yes:
        click.confirm(f"Delete everything in local Azure ({home.root})?", abort=True)
    daemon.reset(home)
    click.echo("Local Azure is empty.")


if __name__ == "__main__":
    main()
