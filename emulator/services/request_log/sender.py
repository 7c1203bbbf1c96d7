"""Who sent a request, by its User-Agent: product/version (comment) product/version ...

https://www.rfc-editor.org/rfc/rfc9110#name-user-agent
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

# What the kernel of the course adds; course/user_agent.py writes it.
_KERNEL = re.compile(r"(?:^| )(azure-local)-kernel/1(?: \(([^()]*)\))?")


@dataclass(frozen=True)
class Sender:
    """`product` is the first one named, with its version; `kernel` and `notebook` may be ""."""

    product: str
    kernel: str
    notebook: str

    @property
    def name(self) -> str:
        return self.product.partition("/")[0].lower()


@lru_cache(maxsize=256)
def read_sender(user_agent: str) -> Sender:
    product = user_agent.split(" ", 1)[0]
    found = _KERNEL.search(user_agent)
    kernel, notebook = (found[1], unquote(found[2] or "")) if found else ("", "")
    return Sender(product, kernel, notebook)
