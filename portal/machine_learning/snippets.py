"""A request to an endpoint as code: it fetches the key or token, and holds none."""

from __future__ import annotations

import shlex

from portal.machine_learning.endpoint import Endpoint
from portal.resource_ids import ResourceId

# A digit as the course's endpoints take it: the first of scikit-learn's data set, a zero.
EXAMPLE = """\
{"data": [[
  [0, 0, 5, 13, 9, 1, 0, 0],
  [0, 0, 13, 15, 10, 15, 5, 0],
  [0, 3, 15, 2, 0, 11, 8, 0],
  [0, 4, 12, 0, 0, 8, 8, 0],
  [0, 5, 8, 0, 0, 9, 8, 0],
  [0, 4, 11, 0, 1, 12, 7, 0],
  [0, 2, 14, 5, 10, 12, 0, 0],
  [0, 0, 6, 13, 10, 0, 0, 0]
]]}"""
# authMode -> the CLI's name for what opens the endpoint.
FIELDS = {"Key": "primaryKey", "AMLToken": "accessToken"}
PYTHON = """\
import os

import requests
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

credential = DefaultAzureCredential()
{fetch}
body = {body}

answer = requests.post(
    "{uri}",
    data=body.encode(),
    headers={{
        "Content-Type": "application/json",
        "Authorization": f"Bearer {{key}}",{deployment}
    }},
    timeout=60,
)
print(answer.status_code, answer.headers.get("azureml-model-deployment"))
print(answer.text)
"""
FETCH_KEYS = """\
ml_client = MLClient(credential, os.environ["AZURE_SUBSCRIPTION_ID"], "{group}", "{workspace}")
key = ml_client.online_endpoints.get_keys("{name}").{field}
"""
FETCH_ENTRA = 'key = credential.get_token("https://ml.azure.com/.default").token\n'


def curl(endpoint: Endpoint, body: str, deployment: str = "") -> str:
    """Return the request as two commands for a shell."""
    id = ResourceId.parse(endpoint.id)
    if field := FIELDS.get(endpoint.auth_mode):
        names = f"--name {endpoint.name} --resource-group {id.group} --workspace-name {id.names[0]}"
        fetch = f"az ml online-endpoint get-credentials {names} --query {field} --output tsv"
    else:
        fetch = (
            "az account get-access-token --resource https://ml.azure.com "
            "--query accessToken --output tsv"
        )
    header = f' \\\n  --header "azureml-model-deployment: {deployment}"' if deployment else ""
    return (
        f"KEY=$({fetch})\n"
        f"curl --include {shlex.quote(endpoint.scoring_uri)} \\\n"
        '  --header "Content-Type: application/json" \\\n'
        f'  --header "Authorization: Bearer $KEY"{header} \\\n'
        f"  --data {shlex.quote(body)}"
    )


def python(endpoint: Endpoint, body: str, deployment: str = "") -> str:
    """Return the request as a program."""
    id = ResourceId.parse(endpoint.id)
    fields = {"Key": "primary_key", "AMLToken": "access_token"}
    if field := fields.get(endpoint.auth_mode):
        fetch = FETCH_KEYS.format(
            group=id.group, workspace=id.names[0], name=endpoint.name, field=field
        )
    else:
        fetch = FETCH_ENTRA
    lines = "\n".join(f"    {line!r}" for line in body.splitlines(keepends=True))
    header = f'\n        "azureml-model-deployment": "{deployment}",' if deployment else ""
    text = PYTHON.format(
        fetch=fetch, uri=endpoint.scoring_uri, body=f"(\n{lines}\n)", deployment=header
    )
    if endpoint.auth_mode not in fields:
        text = text.replace("import os\n\n", "").replace("from azure.ai.ml import MLClient\n", "")
    return text
