"""How long something that ended waits before it is started again.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class BackOff:
    """Waits `first` seconds, then twice as long each time, at most `longest`.

    It begins anew after a run of at least `reset_after` seconds. With `at_once` the first restart
    of all does not wait.
    """

    first: float
    longest: float
    reset_after: float
    at_once: bool = False
    _last: float | None = field(default=None, init=False)

    def next(self, ran_for: float) -> float:
        """Return the seconds to wait after a run of `ran_for` seconds."""
        if ran_for >= self.reset_after:
            self._last = None
        if self._last is None:
            self._last = 0.0 if self.at_once else self.first
        else:
            self._last = min(2 * self._last, self.longest) if self._last else self.first
        return self._last
