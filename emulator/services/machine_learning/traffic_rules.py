"""How an endpoint's traffic may be shared among its deployments.

https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from emulator.arm.errors import bad_request
from emulator.arm.ids import name_of
from emulator.services.machine_learning.endpoint_spec import EndpointSpec
from emulator.services.machine_learning.scoring_routes import good_of
from emulator.store import Store

LARGEST_MIRROR_SHARE = 50  # per cent


def with_traffic(store: Store, endpoint_id: str, spec: EndpointSpec) -> EndpointSpec:
    """The spec with its shares under the deployments' own names.

    Raises ArmError 400 for shares that cannot be.
    """
    traffic = _shares(store, endpoint_id, spec.traffic, "traffic")
    total = sum(traffic.values())
    if total not in (0, 100):
        raise bad_request(
            "Traffic must add up to 0 or 100 per cent, and does not: "
            f"{_spelled(traffic)} {'makes' if len(traffic) == 1 else 'make'} {total}.",
            target="traffic",
        )
    mirrored = _shares(store, endpoint_id, spec.mirror_traffic, "mirrorTraffic")
    mirrored = {name: share for name, share in mirrored.items() if share}
    _check_mirrored(mirrored, traffic)
    return replace(spec, traffic=traffic, mirror_traffic=mirrored)


def _check_mirrored(mirrored: Mapping[str, int], traffic: Mapping[str, int]) -> None:
    if len(mirrored) > 1:
        raise bad_request(
            f"Traffic can be mirrored to one deployment only, not to {_spelled(mirrored)}.",
            target="mirrorTraffic",
        )
    for name, share in mirrored.items():
        if share > LARGEST_MIRROR_SHARE:
            raise bad_request(
                f"At most {LARGEST_MIRROR_SHARE} per cent of the traffic can be mirrored, not "
                f"{share}.",
                target="mirrorTraffic",
            )
        if traffic.get(name):
            raise bad_request(
                f"The deployment '{name}' receives live traffic; a deployment takes either "
                "live or mirrored traffic.",
                target="mirrorTraffic",
            )


def _shares(store: Store, endpoint_id: str, given: Mapping[str, int], field: str) -> dict[str, int]:
    shares: dict[str, int] = {}
    for name, share in given.items():
        deployment = store.get(f"{endpoint_id}/deployments/{name}")
        if deployment is None:
            if share == 0:
                continue  # left over from a deployment that is gone
            raise bad_request(
                f"The deployment '{name}' does not exist in the endpoint "
                f"'{name_of(endpoint_id)}', so it can be given no traffic.",
                target=field,
            )
        if share and (deployment.state == "Deleting" or good_of(deployment) is None):
            raise bad_request(
                f"The deployment '{name}' is "
                f"{deployment.properties['provisioningState']}; only one that succeeded can "
                "be given traffic.",
                target=field,
            )
        if deployment.name in shares:
            raise bad_request(f"{field} names the deployment '{name}' twice.", target=field)
        shares[deployment.name] = share
    return shares


def _spelled(shares: Mapping[str, int]) -> str:
    return " and ".join(f"{name} {share}" for name, share in shares.items())
