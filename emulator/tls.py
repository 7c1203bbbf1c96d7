"""The certificate authority of this machine's local Azure, and a certificate per host name.

The authority's key is readable by its owner alone, expires in days, can vouch for Azure's domains
only, and is never put in a system store: only processes that are given the bundle trust it.
"""

from __future__ import annotations

import json
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi

from emulator.defaults import AZURE_DOMAINS
from emulator.state_file import write_private

LIFETIME = timedelta(days=30)
# A new authority is made when less than this is left, so that none expires during a lesson.
MARGIN = timedelta(days=1)
BEGIN = b"-----BEGIN CERTIFICATE-----"


class CertificateAuthority:
    """Issues certificates by host name; contexts are kept in memory, leaf certificates on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self.key = folder / "ca-key.pem"
        self.made = folder / "ca.json"  # what it says of itself, to be read without parsing it
        self._contexts: dict[str, ssl.SSLContext] = {}
        if not self._valid():
            self._create()

    def context(self, host: str) -> ssl.SSLContext:
        """The server side of TLS for a host name, HTTP/1.1 only."""
        name = host.lower()
        if name not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.set_alpn_protocols(["http/1.1"])
            context.load_cert_chain(self._leaf(name))
            self._contexts[name] = context
        return self._contexts[name]

    def _valid(self) -> bool:
        if not all(file.exists() for file in (self.certificate, self.key, self.made)):
            return False
        made = self._made()
        # One that an older local Azure made may know fewer domains.
        return self._expiry() - datetime.now(UTC) > MARGIN and made["domains"] == [*AZURE_DOMAINS]

    def _made(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.made.read_text())
        return found

    def _expiry(self) -> datetime:
        return datetime.fromisoformat(self._made()["expires"])

    def _create(self) -> None:
        from emulator.authority import new_authority

        for old in self.folder.glob("*.pem"):
            old.unlink()
        moment = datetime.now(UTC).replace(microsecond=0)
        certificate, key = new_authority(moment, moment + LIFETIME)
        said = {"expires": (moment + LIFETIME).isoformat(), "domains": AZURE_DOMAINS}
        self.made.write_text(json.dumps(said))
        write_private(self.key, key)
        self.certificate.write_bytes(certificate)

    def _leaf(self, name: str) -> Path:
        path = self.folder / f"host-{name}.pem"
        if not path.exists():
            from emulator.authority import new_leaf

            certificate, key = self.certificate.read_bytes(), self.key.read_bytes()
            write_private(path, new_leaf(certificate, key, name, self._expiry()))
        return path


def write_bundle(target: Path, authority: Path) -> Path:
    """A CA bundle: what this process trusted before (or certifi), and the local authority."""
    before = Path(os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or "")
    trusted = (before if before.is_file() else Path(certifi.where())).read_bytes()
    if before == target and target.is_file():
        # Called by a program that has this bundle already: its last certificate is the authority's,
        # and what is before it may be known nowhere else (an organisation's own authority).
        trusted = trusted[: trusted.rindex(BEGIN)]
    content = trusted.rstrip() + b"\n" + authority.read_bytes()
    if not target.exists() or target.read_bytes() != content:
        # As a whole: another process may be reading the bundle at this moment.
        write_private(target, content)
    return target
