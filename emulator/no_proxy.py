"""NO_PROXY: the hosts that a client reaches without its proxy, and so without local Azure.

Every client reads the variable in its own way: a list with commas or blanks; `*` for all hosts; a
domain, with or without a dot or `*.` before it, for what is below it or (older versions of
requests) for whatever ends like that; a port behind it; an address or a network.

https://about.gitlab.com/blog/we-need-to-talk-no-proxy/
https://curl.se/docs/manpage.html#NOPROXY
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from emulator.defaults import AZURE_DOMAINS
from emulator.hosts import OUR_NETWORKS, is_azure


def without_azure(environ: Mapping[str, str], *more: str) -> str:
    """NO_PROXY as `environ` has it, less what leads past local Azure, and `more` entries."""
    entries = [
        entry
        for name in ("NO_PROXY", "no_proxy")
        for entry in re.split(r"[,\s]+", environ.get(name, ""))
        if entry and not covers_azure(entry)
    ]
    return ",".join(dict.fromkeys([*entries, *more]))


def covers_azure(entry: str) -> bool:
    """Whether some client takes the entry for a host that local Azure answers."""
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        pass
    else:
        return any(
            network.version == ours.version and network.overlaps(ours) for ours in OUR_NETWORKS
        )
    name = re.sub(r":\d*$", "", entry.lower()).lstrip("*").rstrip(".")
    # A part of a name may stand for all that ends with it, as "e.com" for azure.com.
    above = any(f".{domain}".endswith(name) for domain in AZURE_DOMAINS)
    return above or is_azure(name.lstrip("."))
