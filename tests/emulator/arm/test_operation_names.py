"""What requests are called in the logs, as roles call them, and in words."""

from __future__ import annotations

import pytest

from emulator.arm.operation_names import name_operation

GROUP = "/subscriptions/s/resourceGroups/g"
ENDPOINT = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e"


@pytest.mark.parametrize(
    ("method", "path", "name", "words", "about"),
    [
        ("PUT", ENDPOINT, "onlineEndpoints/write", "Create or update online endpoint", ENDPOINT),
        ("PATCH", ENDPOINT, "onlineEndpoints/write", "Update online endpoint", ENDPOINT),
        (
            "DELETE",
            f"{ENDPOINT}/deployments/blue",
            "onlineEndpoints/deployments/delete",
            "Delete online endpoint deployment",
            f"{ENDPOINT}/deployments/blue",
        ),
        (
            "POST",
            f"{ENDPOINT}/listKeys",
            "onlineEndpoints/listKeys/action",
            "List keys of online endpoint",
            ENDPOINT,
        ),
        (
            "GET",
            f"{ENDPOINT}/deployments",
            "onlineEndpoints/deployments/read",
            "List online endpoint deployments",
            f"{ENDPOINT}/deployments",
        ),
        ("PUT", GROUP, "resourceGroups/write", "Create or update resource group", GROUP),
        (
            "POST",
            f"{GROUP}/providers/Microsoft.ContainerInstance/containerGroups/c/start",
            "containerGroups/start/action",
            "Start container group",
            f"{GROUP}/providers/Microsoft.ContainerInstance/containerGroups/c",
        ),
        (
            "PUT",
            f"{ENDPOINT}/providers/Microsoft.Authorization/roleAssignments/r",
            "Microsoft.Authorization/roleAssignments/write",
            "Create or update role assignment",
            f"{ENDPOINT}/providers/Microsoft.Authorization/roleAssignments/r",
        ),
        (
            "POST",
            "/subscriptions/s/providers/Microsoft.App/register",
            "Microsoft.App/register/action",
            "Register resource provider",
            "/subscriptions/s/providers/Microsoft.App",
        ),
        (
            "GET",
            "/subscriptions/s/providers/Microsoft.App",
            "Microsoft.Resources/subscriptions/providers/read",
            "Get provider",
            "/subscriptions/s/providers/Microsoft.App",
        ),
    ],
)
def test_an_operation_is_named(method: str, path: str, name: str, words: str, about: str) -> None:
    named = name_operation(method, path)
    assert named.name.endswith(name)
    assert (named.words, named.resource_id) == (words, about)
    assert named.name.startswith(named.resource_type)
    assert named.resource_type.startswith(named.provider)
