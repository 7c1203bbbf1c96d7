"""Wrong answers to the exercises of lesson 07."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
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
            'update("5", traffic={v2: 100}, template=template(5))': "v5': 0",
            """
fifth = template(5)
fifth.scale.max_replicas = 1
update("5", traffic={v2: 100}, template=fifth)
""": "bring out another one",
        },
    ),
    Answers(
        "07",
        "secret_variable",
        {
            """
sixth = template(6)
sixth.containers[0].env.append(EnvironmentVar(name="API_TOKEN", value="plain"))
update("6", traffic={v2: 100}, template=sixth)
""": "named api-token",
            """
sixth = template(6)
sixth.containers[0].env.append(EnvironmentVar(name="API_TOKEN", value="plain"))
change = ContainerApp(
    location=location,
    properties=ContainerAppProperties(
        configuration=Configuration(
            secrets=[
                Secret(name="registry-password", value=image.password),
                Secret(name="api-token", value="x"),
            ]
        ),
        template=sixth,
    ),
)
wait(client.container_apps.begin_update(resource_group, app_name, change), "6")
""": "secret_ref",
        },
    ),
]
