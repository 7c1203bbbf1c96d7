"""TLS that asks a client for its certificate and takes whichever the client has the key to.

So the ingress of Container Apps does it: whom to trust is for the app to say, which gets the
certificate in a header. Python's own TLS takes only what an authority that it knows has issued, and
has no hook to decide otherwise; so each certificate is made known as it comes. A certificate that
has expired is not taken.

https://learn.microsoft.com/azure/container-apps/client-certificate-authorization
"""

from __future__ import annotations

import hashlib
import ssl
from typing import Any

# Whether clients are asked for a certificate, and whether they must have one.
IGNORE, ACCEPT, REQUIRE = "ignore", "accept", "require"
# What a PEM has that cannot stand in the header as it is, as the Envoy proxy writes it:
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
_ESCAPED = str.maketrans({"\n": "%0A", " ": "%20", "+": "%2B", "/": "%2F", "=": "%3D"})


class AskingContext(ssl.SSLContext):
    """The server side of one connection. `chain` are the client's certificates (DER), its own
    first, once it has shown them."""

    chain: tuple[bytes, ...] = ()

    def ask(self, *, is_required: bool) -> None:
        """Ask for a certificate; without one there is no connection if it `is_required`."""
        self.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
        self.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # Called before OpenSSL looks for who issued the certificate. It is not documented, but is
        # there since Python 3.8: https://github.com/python/cpython/blob/3.11/Lib/ssl.py
        self._msg_callback = self._note

    def _note(self, _: Any, direction: str, version: int, _kind: Any, what: Any, data: Any) -> None:
        if direction != "read" or getattr(what, "name", "") != "CERTIFICATE":
            return
        self.chain = tuple(_certificates(bytes(data), is_1_3=version == ssl.TLSVersion.TLSv1_3))
        for certificate in self.chain:
            self.load_verify_locations(cadata=certificate)


def _certificates(message: bytes, *, is_1_3: bool) -> list[bytes]:
    """What a Certificate message holds.

    https://www.rfc-editor.org/rfc/rfc5246#section-7.4.2
    https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2
    """
    at = 4
    if is_1_3:
        at += 1 + message[at]
    end = at + 3 + int.from_bytes(message[at : at + 3], "big")
    at += 3
    found = []
    while at < end:
        size = int.from_bytes(message[at : at + 3], "big")
        found.append(message[at + 3 : at + 3 + size])
        at += 3 + size
        if is_1_3:  # extensions
            at += 2 + int.from_bytes(message[at : at + 2], "big")
    return found


def forwarded(chain: tuple[bytes, ...]) -> bytes:
    """The header X-Forwarded-Client-Cert for an app, b"" where the client has shown none.

    https://learn.microsoft.com/azure/container-apps/mtls
    """
    if not chain:
        return b""
    pems = [ssl.DER_cert_to_PEM_cert(certificate).translate(_ESCAPED) for certificate in chain]
    digest = hashlib.sha256(chain[0]).hexdigest()
    return f'Hash={digest};Cert="{pems[0]}";Chain="{"".join(pems)}"'.encode("latin-1")
