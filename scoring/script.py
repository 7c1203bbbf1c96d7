"""What the scripts share: exit codes, errors that say what to do, and the way to the workspace."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from enum import IntEnum
from itertools import chain
from typing import Self

from azure.ai.ml import MLClient
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.identity import DefaultAzureCredential

COORDINATES = {
    "--subscription-id": "AZURE_SUBSCRIPTION_ID",
    "--resource-group": "AZURE_RESOURCE_GROUP",
    "--workspace": "AZUREML_WORKSPACE",
}


class ExitCode(IntEnum):
    """A number with its meaning, as --help tells it."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code


class Exit(ExitCode):
    """How every script can end; each has more of its own. 2 is argparse's."""

    OK = 0, "done"
    AZURE = 1, "a call to Azure failed"
    USAGE = 2, "wrong command line"
    CREDENTIAL = 3, "no credential works"
    WORKSPACE = 4, "no such workspace"
    MODEL = 5, "no such model"


class ScriptError(Exception):
    """What went wrong and what to do about it, with the exit code that goes with it."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def reason(error: AzureError) -> str:
    """Return an error's text once: the SDK repeats it as "Code:" and "Message:" lines."""
    return str(error.message).partition("\nCode: ")[0]


def sign_in() -> DefaultAzureCredential:
    """Return the credential, once it has been seen to work."""
    credential = DefaultAzureCredential()
    try:
        credential.get_token("https://management.azure.com/.default")
    except ClientAuthenticationError as error:
        raise ScriptError(
            Exit.CREDENTIAL,
            "No credential works. Sign in with `az login`, or set AZURE_TENANT_ID, "
            f"AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.\n{reason(error)}",
        ) from error
    return credential


def open_workspace(
    credential: DefaultAzureCredential, options: argparse.Namespace
) -> tuple[MLClient, str]:
    """Return the client of the workspace that the options name, and the workspace's region."""
    group, workspace = options.resource_group, options.workspace
    client = MLClient(credential, options.subscription_id, group, workspace)
    try:
        return client, str(client.workspaces.get(workspace).location)
    except HttpResponseError as error:
        raise ScriptError(
            Exit.WORKSPACE,
            f"Workspace {workspace} in resource group {group} cannot be opened. Compare its "
            "coordinates with config.json from Azure ML studio, and check that you have "
            f"access.\n{reason(error)}",
        ) from error


def new_parser(name: str, description: str, codes: type[ExitCode]) -> argparse.ArgumentParser:
    """Return the parser of `python -m scoring.NAME`, whose own exit codes are `codes`."""
    meanings = ", ".join(f"{code.value} {code.meaning}" for code in chain(Exit, codes))
    return argparse.ArgumentParser(
        prog=f"python -m scoring.{name}",
        description=description,
        epilog=f"exit codes: {meanings}",
    )


def parse_options(
    parser: argparse.ArgumentParser, arguments: list[str] | None
) -> argparse.Namespace:
    """Read the command line; a workspace that it does not name comes from the environment."""
    where = parser.add_argument_group("workspace")
    for flag, variable in COORDINATES.items():
        where.add_argument(flag, default=os.environ.get(variable), help=f"default: ${variable}")
    options = parser.parse_args(arguments)
    for flag, variable in COORDINATES.items():
        if not getattr(options, flag[2:].replace("-", "_")):
            parser.error(f"give {flag} or set {variable}")
    return options


def run_script(run: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> ExitCode:
    """Run it, print what went wrong, and return the exit code."""
    for name in ("azure", "azure.ai.ml"):  # their warnings repeat what is said here
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        run(options)
    except ScriptError as error:
        print(error, file=sys.stderr)
        return error.code
    except AzureError as error:
        print(f"A call to Azure failed: {reason(error)}", file=sys.stderr)
        return Exit.AZURE
    return Exit.OK
