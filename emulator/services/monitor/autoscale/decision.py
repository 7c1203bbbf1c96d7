"""What a profile says there is to do: how many instances there are to be, and why.

https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-understanding-settings#autoscale-evaluation
https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-best-practices
https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-flapping

1. Fewer instances than the minimum or more than the maximum become as many as that, at once.
2. Where no rule's metric has a value, fewer instances than the default become the default.
3. Within the cooldown after a scale action nothing else happens.
4. One rule that is met and increases is enough; of several, the greatest number counts.
5. Where none is, all rules that decrease must be met; of their numbers, too, the greatest counts.
6. A number that would have a rule increase it again is not gone down to, but the next greater one
   with which none would; where there is no such number, nothing happens: that is flapping.

For 6, Microsoft's pages take a metric for the average of the instances, whose sum stays the same
when there are fewer: 30 % on each of three would be 45 % on each of two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emulator.services.monitor.autoscale.profile import AutoscaleProfile
from emulator.services.monitor.autoscale.rule import DECREASE, INCREASE, ScaleRule


@dataclass(frozen=True)
class Observed:
    """A rule, and what its metric is now; None where that has no value."""

    rule: ScaleRule
    value: float | None

    @property
    def is_met(self) -> bool:
        return self.value is not None and self.rule.trigger.is_met(self.value)

    def would_be_met(self, count: int, among: int) -> bool:
        """Whether it would be with `among` instances, where there are `count` now."""
        return self.value is not None and self.rule.trigger.is_met(self.value * count / among)


@dataclass(frozen=True)
class ScaleDecision:
    """`count` are the instances that there are to be. `intended` are those that a rule has asked
    for, where that is not done because of flapping. `cooldown`, in Azure's seconds, is of the rule
    that has decided; 0 where none has."""

    count: int
    cooldown: float = 0.0
    intended: int | None = None


def decide(
    profile: AutoscaleProfile, count: int, observed: Sequence[Observed], *, cools_down: bool
) -> ScaleDecision:
    """What is to be done where there are `count` instances."""
    capacity = profile.capacity
    stay = ScaleDecision(count)
    if count != (clamped := capacity.clamped(count)):
        return ScaleDecision(clamped)
    if cools_down:
        return stay
    if observed and all(one.value is None for one in observed):
        return ScaleDecision(max(count, capacity.default))
    met = [one.rule for one in _of(observed, INCREASE) if one.is_met]
    if met:
        rule = max(met, key=lambda rule: rule.action.result(count))
        wanted = capacity.clamped(rule.action.result(count))
        return ScaleDecision(wanted, rule.action.cooldown) if wanted > count else stay
    lowering = _of(observed, DECREASE)
    if not lowering or not all(one.is_met for one in lowering):
        return stay
    rule = max((one.rule for one in lowering), key=lambda rule: rule.action.result(count))
    wanted = capacity.clamped(rule.action.result(count))
    if wanted >= count:
        return stay
    raising = _of(observed, INCREASE)
    for number in range(max(wanted, 1), count):
        if not any(one.would_be_met(count, number) for one in raising):
            intended = None if number == wanted else wanted
            return ScaleDecision(number, rule.action.cooldown, intended)
    return ScaleDecision(count, intended=wanted)


def _of(observed: Iterable[Observed], direction: str) -> list[Observed]:
    return [one for one in observed if one.rule.action.direction == direction]
