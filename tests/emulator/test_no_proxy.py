"""What is taken out of NO_PROXY, so that no client goes past local Azure."""

from __future__ import annotations

import urllib.request

import pytest
import requests

from emulator.no_proxy import covers_azure, without_azure

OURS = [
    "management.azure.com",
    "login.microsoftonline.com",
    "account.blob.core.windows.net",
    "endpoint.westeurope.inference.ml.azure.com",
]


@pytest.mark.parametrize(
    "entry",
    [
        *("*", ".azure.com", "azure.com", "*.azure.com", "AZURE.com", "azure.com.", ".com", "com"),
        *(".windows.net", "core.windows.net", "windows.net:443", "*.windows.net:443", "net"),
        *("login.microsoftonline.com", "login.microsoftonline.com:443", "e.com", "oft.com"),
        *("microsoft.com", "203.0.113.7", "203.0.113.0/24", "0.0.0.0/0", "*:443", "."),
    ],
)
def test_what_covers_a_host_of_azures_is_taken_out(entry: str) -> None:
    assert covers_azure(entry)
    assert without_azure({"NO_PROXY": f"mine.example,{entry}"}) == "mine.example"


@pytest.mark.parametrize(
    "entry",
    [
        *("localhost", "127.0.0.1", "::1", "[::1]", "10.0.0.0/8", "10.*", "fd00::/8"),
        *(
            ".corp.example",
            "example.com",
            "notazure.com",
            "azure.com.example",
            "learn.microsoft.com",
        ),
        *("registry.corp:5000", "*.corp", "my-azure.corp"),
    ],
)
def test_the_rest_stays(entry: str) -> None:
    assert not covers_azure(entry)
    assert without_azure({"no_proxy": entry}, "localhost").split(",")[0] == entry


def test_both_variables_count_and_blanks_separate_too() -> None:
    environ = {"NO_PROXY": "a.example, *.azure.com b.example", "no_proxy": "b.example,c.example,*"}
    assert without_azure(environ, "localhost") == "a.example,b.example,c.example,localhost"
    assert without_azure({}, "localhost", "127.0.0.1") == "localhost,127.0.0.1"


@pytest.mark.parametrize(
    "entry", ["*", ".azure.com", "windows.net", "com", "net", "login.microsoftonline.com"]
)
def test_what_clients_take_it_for(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """requests and urllib do go past a proxy for these, and do not for what is left of them."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", entry)
    monkeypatch.setenv("no_proxy", entry)
    assert any(past(host) for host in OURS)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, without_azure({"NO_PROXY": entry}, "localhost"))
    assert not any(past(host) for host in OURS)


def past(host: str) -> bool:
    by_requests = not requests.utils.get_environ_proxies(f"https://{host}/")
    return by_requests or bool(urllib.request.proxy_bypass(host))
