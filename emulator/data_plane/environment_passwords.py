"""By which environment's password a container of a container app comes through the front door."""

from __future__ import annotations

import secrets


class EnvironmentPasswords:
    """Environments of container apps, each with the password that its containers have.

    A container gives it to the front door as a proxy's password, and by it the front door knows
    from inside of which environment a request comes. Made anew in each run, as containers are.
    """

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}  # domain -> password

    def password(self, domain: str) -> str:
        if domain not in self.passwords:
            self.passwords[domain] = secrets.token_urlsafe(24)
        return self.passwords[domain]

    def find(self, password: str) -> str | None:
        """The domain of the environment whose password it is."""
        given = password.encode()
        for domain, own in self.passwords.items():
            if secrets.compare_digest(own.encode(), given):
                return domain
        return None
