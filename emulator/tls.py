"""The certificate authority of this machine's local Azure, and a certificate per host name.

The authority's key is readable by its owner alone, expires in days, can vouch for Azure's domains
only, and is never put in a system store: only processes that are given the bundle trust it.
"""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emulator.defaults import AZURE_DOMAINS

LIFETIME = timedelta(days=30)
# A new authority is made when less than this is left, so that none expires during a lesson.
MARGIN = timedelta(days=1)
_CA_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class CertificateAuthority:
    """Issues certificates by host name; contexts are kept in memory, leaf certificates on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self.key = folder / "ca-key.pem"
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
        if not (self.certificate.exists() and self.key.exists()):
            return False
        certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        limits = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        # One that an older local Azure made may know fewer domains.
        domains = {name.value for name in limits.permitted_subtrees or ()}
        lasts = certificate.not_valid_after_utc - datetime.now(UTC) > MARGIN
        return lasts and domains == set(AZURE_DOMAINS)

    def _create(self) -> None:
        for old in self.folder.glob("*.pem"):
            old.unlink()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, "Local Azure (this machine only)")]
        )
        moment = datetime.now(UTC)
        # trustme's own authority can neither expire soon nor be held to some domains.
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(moment - timedelta(hours=1))
            .not_valid_after(moment + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.NameConstraints([x509.DNSName(domain) for domain in AZURE_DOMAINS], None),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(_CA_USAGE, critical=True)
            .sign(key, hashes.SHA256())
        )
        write_private(
            self.key,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
        )
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _leaf(self, name: str) -> Path:
        path = self.folder / f"host-{name}.pem"
        if not path.exists():
            # Imported here: needed once for each name, and a good part of the start otherwise.
            import trustme

            authority = trustme.CA.from_pem(self.certificate.read_bytes(), self.key.read_bytes())
            leaf = authority.issue_cert(
                name,
                not_after=x509.load_pem_x509_certificate(
                    self.certificate.read_bytes()
                ).not_valid_after_utc,
            )
            write_private(path, leaf.private_key_and_cert_chain_pem.bytes())
        return path


def write_bundle(target: Path, authority: Path) -> Path:
    """A CA bundle: what this process trusted before (or certifi), and the local authority."""
    before = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or ""
    if not os.path.isfile(before) or Path(before) == target:
        before = certifi.where()
    content = Path(before).read_bytes().rstrip() + b"\n" + authority.read_bytes()
    if not target.exists() or target.read_bytes() != content:
        # Renamed into place: another process may be reading the bundle at this moment.
        temporary = target.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(target)
    return target


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read, complete or not at all."""
    temporary = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
