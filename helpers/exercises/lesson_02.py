"""Exercises of lesson 02: endpoint."""

from __future__ import annotations

from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError

from helpers.checks import Verdict, exercise, not_attempted, right, wrong


@exercise(
    "Entra ID used to be called Azure AD, which is what the first letters of aad_token stand for.",
    "Describe it with ManagedOnlineEndpoint(name=my_name, auth_mode=..., description=...), then "
    "give that to ml_client.online_endpoints.begin_create_or_update and wait.",
    solution="""
    mine = ManagedOnlineEndpoint(
        name=my_name, auth_mode="aad_token", description="My first endpoint"
    )
    mine = wait(ml_client.online_endpoints.begin_create_or_update(mine), my_name)
    """,
)
def own_endpoint(ml_client: MLClient, name: str) -> Verdict:
    """An endpoint of that name with Entra tokens and a description."""
    try:
        endpoint = ml_client.online_endpoints.get(name)
    except ResourceNotFoundError:
        return not_attempted(f"Azure has no endpoint {name}.")
    if endpoint.auth_mode != "aad_token":
        return wrong(
            f"auth_mode of {name}",
            endpoint.auth_mode,
            "Look at the table of the three kinds of lock. The mode of an endpoint that exists "
            "can be changed with begin_create_or_update too.",
        )
    if not endpoint.description:
        return wrong(f"description of {name}", endpoint.description, "Describe it in some words.")
    return right(f"{name} lets in whoever Entra ID vouches for.")


@exercise(
    "Get the endpoint, then look at its tags: a dict.",
    "A changed dict is in this notebook only, until begin_create_or_update sends it.",
    solution="""
    endpoint = ml_client.online_endpoints.get(endpoint_name)
    endpoint.tags["owner"] = "Ada"
    endpoint = wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)
    """,
)
def owner_tag(ml_client: MLClient, name: str) -> Verdict:
    """The endpoint has a tag `owner` with some text."""
    tags = ml_client.online_endpoints.get(name).tags or {}
    if "owner" in tags and tags["owner"].strip():
        return right(f"Azure knows that {name} is {tags['owner']}'s.")
    similar = [tag for tag in tags if tag.lower().strip() == "owner"]
    if similar:
        value = tags[similar[0]]
        return wrong(f"The tag {similar[0]!r}", value, "It should be named owner and not be empty.")
    return not_attempted(f"The endpoint {name} has no tag owner on Azure.")
