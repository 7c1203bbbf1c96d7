"""The certificate authority of this machine's local Azure, and a certificate per host name.

The authority's key is readable by its owner alone, expires in days, can vouch for Azure's domains
only, and is never put in a system store: only processes that are given the bundle trust it.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi

from emulator.client_certificates import AskingContext
from emulator.defaults import AZURE_DOMAINS
from emulator.state_file import StateError, read_object, write_private

LIFETIME = timedelta(days=30)
# A new authority is made when less than this is left, so that none expires during a lesson.
MARGIN = timedelta(days=1)
LEAVES = 100  # host names whose certificates are kept
# To be raised whenever authority.py binds authorities in another way; `domains` sees to itself.
CONSTRAINTS = {"version": 2, "domains": [*AZURE_DOMAINS]}
BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


class CertificateAuthority:
    """Issues certificates by host name. Those used last are kept, on disk and, ready, in memory.

    Files that cannot be read, as after a power cut, are made anew: nothing else depends on them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self.key = folder / "ca-key.pem"
        self.made = folder / "ca.json"  # what it says of itself, to be read without parsing it
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        expiry = self._valid_until()
        self.expiry = self._create() if expiry is None else expiry
        self._prune()

    def context(self, host: str) -> ssl.SSLContext:
        """The server side of TLS for a host name, HTTP/1.1 only. Raises OSError."""
        name = host.lower()
        if name in self._contexts:
            self._contexts.move_to_end(name)
            return self._contexts[name]
        context = _serving(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self._load_leaf(context, name)
        self._contexts[name] = context
        if len(self._contexts) > LEAVES:
            unused, _ = self._contexts.popitem(last=False)
            self._leaf(unused).unlink(missing_ok=True)
        return context

    def asking_context(self, host: str, *, is_required: bool) -> AskingContext:
        """As `context`, for one connection, whose client is asked for its certificate."""
        self.context(host)  # makes the host's certificate, or keeps it
        context = AskingContext(ssl.PROTOCOL_TLS_SERVER)
        _serving(context).load_cert_chain(self._leaf(host.lower()))
        context.ask(is_required=is_required)
        return context

    def _valid_until(self) -> datetime | None:
        """Until when the authority that is there can be used, None if it cannot."""
        try:
            made = read_object(self.made)
            expiry = datetime.fromisoformat(made["expires"])
            key, certificate = self.key.read_bytes(), self.certificate.read_bytes()
            # One that an older local Azure made may be bound in another way.
            good = (
                expiry - datetime.now(UTC) > MARGIN
                and made["constraints"] == CONSTRAINTS
                and made["sha256"] == _digest(certificate + key)
            )
        except (StateError, FileNotFoundError, KeyError, TypeError, ValueError):
            return None
        return expiry if good else None

    def _create(self) -> datetime:
        from emulator.authority import new_authority

        for old in self.folder.glob("*.pem"):
            old.unlink()
        moment = datetime.now(UTC).replace(microsecond=0)
        expiry = moment + LIFETIME
        certificate, key = new_authority(moment, expiry)
        write_private(self.key, key)
        write_private(self.certificate, certificate)
        made = {
            "expires": expiry.isoformat(),
            "constraints": CONSTRAINTS,
            "sha256": _digest(certificate + key),
        }
        write_private(self.made, json.dumps(made).encode())
        return expiry

    def _leaf(self, name: str) -> Path:
        return self.folder / f"host-{name}.pem"

    def _load_leaf(self, context: ssl.SSLContext, name: str) -> None:
        path = self._leaf(name)
        try:
            context.load_cert_chain(path)
        except (FileNotFoundError, ssl.SSLError):
            from emulator.authority import new_leaf

            certificate, key = self.certificate.read_bytes(), self.key.read_bytes()
            write_private(path, new_leaf(certificate, key, name, self.expiry))
            context.load_cert_chain(path)
        else:
            os.utime(path)  # used last, for `_prune`

    def _prune(self) -> None:
        """Delete the certificates of hosts that were not asked for since many others were."""
        leaves = sorted(self.folder.glob("host-*.pem"), key=lambda path: path.stat().st_mtime)
        for path in leaves[:-LEAVES]:
            path.unlink()


def _serving(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_bundle(target: Path, authority: Path) -> Path:
    """A CA bundle: what this process trusted before (or certifi), and the local authority."""
    before = Path(os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or "")
    trusted = before.read_bytes() if before.is_file() else b""
    if before == target:
        # Called by a program that has this bundle already: its last certificate is the authority's,
        # and what is before it may be known nowhere else (an organisation's own authority). One
        # that was cut off is worth nothing.
        whole = trusted.rstrip().endswith(END)
        trusted = trusted[: trusted.rindex(BEGIN)] if whole else b""
    trusted = trusted or Path(certifi.where()).read_bytes()
    content = trusted.rstrip() + b"\n" + authority.read_bytes()
    if not target.exists() or target.read_bytes() != content:
        # As a whole: another process may be reading the bundle at this moment.
        write_private(target, content)
    return target
