"""Put the digit API into a container on Azure, try it, and remove it again.

    python -m scoring.create_container digits-ada
    python -m scoring.create_container digits-ada --service containerapp
    python -m scoring.create_container digits-ada --delete

It builds the image of scoring/api in a container registry, with ACR Tasks, so this machine needs no
Docker; then it makes a container group (Azure Container Instances) or a container app.

The same on live Azure and on local Azure: which one answers depends on the environment the script
runs in (`python -m emulator env` prints what local Azure needs).
https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview
https://learn.microsoft.com/azure/container-instances/container-instances-overview
https://learn.microsoft.com/azure/container-apps/overview
"""

import argparse
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.mgmt.appcontainers import models as apps
from azure.mgmt.containerinstance import models as instances

from scoring import sample
from scoring.azure_clients import MADE_BY, Azure, connect
from scoring.browser_link import browser_link
from scoring.container_image import (
    Failed,
    Image,
    build_context,
    build_image,
    choose_weights,
    create_registry,
)
from scoring.script import (
    ExitCode,
    ScriptError,
    new_parser,
    parse_options,
    reason,
    run_script,
)

PATIENCE = 900  # seconds until the API has to answer; live Azure fetches a large image first
LAST_LINES = 40  # of the log of a container that failed
TIME_TO_FAIL = 60  # seconds that a container which does not answer has to end and tell why


def create_group(azure: Azure, name: str, image: Image, cpu: float, memory: float) -> str:
    """Create the container group and return its address."""
    group = instances.ContainerGroup(
        location=azure.location,
        tags=MADE_BY,
        os_type="Linux",
        restart_policy="Always",
        image_registry_credentials=[
            instances.ImageRegistryCredential(
                server=image.server, username=image.username, password=image.password
            )
        ],
        containers=[
            instances.Container(
                name="digits",
                image=image.reference,
                ports=[instances.ContainerPort(port=8080)],
                resources=instances.ResourceRequirements(
                    requests=instances.ResourceRequests(cpu=cpu, memory_in_gb=memory)
                ),
            )
        ],
        ip_address=instances.IpAddress(
            type="Public", dns_name_label=name, ports=[instances.Port(port=8080, protocol="TCP")]
        ),
    )
    groups = azure.instances.container_groups
    print(f"Container group {name} starts; live, this takes minutes.")
    try:
        made = groups.begin_create_or_update(azure.resource_group, name, group).result()
    except AzureError as error:
        raise ScriptError(
            Failed.CONTAINER, f"Container group {name} failed.\n{reason(error)}"
        ) from error
    assert made.ip_address
    return f"http://{made.ip_address.fqdn}:8080"


def group_logs(azure: Azure, name: str) -> str:
    """Return the last lines that the group's container wrote.

    The log begins anew with each start, so that of a container which fails over and over is empty
    just after one. What says why is there once it has ended: this waits for that.
    """
    deadline = time.monotonic() + TIME_TO_FAIL
    with suppress(AzureError):
        while True:
            ended = not is_running(azure, name)
            log = azure.instances.containers.list_logs(
                azure.resource_group, name, "digits", tail=LAST_LINES
            ).content
            if (ended and log) or time.monotonic() > deadline:
                return str(log)
            time.sleep(0.5)
    return "(no log: it was not started)"


def is_running(azure: Azure, name: str) -> bool:
    """Whether the group's container runs at the moment."""
    group = azure.instances.container_groups.get(azure.resource_group, name)
    view: Any = group.containers[0].instance_view  # the client's types say that it is always None
    return bool(view and view.current_state and view.current_state.state == "Running")


def create_app(azure: Azure, name: str, image: Image, cpu: float, memory: float) -> str:
    """Create the environment, unless it is there, and the container app; return its address."""
    environment_name = f"{name}-env"
    environments = azure.apps.managed_environments
    try:
        environment = environments.get(azure.resource_group, environment_name)
        print(f"Environment {environment_name} exists.")
    except ResourceNotFoundError:
        environment = environments.begin_create_or_update(
            azure.resource_group,
            environment_name,
            apps.ManagedEnvironment(location=azure.location, tags=MADE_BY),
        ).result()
        print(f"Environment {environment_name} created.")
    app = apps.ContainerApp(
        location=azure.location,
        tags=MADE_BY,
        properties=apps.ContainerAppProperties(
            managed_environment_id=environment.id,
            configuration=apps.Configuration(
                ingress=apps.Ingress(external=True, target_port=8080),
                secrets=[apps.Secret(name="registry-password", value=image.password)],
                registries=[
                    apps.RegistryCredentials(
                        server=image.server,
                        username=image.username,
                        password_secret_ref="registry-password",
                    )
                ],
            ),
            template=apps.Template(
                containers=[
                    apps.Container(
                        name="digits",
                        image=image.reference,
                        resources=apps.ContainerResources(cpu=cpu, memory=f"{memory:g}Gi"),
                    )
                ],
                scale=apps.Scale(min_replicas=1, max_replicas=3),
            ),
        ),
    )
    print(f"Container app {name} starts; live, this takes minutes.")
    try:
        made = azure.apps.container_apps.begin_create_or_update(
            azure.resource_group, name, app
        ).result()
    except AzureError as error:
        raise ScriptError(
            Failed.CONTAINER, f"Container app {name} failed.\n{reason(error)}"
        ) from error
    assert made.properties
    assert made.properties.configuration
    assert made.properties.configuration.ingress
    return f"https://{made.properties.configuration.ingress.fqdn}"


def predict_sample(url: str, patience: float) -> None:
    """Send one handwritten digit once the API answers; print the digit, the truth, the answer.

    The API has `patience` seconds to start.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            problem = f"GET / is answered with {requests.get(url, timeout=30).status_code}"
            if problem.endswith(" 200"):
                break
        except requests.RequestException as error:
            problem = type(error).__name__
        if time.monotonic() > deadline:
            raise ScriptError(Failed.CONTAINER, f"{url} does not answer: {problem}.")
        time.sleep(0.2)
    answer = requests.post(f"{url}/predict", json={"data": [sample.DIGIT]}, timeout=60)
    if answer.status_code != 200:
        raise ScriptError(
            Failed.PREDICTION,
            f"The API does not answer as it should: {answer.status_code} {answer.text[:500]}",
        )
    sample.show(answer.json()["predictions"][0])


def delete(azure: Azure, name: str, registry: str) -> None:
    """Delete the group, the app, its environment and the registry, as far as they are there."""
    group, clients = azure.resource_group, azure
    found = False
    for kind, one, operations in (
        ("Container group", name, clients.instances.container_groups),
        ("Container app", name, clients.apps.container_apps),
        ("Environment", f"{name}-env", clients.apps.managed_environments),
        ("Registry", registry, clients.registries.registries),
    ):
        try:
            tags = operations.get(group, one).tags or {}
        except ResourceNotFoundError:
            continue
        found = True
        if MADE_BY.items() <= tags.items():
            operations.begin_delete(group, one).result()
            print(f"{kind} {one} is deleted.")
        else:
            print(f"{kind} {one} was not made by this script and stays.")
    if not found:
        print(f"There is nothing of {name}: nothing to delete.")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; what it leaves open comes from the environment."""
    parser = new_parser(
        "create_container",
        "Build the digit API's image in a container registry, run it in a container and try it. "
        "Run twice, it updates what is there. The registry and the container cost money on live "
        "Azure for as long as they exist: --delete removes them.",
        Failed,
    )
    add = parser.add_argument
    add("name", help="of the container group or app: 5 to 32 small letters, digits and dashes")
    add("--delete", action="store_true", help="delete all that this script made under the name")
    add(
        "--service",
        choices=["instances", "containerapp"],
        default="instances",
        help="Azure Container Instances or Azure Container Apps; default: %(default)s",
    )
    add("--image-only", action="store_true", help="build the image and stop")
    add("--registry", metavar="NAME", help="default: the name without its dashes")
    add("--tag", default="1", help="of the image; default: %(default)s")
    add("--model", default="digits-pytorch", metavar="NAME", help="default: %(default)s")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model-version", metavar="N", help="default: the latest one")
    which.add_argument(
        "--model-path", type=Path, metavar="PATH", help="take this .pt file, registered or not"
    )
    add(
        "--build-arg",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="for the Dockerfile, such as BASE_IMAGE or PIP_EXTRA_INDEX_URL; without a value, the "
        "environment's; may be repeated",
    )
    add("--cpu", type=float, default=1.0, metavar="CORES", help="default: %(default)s")
    add("--memory", type=float, metavar="GB", help="default: 1.5, with containerapp twice the CPU")
    options = parse_options(parser, arguments)
    options.registry = options.registry or options.name.replace("-", "")
    for argument in options.build_arg:
        if "=" not in argument and argument not in os.environ:
            parser.error(f"--build-arg {argument}: write NAME=VALUE, or set {argument}")
    if options.memory is None:
        options.memory = 1.5 if options.service == "instances" else 2 * options.cpu
    return options


def run(options: argparse.Namespace) -> None:
    """Do what the command line asks for. Raises ScriptError or AzureError."""
    azure = connect(options)
    if options.delete:
        delete(azure, options.name, options.registry)
        return
    weights = choose_weights(azure, options.model, options.model_version, options.model_path)
    create_registry(azure, options.registry)
    arguments = {}
    for argument in options.build_arg:
        key, equals, value = argument.partition("=")
        arguments[key] = value if equals else os.environ[key]
    name = f"digits:{options.tag}"
    context = build_context(weights)
    image = build_image(azure, options.registry, name, context, arguments)
    if options.image_only:
        return
    create = create_group if options.service == "instances" else create_app
    url = create(azure, options.name, image, options.cpu, options.memory)
    try:
        predict_sample(url, PATIENCE)
    except ScriptError as error:
        if options.service == "instances":
            logs = group_logs(azure, options.name)
            raise ScriptError(error.code, f"{error}\n--- its log ---\n{logs}") from error
        raise
    print(f"\nIt answers at {url}")
    if link := browser_link(f"{url}/docs"):
        once = "" if link.startswith(url) else " (this link works once)"
        print(f"Try it in a browser{once}: {link}")


def main(arguments: list[str] | None = None) -> ExitCode:
    """Run the script and return its exit code."""
    return run_script(run, parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
