"""Wrong answers to the exercises of lesson 06."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

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
]
