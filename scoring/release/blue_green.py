"""An endpoint with two places for a version: one for that which clients use, one for the next.

What a release has done so far is kept in Azure, not here: a deployment's tag `version` says what
is in it, the endpoint's traffic says which of them clients use, and its tag `last-good` which one
they used before. So a release that was broken off goes on from what it finds.
https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints
"""

import io
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from azure.ai.ml import MLClient
from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint
from azure.core.exceptions import ResourceNotFoundError
from azure.core.polling import LROPoller

from scoring.release.measuring import ScoringClient
from scoring.script import ExitCode, ScriptError

BLUE, GREEN = "blue", "green"
VERSION, LAST_GOOD = "version", "last-good"  # tags
UNNAMED = "(no version)"  # a deployment that no release has made
CHANGING = ("Creating", "Updating", "Scaling", "Deleting")
PAUSE = 1.0  # seconds between two looks at what Azure is changing


class Stopped(ExitCode):
    """How a release can end, beyond Exit, without the new version in service."""

    DEPLOYMENT = 6, "the new version did not come up (its logs are printed)"
    SMOKE = 7, "its first answer was none, or had the wrong form"
    GATE = 8, "a gate stopped it"
    TRAFFIC = 9, "the endpoint's traffic is not what a release or a roll-back can start from"


class TrialKind(StrEnum):
    """What the candidate gets of the clients' requests while it is on trial."""

    TRAFFIC = "traffic"  # a share of them, to answer
    MIRROR = "mirror"  # a copy of a share of them, and nobody sees its answers


@dataclass(frozen=True)
class Shares:
    """Per cent of the requests by deployment, to be answered and as copies; none are zero."""

    traffic: dict[str, int]
    mirror: dict[str, int]

    def on_trial(self, name: str) -> bool:
        """Return whether a deployment gets less than all of the requests, or copies."""
        return 0 < self.traffic.get(name, 0) < 100 or name in self.mirror


class BlueGreen:
    """The endpoint as a release sees it. Every method asks Azure: nothing is remembered."""

    def __init__(self, client: MLClient, endpoint_name: str) -> None:
        self.client = client
        self.name = endpoint_name

    def shares(self) -> Shares:
        """Return the endpoint's traffic and mirrored traffic."""
        endpoint = self._endpoint()
        return Shares(_above_zero(endpoint.traffic), _above_zero(endpoint.mirror_traffic))

    def live(self) -> str:
        """Return the deployment that clients use: the one with more than half of the traffic.

        Raises ScriptError when there is no such deployment.
        """
        traffic = self.shares().traffic
        name = max(traffic, key=lambda each: traffic[each], default="")
        if traffic.get(name, 0) <= 50:
            split = ", ".join(f"{each} {share} %" for each, share in traffic.items()) or "none"
            raise ScriptError(
                Stopped.TRAFFIC,
                f"No deployment of {self.name} has more than half of the traffic ({split}). A "
                "release compares the new version with the one in use: give one all of it first.",
            )
        return name

    def candidate(self) -> str:
        """Return the name of the other place, whether anything is in it or not."""
        return BLUE if self.live() == GREEN else GREEN

    def version(self, name: str) -> str:
        """Return the version in a deployment."""
        deployment = self._deployment(name)
        return str((deployment.tags or {}).get(VERSION, UNNAMED)) if deployment else UNNAMED

    def has(self, name: str, version: str) -> bool:
        """Return whether a deployment with this version is up."""
        deployment = self._deployment(name)
        if deployment is None or deployment.provisioning_state != "Succeeded":
            return False
        return bool((deployment.tags or {}).get(VERSION) == version)

    def deploy(self, name: str, version: str, deployment: ManagedOnlineDeployment) -> None:
        """Put a version in a place, without traffic. What was in it is deleted first."""
        if self._deployment(name):
            self._clear(name)
        deployment.name, deployment.endpoint_name = name, self.name
        deployment.tags = {**(deployment.tags or {}), VERSION: version}
        _finish(lambda: self.client.online_deployments.begin_create_or_update(deployment))

    def start_trial(self, name: str, kind: TrialKind, share: int) -> Shares:
        """Give a deployment `share` per cent of the requests, and return the shares then."""
        live = self.live()
        wanted = (
            Shares({live: 100 - share, name: share}, {})
            if kind is TrialKind.TRAFFIC
            else Shares({live: 100}, {name: share})
        )
        if self.shares() != wanted:
            self._set(wanted)
        return wanted

    def end_trial(self) -> str:
        """Give all requests to the version in use, and return its name."""
        live = self.live()
        wanted = Shares({live: 100}, {})
        if self.shares() != wanted:
            self._set(wanted)
        return live

    def promote(self, name: str, trial: Shares) -> str:
        """Give all requests to a deployment that was on `trial`; return who had them before.

        In the same change, that one becomes the last good one. Raises ScriptError when the shares
        are not those of the trial any more: somebody has intervened, and had a reason.
        """
        if (now := self.shares()) != trial:
            raise ScriptError(
                Stopped.TRAFFIC,
                f"Somebody has changed the traffic during the trial: {now.traffic}, mirrored "
                f"{now.mirror}. It stays like that. Find out why before you release again.",
            )
        live = self.live()
        self._set(Shares({name: 100}, {}), last_good=f"{live}@{self.version(live)}")
        return live

    def roll_back(self) -> str:
        """Give all requests to the last good version, and return the deployment's name.

        During a trial that is the version in use. Raises ScriptError when there is none.
        """
        live, shares = self.live(), self.shares()
        if shares.mirror or len(shares.traffic) > 1:
            return self.end_trial()
        name, _, version = (self._endpoint().tags or {}).get(LAST_GOOD, "").partition("@")
        deployment = self._deployment(name) if name else None
        if not deployment or name == live or self.version(name) != version:
            raise ScriptError(
                Stopped.TRAFFIC,
                f"{self.name} has no good version to go back to, besides {live} "
                f"({self.version(live)}), which has all of the traffic.",
            )
        self._set(Shares({name: 100}, {}), last_good="")
        return str(name)

    def scoring_client(self) -> ScoringClient:
        """Return a client that can ask each deployment by its name."""
        keys = self.client.online_endpoints.get_keys(self.name)
        key = getattr(keys, "primary_key", None) or keys.access_token
        return ScoringClient(str(self._endpoint().scoring_uri), key)

    def _clear(self, name: str) -> None:
        if self.shares().on_trial(name):
            self.end_trial()
        _finish(lambda: self.client.online_deployments.begin_delete(name, self.name))

    def _set(self, shares: Shares, last_good: str | None = None) -> None:
        endpoint = self._endpoint()
        endpoint.traffic, endpoint.mirror_traffic = dict(shares.traffic), dict(shares.mirror)
        if last_good is not None:
            endpoint.tags = {**(endpoint.tags or {}), LAST_GOOD: last_good}
        _finish(lambda: self.client.online_endpoints.begin_create_or_update(endpoint))

    def _endpoint(self) -> ManagedOnlineEndpoint:
        try:
            found: ManagedOnlineEndpoint = _settled(
                lambda: self.client.online_endpoints.get(self.name)
            )
        except ResourceNotFoundError as error:
            raise ScriptError(
                Stopped.TRAFFIC,
                f"There is no endpoint {self.name}. Make one, with a first version behind it: "
                f"python -m scoring.create_endpoint {self.name}",
            ) from error
        return found

    def _deployment(self, name: str) -> ManagedOnlineDeployment | None:
        try:
            found: ManagedOnlineDeployment = _settled(
                lambda: self.client.online_deployments.get(name, self.name)
            )
        except ResourceNotFoundError:
            return None
        return found


def _settled(get: Callable[[], Any]) -> Any:
    """Return what `get` returns, once Azure is not changing it any more.

    A release that was broken off may have left Azure at work, and Azure takes one change at a time.
    """
    while (found := get()).provisioning_state in CHANGING:
        time.sleep(PAUSE)
    return found


def _finish(begin: Callable[[], LROPoller[Any]]) -> None:
    """Begin a change and wait for its end, without the SDK's dots and progress bars."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        begin().result()


def _above_zero(shares: dict[str, int] | None) -> dict[str, int]:
    return {name: int(share) for name, share in (shares or {}).items() if int(share)}
