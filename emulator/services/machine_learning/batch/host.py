"""What the hosts of machine learning that are not Resource Manager's have in common."""

from __future__ import annotations

from starlette.requests import Request


def host_name(request: Request) -> str:
    """The host that a request is for, in lower case."""
    return request.headers.get("host", "").partition(":")[0].lower()
