"""Forms, as sign-in hosts take them.

https://www.rfc-editor.org/rfc/rfc6749#appendix-B
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from emulator.arm.bodies import read_at_most

LARGEST_FORM = 64 * 1024  # bytes
MOST_FIELDS = 100


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises ValueError for a body that is none, or is too large."""
    received = await read_at_most(request, LARGEST_FORM)
    if received is None:
        raise ValueError(f"The request body must hold at most {LARGEST_FORM} bytes.")
    try:
        return dict(
            parse_qsl(received.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        )
    except ValueError:
        raise ValueError(
            "The request body must be a form (application/x-www-form-urlencoded) in UTF-8 of at "
            f"most {MOST_FIELDS} fields."
        ) from None
