"""Which hosts are local Azure's to answer."""

from __future__ import annotations

import pytest

from emulator.hosts import is_azure, is_container_group


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("management.azure.com", True),
        ("MANAGEMENT.AZURE.COM", True),
        ("azure.com", True),
        ("notazure.com", False),
        ("azure.com.example.org", False),
        ("learn.microsoft.com", False),
        ("x.blob.core.windows.net", True),
    ],
)
def test_azure_domains(host, ours):
    assert is_azure(host) is ours


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("label.westeurope.azurecontainer.io", True),
        ("LABEL.westeurope.AzureContainer.io.", True),
        ("bridge-linux-01.westeurope.management.azurecontainer.io", False),
        ("203.0.113.7", True),
        ("198.51.100.1", True),
        ("127.0.0.1", False),
        ("8.8.8.8", False),
        ("203.0.113.7.example.org", False),
    ],
)
def test_addresses_of_container_groups(host, group):
    assert is_container_group(host) is group
