"""Exercises of lesson 01: connect."""

from __future__ import annotations

from azure.ai.ml import MLClient
from azure.core.exceptions import AzureError, HttpResponseError
from azure.identity import DefaultAzureCredential

from practice.exercises.checks import Verdict, exercise, right, wrong


@exercise(
    "ml_client.models.list() gives one object for each model, and each has a name.",
    "sorted(... for model in ml_client.models.list()) makes a sorted list.",
    solution="model_names = sorted(model.name for model in ml_client.models.list())",
)
def model_names(ml_client: MLClient, answer: object) -> Verdict:
    """The names of all models in the workspace, sorted."""
    there = sorted(model.name for model in ml_client.models.list())
    if not isinstance(answer, list):
        return wrong("model_names", answer, "It should be a list: put sorted(...) around it.")
    if answer == there:
        return right(f"The workspace has {len(there)} models.")
    if missing := [name for name in there if name not in answer]:
        return wrong("model_names", answer, f"{missing[0]!r} is in the workspace and not in it.")
    if sorted(map(str, answer)) == there:
        return wrong("model_names", answer, "All are there; now sort them.")
    return wrong("model_names", answer, f"The workspace has these, each once: {there}.")


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
        return right(f"{code} says that Azure did not get as far as looking for the workspace.")
    if answer == "ResourceNotFound":
        return wrong(
            "error_code", answer, "That is what a wrong workspace gave. Ask with a wrong group."
        )
    if str(answer) == "404":
        return wrong("error_code", answer, "That is the status; the code is a word beside it.")
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
    raise RuntimeError(f"There is a resource group {elsewhere.resource_group_name} indeed.")
