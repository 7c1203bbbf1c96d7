"""What learners get wrong: plausible answers to every exercise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answers:
    """Wrong answers to one exercise, each with a word that its verdict has to contain."""

    lesson: str
    exercise: str
    wrong: dict[str, str]


# A container group of lesson 06; its solution has OnFailure and 2.
GROUP = """
mine = ContainerGroup(
    location=location,
    os_type="Linux",
    restart_policy="{policy}",
    image_registry_credentials=[pull],
    containers=[
        Container(
            name="digits",
            image=image,
            ports=[ContainerPort(port=80)],
            environment_variables=[EnvironmentVariable(name="APP_VERSION", value="{version}")],
            resources=ResourceRequirements(requests=ResourceRequests(cpu=1.0, memory_in_gb=1.5)),
        )
    ],
    ip_address=IpAddress(type="Public", dns_name_label=my_name, ports=[Port(port=80)]),
)
wait(groups.begin_create_or_update(resource_group, my_name, mine), my_name)
"""

ANSWERS = [
    Answers("00", "most_missed", {"most_missed = 0": "is 0", "most_missed = 'eight'": "'eight'"}),
    Answers(
        "00",
        "accuracy_tag",
        {
            """
model = ml_client.models.get("digits-pytorch", label="latest")
model.tags["accuracy"] = "0.5"
ml_client.models.create_or_update(model)
""": "'0.5'",
            """
model = ml_client.models.get("digits-pytorch", label="latest")
model.tags["accuracy"] = "very good"
ml_client.models.create_or_update(model)
""": "'very good'",
        },
    ),
    Answers(
        "01",
        "model_names",
        {
            "model_names = ['digits-keras']": "'digits-pytorch' is in the workspace",
            "model_names = {'digits-keras', 'digits-pytorch'}": "a list",
            "model_names = ['digits-pytorch', 'digits-keras', 'digits-x']": "no more than",
            "model_names = sorted((m.name for m in ml_client.models.list()), reverse=True)": "sort",
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
        "02",
        "own_endpoint",
        {
            """
mine = ManagedOnlineEndpoint(name=my_name, description="My first endpoint")
wait(ml_client.online_endpoints.begin_create_or_update(mine), my_name)
""": "'key'",
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
""": "not be empty",
        },
    ),
    Answers(
        "03",
        "top_three",
        {
            "top_three = 3": "a function",
            "def top_three(raw_data): return json.dumps({'top': []})": "'str'",
            "def top_three(raw_data): return {'best': []}": "'top'",
            "def top_three(raw_data): return {'top': [[1, 2, 3]]}": "20 digits",
            "def top_three(raw_data): raise ValueError('no idea')": "no idea",
            "def top_three(raw_data): return {'top': [[1, 1, 1]] * 20}": "three different",
            """
def top_three(raw_data):
    predictions = score.run(raw_data)["predictions"]
    return {"top": [np.argsort(p["probabilities"])[:3].tolist() for p in predictions]}
""": "most probable digits there",
        },
    ),
    Answers(
        "03", "status", {"status = 500": "blames the server", "status = '400'": "whole number"}
    ),
    Answers("04", "least_sure", {"least_sure = 0": "is 0", "least_sure = 100": "from 0 to 99"}),
    Answers(
        "04",
        "patience",
        {
            """
blue = ml_client.online_deployments.get("blue", endpoint_name)
blue.request_settings.request_timeout_ms = 10
wait(ml_client.online_deployments.begin_create_or_update(blue), "blue")
""": "is 0.",  # the SDK reads whole seconds
            """
blue = ml_client.online_deployments.get("blue", endpoint_name)
blue.request_settings.request_timeout_ms = 90_000
wait(ml_client.online_deployments.begin_create_or_update(blue), "blue")
""": "is 90000.",
        },
    ),
    Answers(
        "04",
        "other_key",
        {
            "ml_client.online_endpoints.begin_regenerate_keys(endpoint_name).result()": "primary",
            """
for key_type in ("primary", "secondary"):
    ml_client.online_endpoints.begin_regenerate_keys(endpoint_name, key_type=key_type).result()
""": "primary",
        },
    ),
    Answers(
        "05",
        "one_in_five",
        {
            "split(blue=20, green=80)": "'green': 80",
            "split(blue=95, green=5)": "'green': 5",
        },
    ),
    Answers(
        "05", "still_chance", {"still_chance = True": "is True", "still_chance = 'no'": "'no'"}
    ),
    Answers(
        "05",
        "copies",
        {
            """
endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.mirror_traffic = {"green": 4}
wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)
""": "'green': 4",
            """
endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.traffic, endpoint.mirror_traffic = {"green": 100}, {"blue": 25}
wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)
""": "'blue': 25",
        },
    ),
    Answers(
        "06",
        "own_group",
        {
            GROUP.format(policy="Always", version="2"): "'Always'",
            GROUP.format(policy="OnFailure", version="3"): "'3'",
        },
    ),
    Answers("06", "named", {"named = 'one'": "'one'", "named = 3": "something else"}),
    Answers("06", "month", {"month = 'x'": "'x'", "month = 0.06": "times the seconds"}),
    Answers(
        "07",
        "half",
        {
            """
client.container_apps_revisions.activate_revision(resource_group, app_name, v1)
update("40 / 60", traffic={v1: 40, v2: 60})
""": "v1': 40",
            """
client.container_apps_revisions.activate_revision(resource_group, app_name, v1)
update("back", traffic={v1: 100})
""": "v1': 100",
        },
    ),
    Answers(
        "07",
        "warm",
        {
            'update("3", traffic={v2: 100}, template=template(3))': "v3': 0",
            """
third = template(3)
third.scale.max_replicas = 1
update("3", traffic={v2: 100}, template=third)
""": "bring out another one",
        },
    ),
    Answers(
        "07",
        "secret_variable",
        {
            """
fourth = template(4)
fourth.containers[0].env.append(EnvironmentVar(name="API_TOKEN", value="plain"))
update("4", traffic={v2: 100}, template=fourth)
""": "named api-token",
            """
fourth = template(4)
fourth.containers[0].env.append(EnvironmentVar(name="API_TOKEN", value="plain"))
change = ContainerApp(
    location=location,
    properties=ContainerAppProperties(
        configuration=Configuration(
            secrets=[
                Secret(name="registry-password", value=image.password),
                Secret(name="api-token", value="x"),
            ]
        ),
        template=fourth,
    ),
)
wait(client.container_apps.begin_update(resource_group, app_name, change), "4")
""": "secret_ref",
        },
    ),
]
