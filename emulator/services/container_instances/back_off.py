"""How long a container that ended waits before it is started again.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy

At once the first time, then 10 seconds, doubled each time up to 5 minutes; one that has run for
10 minutes begins anew.
"""

from __future__ import annotations

import os

FIRST = float(os.environ.get("AZURE_LOCAL_BACK_OFF", "10"))  # seconds
LONGEST = 300.0
RESET_AFTER = 600.0


class BackOff:
    def __init__(self) -> None:
        self.delay = 0.0

    def next(self, ran_for: float) -> float:
        """Seconds to wait, after a run of `ran_for` seconds."""
        if ran_for >= RESET_AFTER:
            self.delay = 0.0
        now = self.delay
        self.delay = min(now * 2, LONGEST) if now else FIRST
        return now
