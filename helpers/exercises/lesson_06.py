"""Exercises of lesson 06: Container Instances."""

from __future__ import annotations

import io

import numpy as np
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance.models import ContainerGroup
from PIL import Image
from sklearn.datasets import load_digits

from helpers.checks import Verdict, exercise, not_attempted, right, wrong
from helpers.containers import answers, until

WANTED = 1000  # the digit of the exercise `named`
CORE_SECOND, GIGABYTE_SECOND = 0.0000135, 0.0000015  # US dollars, as in the lesson
SECONDS = 30 * 24 * 3600
PATIENCE = 600  # seconds for a group that has been created to answer


@exercise(
    "Describe it as the lesson's group; only names, APP_VERSION and restart_policy differ.",
    "A policy that starts again after failures only is called OnFailure. It cannot be changed in "
    "a group that exists: delete the group and create it again.",
    solution="""
    mine = ContainerGroup(
        location=location,
        os_type="Linux",
        restart_policy="OnFailure",
        image_registry_credentials=[pull],
        containers=[
            Container(
                name="digits",
                image=image,
                ports=[ContainerPort(port=80)],
                environment_variables=[EnvironmentVariable(name="APP_VERSION", value="2")],
                resources=ResourceRequirements(
                    requests=ResourceRequests(cpu=1.0, memory_in_gb=1.5)
                ),
            )
        ],
        ip_address=IpAddress(
            type="Public", dns_name_label=my_name, ports=[Port(port=80, protocol="TCP")]
        ),
    )
    wait(groups.begin_create_or_update(resource_group, my_name, mine), my_name)
    """,
)
def own_group(
    instances: ContainerInstanceManagementClient, resource_group: str, name: str
) -> Verdict:
    """A group of that name, restarted after failures only, that answers as version 2."""
    try:
        group: ContainerGroup = instances.container_groups.get(resource_group, name)
    except ResourceNotFoundError:
        return not_attempted(f"Azure has no container group {name}.")
    if group.restart_policy != "OnFailure":
        return wrong(
            f"restart_policy of {name}",
            str(group.restart_policy),
            "Which policy starts again after failures only? It cannot be changed later: delete "
            "the group first.",
        )
    fqdn = getattr(group.ip_address, "fqdn", None)
    if fqdn is None:
        return wrong(f"The address of {name}", None, "Give it a public one with dns_name_label.")
    url = f"http://{fqdn}"
    try:
        until(lambda: answers(url), name, PATIENCE)
    except TimeoutError:
        return wrong(f"The answer of {url}", None, "Look at the container's log and at its ports.")
    version = requests.get(url, timeout=60).headers.get("X-App-Version")
    if version != "2":
        return wrong(
            f"The version that {url} answers with",
            version,
            "It comes from the container's environment variable APP_VERSION.",
        )
    return right(f"{url} answers as version 2.")


@exercise(
    "picture(images[1000]) is the file's content; the lesson sends it to /predict_file.",
    "The answer's JSON has a list `predictions`, each with a `digit`.",
    solution="""
    answer = requests.post(
        f"{url}/predict_file", files={"file": picture(images[1000])}, timeout=60
    )
    named = answer.json()["predictions"][0]["digit"]
    """,
)
def named(url: str, answer: object) -> Verdict:
    """What the API names the digit when it gets it as a picture."""
    if not isinstance(answer, int | np.integer) or not 0 <= answer <= 9:
        return wrong("named", answer, "It should be one digit from 0 to 9, a whole number.")
    ink = Image.fromarray((255 - load_digits().images[WANTED] * 15.9).astype("uint8"))
    file = io.BytesIO()
    ink.resize((160, 160), Image.Resampling.BICUBIC).save(file, "PNG")
    response = requests.post(f"{url}/predict_file", files={"file": file.getvalue()}, timeout=60)
    response.raise_for_status()
    expected = response.json()["predictions"][0]["digit"]
    if answer != expected:
        return wrong("named", int(answer), "The API says something else. Is it digit number 1,000?")
    return right(f"The API reads the picture as a {expected}.")


@exercise(
    "A month has 30 * 24 * 3600 seconds; each costs one core and 1.5 gigabytes.",
    solution="month = (1.0 * 0.0000135 + 1.5 * 0.0000015) * 30 * 24 * 3600",
)
def month(answer: object) -> Verdict:
    """What one core and 1.5 GB cost in 30 days, in US dollars."""
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return wrong("month", answer, "It should be a number, in US dollars.")
    expected = (1.0 * CORE_SECOND + 1.5 * GIGABYTE_SECOND) * SECONDS
    if abs(answer - expected) > 0.5:
        return wrong("month", answer, "Price for each second, times the seconds of 30 days.")
    return right(f"{expected:.0f} US dollars, whether anybody asks it something or not.")
