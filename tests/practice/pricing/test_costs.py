"""The cost model against sums done by hand, and the points where one service gets dearer."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practice.pricing.costs import (
    DAYS_PER_MONTH,
    FREE_GRANTS,
    HOURS_PER_MONTH,
    NO_GRANTS,
    Bill,
    BilledService,
    BreakEven,
    ContainerApp,
    ContainerGroup,
    Grants,
    ManagedEndpoint,
    Work,
    break_evens,
    cheapest,
)
from practice.pricing.prices import ContainerAppsPrices, ContainerInstancesPrices

WORK = Work(seconds_per_request=0.02)
MONTH = HOURS_PER_MONTH * 3600  # seconds
APPS = ContainerAppsPrices(0.000024, 0.000003, 0.000004, 0.000002, 0.4)
INSTANCES = ContainerInstancesPrices(vcpu_hour=0.04, gb_hour=0.005)
ENDPOINT = ManagedEndpoint(0.3, WORK)
GROUP = ContainerGroup(INSTANCES, WORK)


def app(least: int = 0, work: Work = WORK, free: Grants = NO_GRANTS) -> ContainerApp:
    return ContainerApp(APPS, work, vcpu=0.5, memory_gib=1, min_replicas=least, free=free)


ALL: list[BilledService] = [ENDPOINT, GROUP, app(), app(1), app(free=FREE_GRANTS)]


# How many are needed


def test_one_instance_suffices_until_it_is_always_busy() -> None:
    work = Work(seconds_per_request=0.1)  # at most ten a second
    assert [work.instances(n) for n in (0, 864_000, 864_001, 1_728_001)] == [1, 1, 2, 3]


def test_an_instance_that_uses_four_cores_takes_four_times_as_much() -> None:
    work = Work(0.1)
    assert [work.instances(n, cores=4) for n in (4 * 864_000, 4 * 864_000 + 1)] == [1, 2]
    assert work.full() == 864_000
    assert work.full(cores=4) == 4 * 864_000
    assert Work(0.1, hours_per_day=8).full() == 864_000 / 3


def test_requests_within_a_few_hours_need_more_instances() -> None:
    assert Work(0.1, hours_per_day=8).instances(864_000) == 3


@pytest.mark.parametrize("wrong", [Work, lambda **k: Work(0.1, **k)])
@pytest.mark.parametrize("value", [{"hours_per_day": 0}, {"hours_per_day": 25}])
def test_work_that_cannot_be_is_refused(wrong, value) -> None:
    arguments = value if wrong is not Work else {"seconds_per_request": 0.0, **value}
    with pytest.raises(ValueError, match="Work needs"):
        wrong(**arguments)


@pytest.mark.parametrize(
    ("service", "cores"),
    [
        (ENDPOINT, 1),  # WORKER_COUNT is 1 unless it is set: three of four cores have nothing to do
        (ManagedEndpoint(0.3, WORK, workers=4), 4),
        (ManagedEndpoint(0.3, WORK, workers=8), 4),
        (GROUP, 1),
        (ContainerGroup(INSTANCES, WORK, workers=4), 1),
        (ContainerGroup(INSTANCES, WORK, vcpu=2, workers=4), 2),
        (ContainerApp(APPS, WORK, vcpu=0.5, memory_gib=1, workers=2), 0.5),
        (ContainerApp(APPS, WORK, vcpu=2, memory_gib=4), 1),
    ],
)
def test_an_instance_uses_as_many_cores_as_it_has_workers_and_has(
    service: ManagedEndpoint | ContainerGroup | ContainerApp, cores: float
) -> None:
    assert service.cores_used == cores
    full = WORK.full(cores)
    # One request too many needs a second instance.
    assert service.bill(full + 1).per_hour > 1.6 * service.bill(full - 1).per_hour


# Each service's bill


def test_an_endpoint_bills_its_machines_whatever_comes() -> None:
    assert ENDPOINT.bill(0).per_month == pytest.approx(0.3 * 730)
    assert ENDPOINT.bill(100_000).per_month == ENDPOINT.bill(0).per_month
    assert ManagedEndpoint(0.3, WORK, instances=3).bill(0).per_hour == pytest.approx(0.9)
    assert ENDPOINT.bill(2 * 4_320_000).lines == {"machines (2)": pytest.approx(2 * 0.3 * 730)}


@pytest.mark.parametrize(("machines", "cores"), [(1, 8), (5, 24), (10, 48)])
def test_the_reserve_is_whole_machines_of_quota_and_costs_nothing(
    machines: int, cores: int
) -> None:
    endpoint = ManagedEndpoint(0.3, WORK, instances=machines)
    assert endpoint.quota() == cores
    assert endpoint.bill(0).per_hour == pytest.approx(machines * 0.3)


def test_a_group_bills_cores_and_memory_while_it_runs() -> None:
    bill = GROUP.bill(1000)
    assert bill.lines == {
        "vCPU": pytest.approx(730 * 0.04),
        "memory": pytest.approx(730 * 1.5 * 0.005),
    }
    half = ContainerGroup(INSTANCES, WORK, hours_per_day=12)
    assert half.bill(1000).per_month == pytest.approx(bill.per_month / 2)


def test_an_app_that_nobody_asks_costs_nothing_when_it_scales_to_zero() -> None:
    assert app().bill(0).per_month == 0
    assert app().seconds(0) == app(free=FREE_GRANTS).seconds(0)


def test_an_app_kept_running_bills_idle_seconds_at_the_lower_rate() -> None:
    bill = app(least=2).bill(0)
    assert bill.lines["vCPU, active"] == 0
    assert bill.lines["vCPU, idle"] == pytest.approx(2 * 0.5 * MONTH * 0.000003)
    assert bill.lines["memory, idle"] == pytest.approx(2 * 1 * MONTH * 0.000002)


def test_rare_requests_each_bill_a_cool_down_and_a_start() -> None:
    one_a_day = app().seconds(1)
    assert one_a_day.idle == 0
    assert one_a_day.active == pytest.approx(DAYS_PER_MONTH * (300 + 0.04 + 10), rel=0.01)


def test_frequent_requests_leave_no_time_to_scale_to_zero() -> None:
    assert app().seconds(100_000).active == pytest.approx(MONTH, rel=1e-6)


def test_a_replica_kept_running_is_active_only_while_it_answers() -> None:
    used = app(least=1).seconds(1000)
    # Half a core takes twice as long for each.
    assert used.active == pytest.approx(1000 * DAYS_PER_MONTH * 0.04, rel=0.001)
    assert used.active + used.idle == pytest.approx(MONTH)


def test_a_replica_that_is_always_busy_is_never_idle() -> None:
    used = app(least=1).seconds(2_160_000)  # as many as half a core can answer
    assert used.active == pytest.approx(MONTH)
    assert used.idle == pytest.approx(0, abs=1e-3)


def test_above_its_least_number_all_replicas_are_active() -> None:
    used = app(least=1).seconds(4_320_000)  # two replicas of half a core, busy all day
    assert used.active == pytest.approx(2 * MONTH)
    assert used.idle == 0


def test_out_of_hours_the_least_replicas_are_idle() -> None:
    used = app(least=1, work=Work(0.02, hours_per_day=12)).seconds(2_160_000)
    assert used.active == pytest.approx(2 * MONTH / 2)
    assert used.idle == pytest.approx(MONTH / 2)


def test_only_what_is_above_the_free_grant_is_paid() -> None:
    free = app(free=FREE_GRANTS)
    assert free.bill(10).per_month == 0
    whole, paid = app().bill(100_000).lines, free.bill(100_000).lines
    assert whole["vCPU, active"] - paid["vCPU, active"] == pytest.approx(180_000 * 0.000024)
    assert whole["memory, active"] - paid["memory, active"] == pytest.approx(360_000 * 0.000004)
    assert whole["requests"] - paid["requests"] == pytest.approx(2 * 0.4)


def test_the_grant_is_shared_by_active_and_idle_seconds() -> None:
    whole, paid = app(1).bill(100_000).lines, app(1, free=FREE_GRANTS).bill(100_000).lines
    parts = [paid[line] / whole[line] for line in ("vCPU, active", "vCPU, idle")]
    assert parts[0] == pytest.approx(parts[1])
    assert parts[0] == pytest.approx(1 - 180_000 / (0.5 * MONTH))


def test_names_tell_apps_apart() -> None:
    assert app().name == "Container Apps, scales to zero"
    assert app(1).name == "Container Apps, 1 replica at least"
    assert ContainerApp(APPS, WORK, name="mine").name == "mine"


@given(
    st.floats(0, 1e8),
    st.floats(0.001, 10),
    st.floats(0.5, 24),
    st.integers(0, 3),
    st.sampled_from([FREE_GRANTS, NO_GRANTS]),
)
@settings(max_examples=200, deadline=None)
def test_no_more_replicas_run_than_are_needed_and_no_bill_is_negative(
    requests: float, seconds: float, hours: float, least: int, free: Grants
) -> None:
    work = Work(seconds, hours_per_day=hours)
    service = app(least, work, free)
    used = service.seconds(requests)
    assert used.active >= 0
    assert used.idle >= 0
    assert least * MONTH <= (used.active + used.idle) * 1.000001
    assert (
        used.active + used.idle
        <= max(work.instances(requests, service.cores_used), least) * MONTH * 1.000001
    )
    assert all(line >= 0 for line in service.bill(requests).lines.values())


@given(st.floats(0, 1e7), st.floats(1, 2))
def test_more_requests_never_cost_less(requests: float, factor: float) -> None:
    for service in (ENDPOINT, GROUP, app(1), app(1, free=FREE_GRANTS)):
        more = service.bill(requests * factor).per_month
        assert more >= service.bill(requests).per_month - 1e-9


# Bills


def test_a_bill_by_the_month_the_day_and_the_hour() -> None:
    bill = Bill({"machines": 60, "requests": 13}, requests_per_day=1000)
    assert bill.per_month == 73
    assert bill.per_hour == pytest.approx(0.1)
    assert bill.per_day == pytest.approx(2.4)
    assert bill.per_million_requests == pytest.approx(2400)


def test_a_million_requests_of_nobody() -> None:
    assert Bill({"machines": 1}, 0).per_million_requests == math.inf
    assert Bill({"machines": 0}, 0).per_million_requests == 0


# Break-even points


def test_the_break_even_of_two_straight_lines() -> None:
    requests_only = ContainerAppsPrices(0, 0, 0, 0, million_requests=73)
    dear = ContainerApp(requests_only, Work(1e-6), free=NO_GRANTS, name="by the request")
    flat = ManagedEndpoint(0.1, Work(1e-6), name="flat")  # 73 USD a month: a million requests
    assert break_evens(dear, flat) == [
        BreakEven(pytest.approx(1e6 / DAYS_PER_MONTH), pytest.approx(73), "by the request", "flat")
    ]


def test_they_are_the_same_from_both_sides() -> None:
    there, back = break_evens(app(), app(1)), break_evens(app(1), app())
    assert [(e.cheaper_below, e.cheaper_above) for e in there] == [(app().name, app(1).name)]
    assert [e.requests_per_day for e in there] == pytest.approx([e.requests_per_day for e in back])


def test_a_jump_is_found_where_the_instance_is_added() -> None:
    full = 4_320_000  # requests a day that keep one instance busy
    stepping = ManagedEndpoint(0.1, WORK, name="steps")
    flat = ManagedEndpoint(0.15, Work(0.001), name="flat")
    (jump,) = break_evens(stepping, flat, 1e6, 1e7)
    assert jump.requests_per_day == pytest.approx(full, rel=1e-6)
    assert (jump.cheaper_below, jump.cheaper_above) == ("steps", "flat")


def test_a_stretch_where_both_cost_nothing_is_no_break_even() -> None:
    one, other = app(free=FREE_GRANTS), app(free=FREE_GRANTS)
    assert break_evens(one, other) == []
    (after,) = break_evens(one, app(1, free=FREE_GRANTS))
    assert after.requests_per_day > 50


@pytest.mark.parametrize("first", ALL)
@pytest.mark.parametrize("second", ALL)
def test_each_break_even_is_where_the_cheaper_one_changes(
    first: BilledService, second: BilledService
) -> None:
    found = break_evens(first, second)
    around = [
        [cheapest([first, second], even.requests_per_day * near).name for near in (0.999, 1.001)]
        for even in found
    ]
    assert around == [[even.cheaper_below, even.cheaper_above] for even in found]


def test_the_cheapest() -> None:
    assert cheapest(ALL[:4], 0) is ALL[2]
    assert cheapest(ALL[:4], 500_000) is ALL[3]
    assert cheapest([ENDPOINT, ManagedEndpoint(0.3, WORK, name="twin")], 5) is ENDPOINT
