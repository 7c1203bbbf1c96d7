"""One HTTP request as data, so that it can be changed, sent as it is, and shown."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

SHOWN = 1_000  # characters of a body in a report
_TOKEN = re.compile(r"eyJ[\w.%-]{40,}")
_REPEATED = re.compile(r"(.{1,16}?)\1{29,}", re.DOTALL)


@dataclass(frozen=True)
class Message:
    """`path` and `query` are as they stand on the wire, percent-encoded or not."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    # 443 is spoken to over TLS, any other port in plain HTTP.
    port: int = 443

    @property
    def target(self) -> str:
        """Path and query, as the request line has them."""
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return f"{self.path}?{query}" if query else self.path

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def with_header(self, name: str, value: str | None) -> tuple[tuple[str, str], ...]:
        """The headers with this one replaced; without it where the value is None."""
        kept = tuple((key, was) for key, was in self.headers if key.lower() != name.lower())
        return kept if value is None else (*kept, (name, value))

    def curl(self) -> str:
        """The request as one would type it, without its token and with long bodies cut."""
        words = ["curl", "-X", self.method]
        for name, value in self.headers:
            shown = "..." if name.lower() == "authorization" else value[:200]
            words += ["-H", shlex.quote(f"{name}: {shown}")]
        if self.body:
            words += ["--data-binary", shlex.quote(_short(self.body))]
        scheme = "https" if self.port == 443 else "http"
        target = _short(self.target.encode("utf-8", "surrogatepass"))
        return " ".join([*words, shlex.quote(f"{scheme}://{self.host}{target}")])


def _short(data: bytes) -> str:
    """The text, what is repeated written once with how often, the end of what is long left out."""
    text = _REPEATED.sub(
        lambda found: f"{found[1]}<x{len(found[0]) // len(found[1])}>",
        _TOKEN.sub("<token>", data[: 1 << 20].decode("utf-8", "backslashreplace")),
    )
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}<{len(data)} bytes>"
