"""Exercises of lesson 07: Container Apps."""

from __future__ import annotations

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers.models import Template

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong

SECRET, VARIABLE = "api-token", "API_TOKEN"
OF_THE_LESSON = ("v1", "v2", "v3", "v4")  # the revisions that it brings out itself


@exercise(
    "In the portal: Container Apps, Create a container app. The name is in my_name.",
    "On the page Container, take away the tick at Use quickstart image; on the page Ingress, tick "
    "Enabled, and accept traffic from anywhere.",
    solution="""
    # What the form sends, as the SDK would:
    made = template(1)
    made.revision_suffix = None
    made.scale = made.containers[0].probes = None
    configuration = Configuration(
        ingress=Ingress(external=True, target_port=80),
        secrets=[Secret(name="registry-password", value=image.password)],
        registries=[
            RegistryCredentials(
                server=image.server,
                username=image.username,
                password_secret_ref="registry-password",
            )
        ],
    )
    properties = ContainerAppProperties(
        environment_id=environment.id, configuration=configuration, template=made
    )
    described = ContainerApp(location=location, properties=properties)
    wait(
        client.container_apps.begin_create_or_update(resource_group, my_name, described),
        my_name,
    )
    """,
)
def by_form(client: ContainerAppsAPIClient, resource_group: str, name: str, image: str) -> Verdict:
    """An app of that name runs the image, and answers whoever asks."""
    try:
        app = client.container_apps.get(resource_group, name)
    except ResourceNotFoundError:
        return not_attempted(
            f"Azure has no container app {name}. Make it by the form in the portal, or go on."
        )
    properties = app.properties
    if not (properties and properties.configuration and properties.template):
        return wrong(f"The description of {name}", properties, "Delete it, and fill in the form.")
    images = [container.image for container in properties.template.containers or []]
    if images != [image]:
        return wrong(
            f"The image of {name}",
            images,
            f"It should be {image}. In the portal: Create new revision, without the quickstart "
            "image; or delete the app and fill in the form again.",
        )
    ingress = properties.configuration.ingress
    if not (ingress and ingress.external and ingress.fqdn):
        return wrong(
            f"The ingress of {name}",
            "limited to its environment" if ingress else "disabled",
            "On the app's page Ingress, tick Enabled, and accept traffic from anywhere.",
        )
    url = f"https://{ingress.fqdn}"
    status = requests.get(url, timeout=240).status_code
    if status != 200:
        return wrong(
            f"The answer of {url}",
            status,
            f"Its target port is {ingress.target_port}: does the container listen there? "
            f"And {name} is {properties.provisioning_state}: if it is not ready, check again.",
        )
    return right(f"The SDK finds {name}, and {url} answers.")


@exercise(
    "activate_revision takes the same arguments as deactivate_revision.",
    "The function update in this lesson sets the traffic and waits. The shares add up to 100.",
    solution="""
    client.container_apps_revisions.activate_revision(resource_group, app_name, v1)
    update("half and half", traffic={v1: 50, v2: 50})
    """,
)
def half(client: ContainerAppsAPIClient, resource_group: str, app: str) -> Verdict:
    """On Azure, version 1 and version 2 are active and have 50 per cent each."""
    traffic = _traffic(client, resource_group, app)
    if traffic == {f"{app}--v2": 100}:
        return not_attempted("On Azure, version 2 still has all the traffic.")
    if traffic != {f"{app}--v1": 50, f"{app}--v2": 50}:
        return wrong("The traffic on Azure", traffic, "Half of the traffic is 50 per cent.")
    revision = client.container_apps_revisions.get_revision(resource_group, app, f"{app}--v1")
    if not (revision.properties and revision.properties.active):
        return wrong("Version 1", "inactive", "Activate it: an inactive revision answers nobody.")
    return right("Each version answers half of the requests.")


@exercise(
    "template(5) describes version 5; its scale has a field min_replicas.",
    "update(..., traffic={v2: 100}, template=...) brings it out and leaves the traffic with v2.",
    solution="""
    fifth = template(5)
    fifth.scale.min_replicas = 1
    update("version 5", traffic={v2: 100}, template=fifth)
    """,
)
def warm(client: ContainerAppsAPIClient, resource_group: str, app: str) -> Verdict:
    """On Azure, there is a revision after v4 that has at least one replica."""
    new = _new_templates(client, resource_group, app)
    if not new:
        return not_attempted(f"Azure has no revision of {app} after v4.")
    least = {name: each.scale.min_replicas if each.scale else 0 for name, each in new.items()}
    for name, replicas in least.items():
        if replicas:
            return right(f"Of {name}, {replicas} will always be there.")
    return wrong(
        "min_replicas",
        least,
        "With 0 a revision goes to zero. A revision never changes, so bring out another one.",
    )


@exercise(
    "The list of secrets has to have registry-password as well, with its value: image.password.",
    "EnvironmentVar(name='API_TOKEN', secret_ref='api-token') refers to the secret by its name.",
    solution="""
    sixth = template(6)
    sixth.containers[0].env.append(
        EnvironmentVar(name="API_TOKEN", secret_ref="api-token")
    )
    change = ContainerApp(
        location=location,
        properties=ContainerAppProperties(
            configuration=Configuration(
                secrets=[
                    Secret(name="registry-password", value=image.password),
                    Secret(name="api-token", value="something that nobody guesses"),
                ]
            ),
            template=sixth,
        ),
    )
    wait(client.container_apps.begin_update(resource_group, app_name, change), "version 6")
    """,
)
def secret_variable(client: ContainerAppsAPIClient, resource_group: str, app: str) -> Verdict:
    """On Azure, a revision after v4 has API_TOKEN from the secret api-token."""
    secrets = client.container_apps.list_secrets(resource_group, app).value
    names = sorted(str(secret.name) for secret in secrets)
    variables = {
        name: variable
        for name, template in _new_templates(client, resource_group, app).items()
        for container in template.containers or []
        for variable in container.env or []
        if variable.name == VARIABLE
    }
    if not variables and SECRET not in names:
        return not_attempted(f"The app has no secret {SECRET}, and no revision has {VARIABLE}.")
    if SECRET not in names:
        return wrong(
            "The list of the app's secrets", names, f"One of them should be named {SECRET}."
        )
    for name, variable in variables.items():
        if variable.secret_ref == SECRET:
            return right(f"{VARIABLE} of {name} comes from the secret; a get shows only its name.")
    return wrong(
        f"secret_ref of {VARIABLE}",
        {name: variable.secret_ref for name, variable in variables.items()},
        "A new revision should name the secret there. What stands in value can be read by all.",
    )


def _traffic(client: ContainerAppsAPIClient, resource_group: str, app: str) -> dict[str, int]:
    """Return Azure's traffic: the per cent of each revision that has some."""
    revisions = client.container_apps_revisions.list_revisions(resource_group, app)
    return {
        str(each.name): each.properties.traffic_weight
        for each in revisions
        if each.properties and each.properties.traffic_weight
    }


def _new_templates(
    client: ContainerAppsAPIClient, resource_group: str, app: str
) -> dict[str, Template]:
    """Return the template of each revision that the learner made, by the revision's name."""
    revisions = client.container_apps_revisions.list_revisions(resource_group, app)
    return {
        str(each.name): each.properties.template
        for each in revisions
        if str(each.name).removeprefix(f"{app}--") not in OF_THE_LESSON
        and each.properties
        and each.properties.template
    }
