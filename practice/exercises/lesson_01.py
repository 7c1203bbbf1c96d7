"""Exercises of lesson 01: connect."""

from __future__ import annotations

import base64
import json
import re

from azure.ai.ml import MLClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, HttpResponseError
from azure.identity import DefaultAzureCredential

from practice.exercises.checks import Verdict, exercise, right, wrong

STORAGE = "https://storage.azure.com"
JWT = re.compile(r"[\w-]+(\.[\w-]+){2}", re.ASCII)


@exercise(
    "The scope of the token above was Resource Manager's address and /.default. Whose address "
    "does the storage want to see?",
    "get_token returns an object; the text that is sent along is its attribute token.",
    solution="""
    storage_token = credential.get_token("https://storage.azure.com/.default").token
    """,
)
def storage_token(answer: object) -> Verdict:
    """The text of a token whose audience is Azure Storage."""
    if isinstance(answer, AccessToken):
        return wrong("storage_token", type(answer).__name__, "Its text is in its attribute token.")
    if not isinstance(answer, str) or not JWT.fullmatch(answer):
        return wrong(
            "The type of storage_token",
            type(answer).__name__,
            "It should be the text of a token: three parts with dots between them.",
        )
    middle = answer.split(".")[1]
    audience = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))["aud"]
    if str(audience).rstrip("/") != STORAGE:
        return wrong(
            "The audience of storage_token",
            audience,
            "That service accepts this token; the storage does not. What did you ask for?",
        )
    return right(f"{audience} accepts this token, and Resource Manager would refuse it.")


@exercise(
    "json.dumps turns a dict into text, and (folder / 'config.json').write_text(...) keeps it.",
    "MLClient.from_config(credential, path=folder) reads the file.",
    solution="""
    coordinates = {
        "subscription_id": subscription_id,
        "resource_group": resource_group,
        "workspace_name": workspace_name,
    }
    (folder / "config.json").write_text(json.dumps(coordinates))
    client_from_file = MLClient.from_config(credential, path=folder)
    """,
)
def client_from_file(client: object, workspace_name: str) -> Verdict:
    """A client that reaches the workspace."""
    if not isinstance(client, MLClient):
        return wrong("client_from_file", client, "It should be what MLClient.from_config returns.")
    if client.workspace_name != workspace_name:
        return wrong(
            "client_from_file.workspace_name",
            client.workspace_name,
            "Look at workspace_name in your config.json.",
        )
    try:
        workspace = client.workspaces.get(workspace_name)
    except AzureError as error:
        where = f"{client.subscription_id}/{client.resource_group_name}"
        reason = str(error).splitlines()[0]
        return wrong("The place that your client looks at", where, f"Azure says: {reason}")
    return right(f"Your client reached {workspace.name} in {workspace.location}.")


@exercise(
    "Make an MLClient as in the section about a wrong name, this time with resource_group + 'x' "
    "and the right workspace_name, and get the workspace.",
    "Catch the HttpResponseError. The code is in error.error.code.",
    solution="""
    elsewhere = MLClient(credential, subscription_id, resource_group + "x", workspace_name)
    try:
        elsewhere.workspaces.get(workspace_name)
    except HttpResponseError as error:
        error_code = error.error.code
    """,
)
def error_code(ml_client: MLClient, answer: object) -> Verdict:
    """The code of Azure's answer about a resource group that does not exist."""
    code = _code_elsewhere(ml_client)
    if answer == code:
        return right(f"{code}: Azure didn't get as far as looking for the workspace.")
    if answer == "ResourceNotFound":
        return wrong("error_code", answer, "A wrong workspace gave that. Ask with a wrong group.")
    if str(answer) == "404":
        return wrong("error_code", answer, "That's the status. The code is a word beside it.")
    return wrong("error_code", answer, "Look at error.error.code of the error that you catch.")


def _code_elsewhere(ml_client: MLClient) -> str | None:
    elsewhere = MLClient(
        DefaultAzureCredential(),
        ml_client.subscription_id,
        f"{ml_client.resource_group_name}x",
        ml_client.workspace_name,
    )
    try:
        elsewhere.workspaces.get(ml_client.workspace_name)
    except HttpResponseError as error:
        return error.error.code if error.error else None
    raise RuntimeError(f"The resource group {elsewhere.resource_group_name} does exist.")
