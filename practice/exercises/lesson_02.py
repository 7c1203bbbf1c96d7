"""Exercises of lesson 02: endpoint."""

from __future__ import annotations

import requests
from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError

from helpers.names import masked
from practice.exercises.checks import Verdict, exercise, not_attempted, right, wrong


@exercise(
    "Which of the three kinds of lock ends by itself, and lets each caller in by an identity of "
    "their own? Who hands out its tokens?",
    "Describe it with ManagedOnlineEndpoint(name=my_name, auth_mode=..., description=...), then "
    "give that to ml_client.online_endpoints.begin_create_or_update and wait.",
    solution="""
    mine = ManagedOnlineEndpoint(
        name=my_name, auth_mode="aad_token", description="For the hospital"
    )
    mine = wait(ml_client.online_endpoints.begin_create_or_update(mine), my_name)
    """,
)
def own_endpoint(ml_client: MLClient, name: str) -> Verdict:
    """An endpoint of that name with Entra tokens and a description."""
    try:
        endpoint = ml_client.online_endpoints.get(name)
    except ResourceNotFoundError:
        return not_attempted(f"Azure has no endpoint {name} yet.")
    if endpoint.auth_mode != "aad_token":
        return wrong(
            f"auth_mode of {name}",
            endpoint.auth_mode,
            "key never ends, and Azure Machine Learning hands out the tokens for aml_token. You "
            "can change an existing endpoint's mode with begin_create_or_update.",
        )
    if not endpoint.description:
        return wrong(
            f"description of {name}", endpoint.description, "Say in a few words whom it's for."
        )
    return right(f"{name} lets in whoever Entra ID vouches for and you gave the right to ask.")


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
        return wrong(f"The tag {similar[0]!r}", value, "Name it owner, and don't leave it empty.")
    return not_attempted(f"The endpoint {name} has no tag owner on Azure.")


@exercise(
    "This endpoint's lock takes a token of Entra ID, not a key. Which call fetched one above?",
    "ml_client.online_endpoints.get_keys(name=aad.name).access_token, after the word Bearer.",
    solution="""
    token = ml_client.online_endpoints.get_keys(name=aad.name)
    headers = {"Authorization": f"Bearer {token.access_token}"}
    """,
)
def mended(ml_client: MLClient, name: str, headers: object) -> Verdict:
    """The endpoint, which takes tokens of Entra ID, lets a request with these headers in."""
    uri = ml_client.online_endpoints.get(name).scoring_uri
    if not isinstance(headers, dict) or "Authorization" not in headers:
        told = list(headers) if isinstance(headers, dict) else headers
        return wrong("headers", told, "It should be a dict with the key Authorization.")
    sent = str(headers["Authorization"])
    body = {"data": [[0] * 64]}
    answer = requests.post(uri, json=body, headers={"Authorization": sent}, timeout=60)
    if answer.status_code in (401, 403):
        scheme, space, token = sent.partition(" ")
        reason = (answer.text.splitlines() or [answer.reason])[0]
        return wrong(
            'headers["Authorization"]',
            f"{scheme} {masked(token)}" if space else masked(sent),
            f"The endpoint answers {answer.status_code}: {reason}. It wants the word Bearer, a "
            "space and a token of the kind that it takes.",
        )
    return right(f"The lock is open: {answer.status_code}, no longer 401.")
