"""What the data plane answers itself, in place of what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """A status and a sentence, "" for no body. `headers` are further response headers."""

    status: int
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    media_type: bytes = b"text/plain; charset=utf-8"
    guide: str = ""  # follows the message

    @property
    def body(self) -> bytes:
        return f"{self.message}\n{self.guide}".encode() if self.message else b""


@dataclass(frozen=True)
class ProtocolRefusals:
    """What is said where HTTP itself goes wrong, in the words of one service.

    `bad_request`, `not_implemented` and `head_too_large` are for a client's request, `lost` for a
    backend that does not answer in HTTP, `our_fault` for a mistake of local Azure's.
    """

    bad_request: Refusal
    not_implemented: Refusal
    head_too_large: Refusal
    lost: Refusal
    our_fault: Refusal
