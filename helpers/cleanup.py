"""Deleting what costs money, for a learner who stops in the middle."""

from __future__ import annotations

from azure.ai.ml import MLClient

from helpers.wait import wait


def delete_endpoints(ml_client: MLClient, suffix: str) -> list[str]:
    """Delete every endpoint of this learner, with its deployments, and return their names.

    An endpoint is this learner's when `suffix` is a part of its name between dashes.
    """
    mine = sorted(
        endpoint.name
        for endpoint in ml_client.online_endpoints.list()
        if suffix in endpoint.name.split("-")
    )
    # All of them are on their way before the first is waited for.
    pollers = {name: ml_client.online_endpoints.begin_delete(name=name) for name in mine}
    for name, poller in pollers.items():
        wait(poller, f"deleting {name}")
    if not mine:
        print("Nothing to delete: you have no endpoint.")
    return mine
