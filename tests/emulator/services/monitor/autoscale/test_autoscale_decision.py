"""How many instances there are to be: Microsoft's own examples, and what they leave open."""

from __future__ import annotations

import pytest

from emulator.services.monitor.autoscale.decision import Observed, ScaleDecision, decide
from emulator.services.monitor.autoscale.profile import AutoscaleProfile
from tests.emulator.services.monitor.autoscale.rules import profile, rule

OUT, IN = rule("CPU > 70", "+1"), rule("CPU < 30", "-1")


def decided(
    of: AutoscaleProfile, count: int, *, cools_down: bool = False, **values: float | None
) -> ScaleDecision:
    observed = [Observed(one, values[one.trigger.metric]) for one in of.rules]
    return decide(of, count, observed, cools_down=cools_down)


@pytest.mark.parametrize(
    ("count", "cpu", "expected"), [(1, 71, 2), (2, 70, 2), (3, 90, 3), (2, 29, 1), (1, 5, 1)]
)
def test_a_pair_of_rules_scales_out_and_in_within_the_capacity(
    count: int, cpu: float, expected: int
):
    assert decided(profile(1, 3, OUT, IN), count, CPU=cpu).count == expected


def test_the_capacity_holds_at_once_whatever_the_rules_say():
    of = profile(3, 6, OUT, IN)
    assert decided(of, 1, CPU=5, cools_down=True).count == 3
    assert decided(of, 8, CPU=90, cools_down=True).count == 6


def test_nothing_else_happens_while_it_cools_down():
    assert decided(profile(1, 3, OUT, IN), 2, CPU=99, cools_down=True).count == 2
    assert decided(profile(1, 3, OUT, IN), 2, CPU=1, cools_down=True).count == 2


# https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-best-practices#considerations-for-multiple-rules-configured-in-a-profile
@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [(76, 50, 3), (50, 76, 3), (25, 51, 2), (29, 49, 1), (25, 76, 3)],
)
def test_one_rule_is_enough_to_scale_out_and_all_are_needed_to_scale_in(
    cpu: float, memory: float, expected: int
):
    rules = [
        rule("CPU < 30", "-1"),
        rule("Memory < 50", "-1"),
        rule("CPU > 75", "+1"),
        rule("Memory > 75", "+1"),
    ]
    # 49 % of memory on each of two would be 98 % on one: without the rule that scales out by it.
    of = profile(1, 5, *(rules if expected != 1 else rules[:3]))
    assert decided(of, 2, CPU=cpu, Memory=memory).count == expected


def test_of_several_rules_the_greatest_number_counts():
    of = profile(1, 20, rule("CPU > 70", "+3", cooldown=120), rule("Memory > 70", "+5"))
    assert decided(of, 10, CPU=80, Memory=80) == ScaleDecision(15, 60)
    assert decided(of, 10, CPU=80, Memory=10) == ScaleDecision(13, 120)
    of = profile(1, 20, rule("CPU < 30", "-50%"), rule("Memory < 30", "-3"))
    assert decided(of, 10, CPU=10, Memory=10).count == 7


@pytest.mark.parametrize(
    ("action", "count", "expected"),
    [("+10%", 3, 4), ("+50%", 3, 5), ("+=5", 3, 5), ("+=2", 3, 3), ("+9", 3, 10)],
)
def test_what_an_action_that_increases_makes_of_a_number(action: str, count: int, expected: int):
    assert decided(profile(1, 10, rule("CPU > 70", action)), count, CPU=80).count == expected


@pytest.mark.parametrize(
    ("action", "count", "expected"),
    [("-10%", 5, 4), ("-50%", 5, 3), ("-=2", 5, 2), ("-=7", 5, 5), ("-9", 5, 1)],
)
def test_what_an_action_that_decreases_makes_of_a_number(action: str, count: int, expected: int):
    assert decided(profile(1, 10, rule("CPU < 30", action)), count, CPU=5).count == expected


# https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-flapping
def test_it_does_not_scale_in_where_it_would_scale_out_again():
    of = profile(1, 5, rule("CPU > 50", "+1"), rule("CPU < 30", "-1"))
    assert decided(of, 2, CPU=28) == ScaleDecision(2, intended=1)
    assert decided(of, 2, CPU=25) == ScaleDecision(1, 60)

    no_margin = profile(1, 5, rule("Threads >= 600", "+1"), rule("Threads < 600", "-1"))
    assert decided(no_margin, 3, Threads=1250 / 3) == ScaleDecision(3, intended=2)
    margin = profile(1, 5, rule("Threads >= 600", "+1"), rule("Threads < 400", "-1"))
    assert decided(margin, 3, Threads=1180 / 3).count == 2


def test_it_scales_in_by_fewer_where_that_avoids_it():
    of = profile(
        1, 50, rule("Requests >= 200", "+20"), rule("CPU > 70", "+20"), rule("Requests < 51", "-10")
    )
    # 65 % on each of 30 is 69.6 % on each of 28.
    assert decided(of, 30, CPU=65, Requests=50) == ScaleDecision(28, 60, intended=20)


def test_the_default_holds_where_no_metric_has_a_value():
    of = profile(1, 5, OUT, IN, default=3)
    assert decided(of, 1, CPU=None).count == 3
    assert decided(of, 4, CPU=None).count == 4
    both = profile(1, 5, OUT, IN, rule("Latency > 70", "+1"), default=3)
    assert decided(both, 2, CPU=5, Latency=None).count == 1
    assert decided(both, 2, CPU=None, Latency=90).count == 3
    assert decided(profile(2, 5, default=4), 2).count == 2  # no rules, no metrics


def test_a_metric_without_a_value_meets_no_rule():
    of = profile(1, 5, rule("CPU < 30", "-1"), rule("Requests < 10", "-1"))
    assert decided(of, 3, CPU=5, Requests=None).count == 3
