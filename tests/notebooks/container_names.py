"""What the lessons about containers have defined when an exercise comes.

Imports and functions are the lesson's own; what its cells create is made here, once or again.
"""

from __future__ import annotations

import ast

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from practice.pricing import prices
from tests.notebooks.conftest import ROOT, Names, code_of

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef)
CRASH = """\
INFO:     Started server process [1]
INFO:     Waiting for application startup.
ERROR:    Traceback (most recent call last):
  File "/app/app/model.py", line 28, in __init__
    raise FileNotFoundError(
FileNotFoundError: There is no model at models/digits.pt.

ERROR:    Application startup failed. Exiting.
"""
# As a log stream begins, and then the end of what uvicorn prints.
BAD_SETTING = """\
Connecting to the container 'digits'...
Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/uvicorn/main.py", line 561, in run
    config = Config(
             ^^^^^^^
  File "/usr/local/lib/python3.11/site-packages/uvicorn/config.py", line 359, in __init__
    self.workers = int(os.environ["WEB_CONCURRENCY"])
                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
ValueError: invalid literal for int() with base 10: 'auto'
"""


def define(number: str, names: Names) -> None:
    """Add what the lesson imports and its functions, which see the names."""
    tree = ast.parse("\n".join(code_of(number)))
    tree.body = [each for each in tree.body if isinstance(each, DEFINITIONS)]
    exec(compile(tree, f"lesson {number}", "exec"), names)


def run_cell(number: str, marker: str, names: Names) -> None:
    """Run the one cell of the lesson that has this line."""
    (source,) = (each for each in code_of(number) if marker in each.splitlines())
    exec(source, names)


def names_06(request: pytest.FixtureRequest) -> Names:
    client, image, suffix = (
        request.getfixturevalue(each) for each in ("workspace", "image", "suffix")
    )
    instances = ContainerInstanceManagementClient(DefaultAzureCredential(), client.subscription_id)
    names: Names = {
        "instances": instances,
        "groups": instances.container_groups,
        "resource_group": client.resource_group_name,
        "location": client.workspaces.get(client.workspace_name).location,
        "suffix": suffix,
        "group_name": f"digits-{suffix}",
        "server": image.server,
        "admin": image,
        "password": image.password,
        "dockerfile": (ROOT / "scoring" / "api" / "Dockerfile").read_text(),
    }
    define("06", names)
    names["groups"].begin_delete(client.resource_group_name, f"mine-{suffix}").wait()
    return names


def names_06b(request: pytest.FixtureRequest) -> Names:
    """The log is that of a container that does not find its model."""
    names = names_06(request) | {"image": request.getfixturevalue("image")}
    define("06b", names)
    names["log"] = CRASH
    group, once = names["resource_group"], f"{names['group_name']}-once"
    # An earlier answer's group would keep its policy.
    names["groups"].begin_delete(group, once).wait()
    return names


def names_07(request: pytest.FixtureRequest) -> Names:
    """The app has v1 with all the traffic and v2 with the label next; no app mine-... is there."""
    wanted = ("workspace", "image", "suffix")
    workspace, image, suffix = (request.getfixturevalue(each) for each in wanted)
    client = ContainerAppsAPIClient(DefaultAzureCredential(), workspace.subscription_id)
    group, app_name = workspace.resource_group_name, f"digits-{suffix}"
    v1, v2 = f"{app_name}--v1", f"{app_name}--v2"
    names: Names = {
        "client": client,
        "resource_group": group,
        "location": workspace.workspaces.get(workspace.workspace_name).location,
        "image": image,
        "suffix": suffix,
        "app_name": app_name,
        "v1": v1,
        "v2": v2,
    }
    define("07", names)
    run_cell("07", "configuration = Configuration(", names)
    client.container_apps.begin_delete(group, f"mine-{suffix}").wait()
    if _revisions(client, group, app_name) != {v1, v2}:
        _create_app(names)
    names["environment"] = client.managed_environments.get(group, app_name)
    names["update"]("back to version 1", traffic={v1: 100, v2: 0}, labels={v2: "next"})
    return names


def names_07b(request: pytest.FixtureRequest) -> Names:
    """The app, from YAML, has v1 and nothing else."""
    wanted = ("workspace", "image", "suffix")
    workspace, image, suffix = (request.getfixturevalue(each) for each in wanted)
    client = ContainerAppsAPIClient(DefaultAzureCredential(), workspace.subscription_id)
    group, app_name = workspace.resource_group_name, f"scale-{suffix}"
    location = workspace.workspaces.get(workspace.workspace_name).location
    price = prices.container_apps(location)
    names: Names = {
        "client": client,
        "resource_group": group,
        "location": location,
        "image": image,
        "app_name": app_name,
        "text": (ROOT / "scoring" / "api" / "containerapp.yaml").read_text(),
        "log": BAD_SETTING,
        "price": price,
        "busy": 0.5 * price.vcpu_second + price.gib_second,
        "idle": 0.5 * price.vcpu_second_idle + price.gib_second_idle,
    }
    define("07b", names)
    if _revisions(client, group, app_name) != {f"{app_name}--v1"}:
        client.container_apps.begin_delete(group, app_name).wait()
        names["environment"] = client.managed_environments.begin_create_or_update(
            group, f"digits-{suffix}", names["ManagedEnvironment"](location=location)
        ).result()
    else:
        names["environment"] = client.managed_environments.get(group, f"digits-{suffix}")
    run_cell("07b", 'template["revisionSuffix"] = "v1"', names)
    return names


def _revisions(client: ContainerAppsAPIClient, group: str, app: str) -> set[str]:
    try:
        client.container_apps.get(group, app)
    except ResourceNotFoundError:
        return set()
    return {str(each.name) for each in client.container_apps_revisions.list_revisions(group, app)}


def _create_app(names: Names) -> None:
    """The app with v1 and v2. One that is there goes first: a revision's name is used only once."""
    client, group, name = names["client"], names["resource_group"], names["app_name"]
    client.container_apps.begin_delete(group, name).wait()
    names["environment"] = client.managed_environments.begin_create_or_update(
        group, name, names["ManagedEnvironment"](location=names["location"])
    ).result()
    run_cell("07", "app = wait(", names)
    names["update"]("version 2", traffic={names["v1"]: 100}, template=names["template"](2))
