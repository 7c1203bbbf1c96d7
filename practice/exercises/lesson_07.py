"""Exercises of lesson 07: Container Apps."""

from __future__ import annotations

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers.models import Template

from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong

SECRET, VARIABLE, LABEL = "api-token", "API_TOKEN", "next"
OF_THE_LESSON = ("v1", "v2")  # the revisions that it brings out itself


@exercise(
    "In the portal: Container Apps, Create a container app. The name is in my_name.",
    "On the page Container, take away the tick at Use quickstart image; on the page Ingress, tick "
    "Enabled, accept traffic from anywhere, and give the port on which the container listens: "
    "8080.",
    solution="""
    # What the form sends, as the SDK would:
    made = template(1)
    made.revision_suffix = None
    made.scale = made.containers[0].probes = None
    configuration = Configuration(
        ingress=Ingress(external=True, target_port=8080),
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
    "Two calls: the first brings out the version, the second gives it the label.",
    "In both, traffic has to say that version 1 keeps 100. In the second it also names the new "
    "revision, with 0.",
    solution="""
    v3 = f"{app_name}--v3"
    update("version 3", traffic={v1: 100}, template=template(3))
    update("the label", traffic={v1: 100, v3: 0}, labels={v3: "next"})
    """,
)
def next_in_line(client: ContainerAppsAPIClient, resource_group: str, app: str) -> Verdict:
    """The label leads to a revision of the learner's that answers; version 1 has the traffic."""
    first, second = f"{app}--v1", f"{app}--v2"
    found = client.container_apps_revisions.list_revisions(resource_group, app)
    health = {str(each.name): each.properties.health_state for each in found if each.properties}
    if not set(health) - {first, second}:
        return not_attempted(f"Azure has no revision of {app} after v2.")
    weights, labels = _traffic(client, resource_group, app)
    if weights != {first: 100}:
        return wrong("The traffic on Azure", weights, "Users should not notice: keep it at v1.")
    testers = labels.get(LABEL)
    if testers is None:
        return wrong(
            "The labels on Azure",
            labels,
            "An update puts the new list of shares in place of the old one, with its labels: name "
            "the new revision in traffic, with 0, and in labels.",
        )
    if testers in (first, second):
        return wrong(
            f"The revision with the label {LABEL}",
            testers,
            "Testers do not get the new one yet: name it in traffic, with 0, and in labels.",
        )
    state = health[testers]
    if state != "Healthy":
        return wrong(
            f"The health of {testers}",
            getattr(state, "value", state),
            "Nobody can try it. Bring out another one, and give it the label.",
        )
    return right(f"Testers get {testers}, users get version 1, and nobody needs a new address.")


@exercise(
    "The list of secrets has to have registry-password as well, with its value: image.password.",
    "EnvironmentVar(name='API_TOKEN', secret_ref='api-token') refers to the secret by its name.",
    solution="""
    fourth = template(4)
    fourth.containers[0].env.append(
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
            template=fourth,
        ),
    )
    wait(client.container_apps.begin_update(resource_group, app_name, change), "version 4")
    """,
)
def secret_variable(client: ContainerAppsAPIClient, resource_group: str, app: str) -> Verdict:
    """On Azure, a revision after v2 has API_TOKEN from the secret api-token."""
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


def _traffic(
    client: ContainerAppsAPIClient, resource_group: str, app: str
) -> tuple[dict[str, int], dict[str, str]]:
    """Return Azure's weights above 0, by revision, and the revisions, by label."""
    properties = client.container_apps.get(resource_group, app).properties
    assert properties
    assert properties.configuration
    assert properties.configuration.ingress
    weights, labels = {}, {}
    for share in properties.configuration.ingress.traffic or []:
        revision = str(share.revision_name or properties.latest_ready_revision_name)
        if share.weight:
            weights[revision] = share.weight
        if share.label:
            labels[share.label] = revision
    return weights, labels


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
