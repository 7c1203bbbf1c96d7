"""Wrong answers to the exercises of lesson 07."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

# The app as the exercise's solution makes it, with a change before it is sent.
BY_FORM = """
made = template(1)
made.revision_suffix = None
made.scale = made.containers[0].probes = None
{change}
mine = Configuration(
    ingress=ingress, secrets=configuration.secrets, registries=configuration.registries
)
properties = ContainerAppProperties(
    environment_id=environment.id, configuration=mine, template=made
)
described = ContainerApp(location=location, properties=properties)
wait(client.container_apps.begin_create_or_update(resource_group, my_name, described), my_name)
"""

ANSWERS = [
    Answers(
        "07",
        "by_form",
        {
            BY_FORM.format(
                change="""
made.containers[0].image = "mcr.microsoft.com/k8se/quickstart:latest"
ingress = Ingress(external=True, target_port=80)
"""
            ): "without the quickstart",
            BY_FORM.format(change="ingress = None"): "disabled",
            BY_FORM.format(
                change="ingress = Ingress(external=False, target_port=80)"
            ): "limited to its environment",
        },
    ),
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
