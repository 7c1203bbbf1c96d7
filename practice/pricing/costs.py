"""What each of the three services costs a month to serve a model, by requests per day.

Money is in US dollars (USD), time in seconds, memory in GB or GiB as the service bills it. The
prices come from prices.py. How each service bills:

- Managed online endpoints bill their machines while they exist, busy or not, at the price of the
  virtual machine and without a surcharge:
  https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online
- Container Instances bill vCPUs and memory while the group runs:
  https://azure.microsoft.com/pricing/details/container-instances/
- Container Apps (consumption plan) bill replicas while they run, less while they wait, and
  requests, above a free grant:
  https://learn.microsoft.com/azure/container-apps/billing

How much each of them answers is counted in cores: a Python process that runs a model computes on
one core at a time, so an instance makes use of as many cores as it has processes (WORKER_COUNT of
an endpoint, `uvicorn --workers` of an image), and never of more than it has:
https://learn.microsoft.com/azure/machine-learning/how-to-inference-server-http

Left out, as they are the same for all or small: the registry, logs, outgoing traffic, storage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy.optimize import brentq  # type: ignore[import-untyped]  # scipy ships no types

from practice.facts import fact
from practice.pricing.prices import ContainerAppsPrices, ContainerInstancesPrices

HOURS_PER_MONTH = 730.0  # as https://azure.microsoft.com/pricing/calculator/ counts
DAYS_PER_MONTH = HOURS_PER_MONTH / 24
RESERVE = fact("online_endpoints.upgrade_reserve").value / 100


@dataclass(frozen=True)
class Work:
    """What requests ask of a service.

    `seconds_per_request` is how long one request keeps one core busy, `hours_per_day` in how many
    hours of each day the requests come, at random moments in these hours.
    """

    seconds_per_request: float
    hours_per_day: float = 24.0

    def __post_init__(self) -> None:
        if self.seconds_per_request <= 0 or not 0 < self.hours_per_day <= 24:
            raise ValueError(
                "Work needs seconds_per_request above 0 and hours_per_day above 0 and up to 24, "
                f"not {self}."
            )

    def per_second(self, requests_per_day: float) -> float:
        """Return the requests per second, in the hours in which they come."""
        return requests_per_day / (self.hours_per_day * 3600)

    def instances(self, requests_per_day: float, cores: float = 1.0) -> int:
        """Return how many instances, using so many `cores` each, the requests need: at least 1."""
        busy = self.per_second(requests_per_day) * self.seconds_per_request / cores
        return max(1, math.ceil(busy))

    def full(self, cores: float = 1.0) -> float:
        """Return the requests per day that keep so many cores busy all the time."""
        return cores * self.hours_per_day * 3600 / self.seconds_per_request


@dataclass(frozen=True)
class Bill:
    """What a service costs: `lines` names each part, in USD per month (of 730 hours)."""

    lines: dict[str, float]
    requests_per_day: float

    @property
    def per_month(self) -> float:
        """USD per month of 730 hours."""
        return sum(self.lines.values())

    @property
    def per_day(self) -> float:
        """USD per day."""
        return self.per_month / DAYS_PER_MONTH

    @property
    def per_hour(self) -> float:
        """USD per hour."""
        return self.per_month / HOURS_PER_MONTH

    @property
    def per_million_requests(self) -> float:
        """USD per million requests; infinite without requests, 0 when nothing is to be paid."""
        if self.requests_per_day == 0:
            return math.inf if self.per_month else 0.0
        return 1e6 * self.per_day / self.requests_per_day


class BilledService(Protocol):
    """What the functions below compare."""

    @property
    def name(self) -> str: ...

    def bill(self, requests_per_day: float) -> Bill: ...


@dataclass(frozen=True)
class ManagedEndpoint:
    """A managed online endpoint: machines that are billed as long as the deployment exists.

    `usd_per_hour` is the price of one machine, which has `cores` and runs the scoring script in
    `workers` processes (the environment variable WORKER_COUNT, 1 unless you set it). There are
    `instances` machines, and more where the work needs them, as a rule for autoscaling would have
    it; never fewer than one.
    """

    usd_per_hour: float
    work: Work
    instances: int = 1
    cores: int = int(fact("online_endpoints.instance_cores").value)
    workers: int = 1
    name: str = "Managed endpoint"

    @property
    def cores_used(self) -> float:
        """The cores of a machine that compute when it is busy."""
        return min(self.cores, self.workers)

    def machines(self, requests_per_day: float) -> int:
        """Return how many machines so many requests per day need."""
        return max(1, self.instances, self.work.instances(requests_per_day, self.cores_used))

    def bill(self, requests_per_day: float) -> Bill:
        """Return the bill of a month, for so many requests per day."""
        machines = self.machines(requests_per_day)
        cost = machines * self.usd_per_hour * HOURS_PER_MONTH
        return Bill({f"machines ({machines})": cost}, requests_per_day)

    def quota(self, requests_per_day: float = 0.0) -> int:
        """Return the cores of quota that must be free for the machines.

        For some machine types Azure keeps 20 % more machines in reserve, rounded up, to upgrade
        and repair them. That is quota and no running machine: it costs nothing until it is used.
        """
        # Rounded first: 1.2 * 5 is 6.000000000000001 in floating point.
        machines = round(self.machines(requests_per_day) * (1 + RESERVE), 6)
        return int(math.ceil(machines) * self.cores)


@dataclass(frozen=True)
class ContainerGroup:
    """A group in Azure Container Instances: billed while it runs, `hours_per_day` of each day.

    It runs the API in `workers` processes. More groups are added, by hand, where the work needs
    them.
    """

    prices: ContainerInstancesPrices
    work: Work
    vcpu: float = 1.0
    memory_gb: float = 1.5
    hours_per_day: float = 24.0
    workers: int = 1
    name: str = "Container Instances"

    @property
    def cores_used(self) -> float:
        """The cores of a group that compute when it is busy."""
        return min(self.vcpu, self.workers)

    def bill(self, requests_per_day: float) -> Bill:
        """Return the bill of a month, for so many requests per day."""
        groups = self.work.instances(requests_per_day, self.cores_used)
        hours = groups * self.hours_per_day * DAYS_PER_MONTH
        lines = {
            "vCPU": hours * self.vcpu * self.prices.vcpu_hour,
            "memory": hours * self.memory_gb * self.prices.gb_hour,
        }
        return Bill(lines, requests_per_day)


@dataclass(frozen=True)
class Grants:
    """What Container Apps gives away each calendar month, once for a whole subscription."""

    vcpu_seconds: float
    gib_seconds: float
    requests: float


FREE_GRANTS = Grants(
    vcpu_seconds=fact("container_apps.free_core_seconds").value,
    gib_seconds=fact("container_apps.free_gib_seconds").value,
    requests=fact("container_apps.free_requests").value,
)
NO_GRANTS = Grants(0, 0, 0)


@dataclass(frozen=True)
class ReplicaSeconds:
    """Seconds of running replicas in a month: `active` at the full rate, `idle` at the lower."""

    active: float
    idle: float


@dataclass(frozen=True)
class ContainerApp:
    """An app in Azure Container Apps, consumption plan.

    A replica runs the API in `workers` processes. `min_replicas` 0 scales to zero: the last
    replica goes `cool_down_seconds` after the last request, and the next request starts one in
    `start_seconds`. Until it goes it is billed as active, since the lower rate is for the replicas
    that always run. `free` is what is left of the subscription's grant; active and idle seconds
    use up the same grant.
    https://learn.microsoft.com/azure/container-apps/scale-app
    """

    prices: ContainerAppsPrices
    work: Work
    vcpu: float = 0.5
    memory_gib: float = 1.0
    min_replicas: int = 0
    cool_down_seconds: float = float(fact("container_apps.cooldown_period").value)
    start_seconds: float = 10.0
    free: Grants = FREE_GRANTS
    workers: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            many = "replica" if self.min_replicas == 1 else "replicas"
            least = (
                f"{self.min_replicas} {many} at least" if self.min_replicas else "scales to zero"
            )
            object.__setattr__(self, "name", f"Container Apps, {least}")

    @property
    def cores_used(self) -> float:
        """The cores of a replica that compute when it is busy."""
        return min(self.vcpu, self.workers)

    def seconds(self, requests_per_day: float) -> ReplicaSeconds:
        """Return the seconds of a month for which replicas run.

        Requests that come at random, `rate` a second, leave a gap longer than t with probability
        exp(-rate * t). So something has come in the last t seconds for 1 - exp(-rate * t) of the
        time: with t the cool-down and the time to answer, the last replica has not gone yet. A
        replica that is kept is active while it answers: with one process, for as long as its
        requests take one after the other.
        """
        open_seconds = self.work.hours_per_day * 3600 * DAYS_PER_MONTH
        all_seconds = 24 * 3600 * DAYS_PER_MONTH
        needed = self.work.instances(requests_per_day, self.cores_used)
        one_answer = self.work.seconds_per_request / min(1.0, self.vcpu)  # half a core takes twice
        rate = self.work.per_second(requests_per_day)
        if needed > max(1, self.min_replicas):
            # Above its least number of replicas, all of an app's replicas are billed as active.
            idle = self.min_replicas * (all_seconds - open_seconds)
            return ReplicaSeconds(active=needed * open_seconds, idle=idle)
        if self.min_replicas == 0:
            stays = self.cool_down_seconds + one_answer
            starts = rate * math.exp(-rate * stays)  # per second: those who found no replica
            active = (1 - math.exp(-rate * stays) + starts * self.start_seconds) * open_seconds
            return ReplicaSeconds(active=active, idle=0.0)
        offered = rate / self.min_replicas * one_answer
        # Requests that overlap share the time; more than its processes cannot overlap.
        answering = max(1 - math.exp(-offered), offered / max(1.0, self.cores_used))
        active = self.min_replicas * answering * open_seconds
        return ReplicaSeconds(active=active, idle=self.min_replicas * all_seconds - active)

    def bill(self, requests_per_day: float) -> Bill:
        """Return the bill of a month, for so many requests per day."""
        used = self.seconds(requests_per_day)
        requests = max(0.0, requests_per_day * DAYS_PER_MONTH - self.free.requests)
        vcpu = _above(used, self.vcpu, self.free.vcpu_seconds)
        memory = _above(used, self.memory_gib, self.free.gib_seconds)
        price = self.prices
        lines = {
            "vCPU, active": vcpu.active * price.vcpu_second,
            "vCPU, idle": vcpu.idle * price.vcpu_second_idle,
            "memory, active": memory.active * price.gib_second,
            "memory, idle": memory.idle * price.gib_second_idle,
            "requests": requests / 1e6 * price.million_requests,
        }
        return Bill(lines, requests_per_day)


def _above(used: ReplicaSeconds, size: float, grant: float) -> ReplicaSeconds:
    """Return `size` times the seconds, less the grant, which is taken evenly from both."""
    total = size * (used.active + used.idle)
    part = max(0.0, total - grant) / total if total else 0.0
    return ReplicaSeconds(size * used.active * part, size * used.idle * part)


@dataclass(frozen=True)
class BreakEven:
    """The load from which another of two services is the cheaper one.

    There they cost the same, or one has just become dearer by one more instance.
    """

    requests_per_day: float
    usd_per_month: float
    cheaper_below: str
    cheaper_above: str


def break_evens(
    first: BilledService, second: BilledService, low: float = 1.0, high: float = 1e7
) -> list[BreakEven]:
    """Return every load from `low` to `high`, in requests per day, where the cheaper one changes.

    Looks for changes of sign on a fine grid, evenly spaced on a log scale, and closes in on each
    by Brent's method: two changes closer to each other than 1 % can be missed.
    """

    def difference(exponent: float) -> float:
        requests = 10.0**exponent
        return first.bill(requests).per_month - second.bill(requests).per_month

    steps = 1 + math.ceil(math.log10(high / low) / math.log10(1.01))
    grid = np.linspace(math.log10(low), math.log10(high), steps)
    # Where both cost the same over a stretch, such as nothing, neither is cheaper.
    known = [(x, d) for x in grid if (d := difference(x)) != 0]
    found = []
    for (left, before), (right, after) in pairwise(known):
        if (before < 0) == (after < 0):
            continue
        requests = 10.0 ** float(brentq(difference, left, right))
        cheaper, then = (first, second) if before < 0 else (second, first)
        usd = first.bill(requests).per_month
        found.append(BreakEven(requests, usd, cheaper.name, then.name))
    return found


def cheapest(services: Sequence[BilledService], requests_per_day: float) -> BilledService:
    """Return the service with the smallest bill; of several, the first."""
    return min(services, key=lambda service: service.bill(requests_per_day).per_month)
