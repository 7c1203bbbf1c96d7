"""Exercises of lesson 01: connect."""

from __future__ import annotations

from azure.ai.ml import MLClient
from azure.core.exceptions import AzureError

from helpers.checks import Verdict, exercise, right, wrong


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
    return wrong("model_names", answer, f"The workspace has no more than these {len(there)}.")


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
