"""Wrong answers to the exercises of lesson 02."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "02",
        "own_endpoint",
        {
            """
mine = ManagedOnlineEndpoint(name=my_name, description="My first endpoint")
wait(ml_client.online_endpoints.begin_create_or_update(mine), my_name)
""": "'key'",
            """
mine = ManagedOnlineEndpoint(name=my_name, auth_mode="aml_token", description="Hospital")
wait(ml_client.online_endpoints.begin_create_or_update(mine), my_name)
""": "'aml_token'",
            """
mine = ManagedOnlineEndpoint(name=my_name, auth_mode="aad_token")
wait(ml_client.online_endpoints.begin_create_or_update(mine), my_name)
""": "description of",
        },
    ),
    Answers(
        "02",
        "owner_tag",
        {
            """
endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.tags["Owner"] = "Ada"
wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)
""": "'Owner'",
            """
endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.tags["owner"] = " "
wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)
""": "don't leave it empty",
        },
    ),
    Answers(
        "02",
        "mended",
        {
            """
key = ml_client.online_endpoints.get_keys(name=endpoint_name).primary_key
headers = {"Authorization": f"Bearer {key}"}
""": "(64 characters)'. The endpoint answers 401",
            """
headers = {"Authorization": ml_client.online_endpoints.get_keys(name=aad.name).access_token}
""": "Jwt is missing",
            """
token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
headers = {"Authorization": f"Bearer {token}"}
""": "Audiences in Jwt",
            "headers = 'Bearer'": "a dict",
            "headers = {'authorization': 'Bearer'}": "the key Authorization",
        },
    ),
]
