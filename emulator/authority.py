"""Makes the local certificate authority, and the certificates that it vouches for.

Apart from tls.py because it is needed once a month and once a name, and importing what it needs
takes a good part of the emulator's start.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emulator.defaults import AZURE_DOMAINS

ADDRESSES = ("0.0.0.0/0", "::/0")  # all that there are

_USAGE = x509.KeyUsage(
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


def new_authority(moment: datetime, expiry: datetime) -> tuple[bytes, bytes]:
    """A new authority's certificate and key (PEM), for Azure's domains only.

    trustme's own authority can neither expire soon nor be held to some domains.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Local Azure (this machine only)")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(hours=1))
        .not_valid_after(expiry)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.NameConstraints(
                permitted_subtrees=[x509.DNSName(domain) for domain in AZURE_DOMAINS],
                # A name of one kind is bound by what is said of that kind alone, so addresses
                # would be free: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10
                excluded_subtrees=[x509.IPAddress(ip_network(each)) for each in ADDRESSES],
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_USAGE, critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def new_leaf(certificate: bytes, key: bytes, name: str, expiry: datetime) -> bytes:
    """A host name's key and certificate chain (PEM), issued by the authority."""
    authority = trustme.CA.from_pem(certificate, key)
    leaf = authority.issue_cert(name, not_after=expiry)
    return bytes(leaf.private_key_and_cert_chain_pem.bytes())
