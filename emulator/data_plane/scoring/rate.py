"""How many requests an endpoint gets in a second."""

from __future__ import annotations


class Rate:
    """Requests in the present second, for one endpoint."""

    def __init__(self) -> None:
        self.began = float("-inf")
        self.count = 0

    def take(self, limit: int, now: float) -> bool:
        """Count a request at `now` (seconds of any clock). False when it is over the limit."""
        if now - self.began >= 1:
            self.began, self.count = now, 0
        if self.count >= limit:
            return False
        self.count += 1
        return True
