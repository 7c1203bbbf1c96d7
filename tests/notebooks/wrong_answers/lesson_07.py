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
                change="ingress = Ingress(external=False, target_port=8080)"
            ): "limited to its environment",
        },
    ),
    Answers(
        "07",
        "next_in_line",
        {
            # Everybody gets it, or the label is lost with the list that had it.
            'update("3", traffic={f"{app_name}--v3": 100}, template=template(3))': "v3': 100",
            'update("3", traffic={v1: 100}, template=template(3))': "The labels on Azure is {}",
            # The label stays where it was, or goes to a revision that is not active.
            """
update("3", traffic={v1: 100, v2: 0}, labels={v2: "next"}, template=template(3))
""": "Testers do not get the new one",
            """
v3 = f"{app_name}--v3"
update("3", traffic={v1: 100}, template=template(3))
update("label", traffic={v1: 100, v3: 0}, labels={v3: "next"})
client.container_apps_revisions.deactivate_revision(resource_group, app_name, v3)
""": "Nobody can try it",
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
