"""Which of a list's further package indexes pip can reach from this machine.

pip goes on without one that does not answer, and asks it six times for each package first.
https://pip.pypa.io/en/stable/cli/pip_install/#cmdoption-extra-index-url
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

PATIENCE = 5  # seconds for a connection
PORTS = {"http": 80, "https": 443}
_FURTHER = re.compile(r"--extra-index-url[=\s]\s*(?P<url>\S+)")


async def out_of_reach(lines: Iterable[str]) -> dict[str, str]:
    """The lines for pip that name a further index to which there is no way, each with its URL."""
    found = {line: match["url"] for line in lines if (match := _FURTHER.fullmatch(line))}
    reached = await asyncio.gather(*map(_can_be_reached, found.values()))
    return {
        line: url
        for (line, url), is_there in zip(found.items(), reached, strict=True)
        if not is_there
    }


async def _can_be_reached(url: str) -> bool:
    """Whether something listens there. What a proxy reaches, the proxy knows: that is True."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or parts.hostname is None:  # file://
        return True
    proxies = getproxies_environment()
    if (proxies.get(parts.scheme) or proxies.get("all")) and not proxy_bypass(parts.hostname):
        return True
    port = parts.port or PORTS[parts.scheme]
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
