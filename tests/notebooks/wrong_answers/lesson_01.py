"""Wrong answers to the exercises of lesson 01."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "01",
        "storage_token",
        {
            # the one for Resource Manager
            """
storage_token = credential.get_token("https://management.azure.com/.default").token
""": "'https://management.azure.com",
            """
storage_token = credential.get_token("https://storage.azure.com/.default")
""": "its attribute",
            'storage_token = "https://storage.azure.com"': "the text of a token",
        },
    ),
    Answers(
        "01",
        "client_from_file",
        {
            "client_from_file = folder": "MLClient.from_config",
            """
names = {"subscription_id": subscription_id, "resource_group": resource_group}
names["workspace_name"] = "somewhere-else"
(folder / "config.json").write_text(json.dumps(names))
client_from_file = MLClient.from_config(credential, path=folder)
""": "'somewhere-else'",
            """
names = {"subscription_id": subscription_id, "resource_group": "rg-of-nobody"}
names["workspace_name"] = workspace_name
(folder / "config.json").write_text(json.dumps(names))
client_from_file = MLClient.from_config(credential, path=folder)
""": "rg-of-nobody",
        },
    ),
    Answers(
        "01",
        "error_code",
        {
            "error_code = 'ResourceNotFound'": "A wrong workspace gave",
            "error_code = 404": "the status",
            """
try:
    ml_client.workspaces.get(workspace_name + "x")
except HttpResponseError as error:
    error_code = error
""": "error.error.code",
        },
    ),
]
