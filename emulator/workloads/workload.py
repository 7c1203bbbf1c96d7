"""Workloads, and the passwords with which they come through the front door."""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """What runs for a resource of Azure.

    `resource` is the id of the one whose managed identity it may use: an online endpoint, a
    container group, a container app. `domain` is that of the environment of container apps that
    it is in, "" when it is in none.
    """

    resource: str = ""
    domain: str = ""


OUTSIDE = Workload()  # a client that is no workload: a notebook, a command line


class WorkloadPasswords:
    """Workloads, each with the password that it gives to the front door, as a proxy's.

    By it the front door, and the endpoints for managed identities, know from inside of which
    resource a request comes. Made anew in each run, as workloads are.
    """

    def __init__(self) -> None:
        self.passwords: dict[Workload, str] = {}

    def password(self, workload: Workload) -> str:
        if workload not in self.passwords:
            # Letters and digits: nothing that would have to be quoted in a URL.
            self.passwords[workload] = secrets.token_hex(24)
        return self.passwords[workload]

    def find(self, password: str) -> Workload | None:
        """The workload whose password it is."""
        given = password.encode()
        for workload, own in self.passwords.items():
            if secrets.compare_digest(own.encode(), given):
                return workload
        return None

    def forget(self, resource: str) -> None:
        """A resource is gone: the passwords of what ran for it are worth nothing any more."""
        key = resource.lower()
        for workload in [each for each in self.passwords if each.resource.lower() == key]:
            del self.passwords[workload]
