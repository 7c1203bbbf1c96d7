"""The local certificate authority: what it can vouch for, and what becomes of its files."""

from __future__ import annotations

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import trustme
from cryptography import x509

from emulator import tls
from emulator.authority import new_authority
from emulator.tls import CertificateAuthority, write_bundle
from tests.azure import LocalAzure

ARM = "https://management.azure.com/subscriptions?api-version=2022-12-01"


def test_the_authority_cannot_vouch_for_other_domains(local_azure: LocalAzure) -> None:
    """A name constraint holds even if its key were stolen."""
    from cryptography import x509

    authority = x509.load_pem_x509_certificate(local_azure.home.ca_certificate.read_bytes())
    constraint = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraint.critical
    names = {name.value for name in constraint.value.permitted_subtrees}
    assert "azure.com" in names
    assert not {"com", "microsoft.com", ""} & names
    lifetime = authority.not_valid_after_utc - authority.not_valid_before_utc
    assert lifetime.days <= 31


def test_it_excludes_every_address(local_azure: LocalAzure) -> None:
    """What is permitted of names says nothing about addresses."""
    authority = x509.load_pem_x509_certificate(local_azure.home.ca_certificate.read_bytes())
    constraint = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraint.value.excluded_subtrees is not None
    excluded = {name.value for name in constraint.value.excluded_subtrees}
    assert excluded == {ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")}


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        ("management.azure.com", True),
        ("127.0.0.1", False),
        ("8.8.8.8", False),
        ("::1", False),
        ("learn.microsoft.com", False),
    ],
)
def test_a_client_believes_it_of_azures_names_alone(name: str, trusted: bool) -> None:
    """Even if the key were stolen: this is what a thief would make with it."""
    moment = datetime.now(UTC)
    certificate, key = new_authority(moment, moment + timedelta(days=1))
    stolen = trustme.CA.from_pem(certificate, key)
    leaf = stolen.issue_cert(name)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    leaf.configure_cert(server)
    client.load_verify_locations(cadata=certificate.decode())
    assert believes(client, server, name) is trusted


def believes(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> bool:
    """Whether the handshake of the two, in memory, succeeds."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(down, up, server_hostname=name),
        server.wrap_bio(up, down, server_side=True),
    ]
    for _ in range(5):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return True


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem", "ca.json"])
@pytest.mark.parametrize("content", [b"", b"[1]", b"-----BEGIN CERTIFICATE-----\nabc"])
def test_a_damaged_authority_is_made_anew(tmp_path: Path, name: str, content: bytes) -> None:
    before = CertificateAuthority(tmp_path).certificate.read_bytes()
    (tmp_path / name).write_bytes(content)
    again = CertificateAuthority(tmp_path)
    assert again.certificate.read_bytes() != before
    assert again.context("management.azure.com").get_ca_certs() == []


def test_an_authority_that_is_well_is_kept(tmp_path: Path) -> None:
    before = CertificateAuthority(tmp_path).certificate.read_bytes()
    assert CertificateAuthority(tmp_path).certificate.read_bytes() == before


def test_a_damaged_authority_is_no_matter_to_clients(another_azure: LocalAzure) -> None:
    another_azure.stop()
    another_azure.home.ca_certificate.write_bytes(b"")
    another_azure.start()
    settings = another_azure.environment
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"https": settings["HTTPS_PROXY"]}
        session.verify = settings["REQUESTS_CA_BUNDLE"]
        assert session.get(ARM, timeout=10).status_code == 401


@pytest.mark.parametrize("content", [b"", b"abc", b"-----BEGIN CERTIFICATE-----\nabc"])
def test_a_damaged_bundle_is_made_anew(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a program that has it as its own already."""
    authority, bundle = CertificateAuthority(tmp_path).certificate, tmp_path / "bundle.crt"
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    whole = write_bundle(bundle, authority).read_bytes()
    assert whole.endswith(authority.read_bytes())
    bundle.write_bytes(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert write_bundle(bundle, authority).read_bytes() == whole
    assert write_bundle(bundle, authority).read_bytes() == whole
    bundle.unlink()
    assert write_bundle(bundle, authority).read_bytes() == whole


def test_a_damaged_certificate_of_a_host_is_made_anew(tmp_path: Path) -> None:
    CertificateAuthority(tmp_path).context("management.azure.com")
    leaf = tmp_path / "host-management.azure.com.pem"
    whole = leaf.read_bytes()
    leaf.write_bytes(whole[:100])
    assert CertificateAuthority(tmp_path).context("management.azure.com")
    assert len(leaf.read_bytes()) > 100


def test_certificates_of_hosts_that_are_not_asked_for_are_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LEAVES", 3)
    authority = CertificateAuthority(tmp_path)
    for name in ("a", "b", "c", "a", "d"):
        authority.context(f"{name}.azure.com")
    assert hosts(tmp_path) == ["a", "c", "d"]
    # Those of earlier runs, by when they were asked for last.
    for age, name in enumerate("edca"):
        path = tmp_path / f"host-{name}.azure.com.pem"
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    CertificateAuthority(tmp_path)
    assert hosts(tmp_path) == ["c", "d", "e"]


def hosts(folder: Path) -> list[str]:
    return sorted(path.name.split(".")[0].removeprefix("host-") for path in folder.glob("host-*"))
