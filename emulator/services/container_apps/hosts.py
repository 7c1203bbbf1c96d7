"""Host names of apps and of their revisions.

https://learn.microsoft.com/azure/container-apps/connect-apps
"""

from __future__ import annotations


def fqdn(name: str, domain: str, *, external: bool = True) -> str:
    """The host name of an app or of a revision in the environment at `domain`."""
    return f"{name}{'' if external else '.internal'}.{domain}"
