"""Microsoft's quickstart and how-to pages, command by command, with the real az CLI."""

from __future__ import annotations

import http.server
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.azure import LocalAzure
from tests.cli.az import Az, Ended
from tests.cli.page import Page, Step, fill, pages
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_is_followed(page: Page, az: Az, azure: LocalAzure, tmp_path: Path) -> None:
    values = {"unique": secrets.token_hex(3), "folder": str(tmp_path)}
    values["group"] = f"rg-{page.name}-{values['unique']}"
    for name, content in page.files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(fill(content, values))
    wrong = []
    with served(tmp_path) as values["web"]:
        _follow(page, az, azure, tmp_path, values, wrong)
    az.run(["group", "delete", "--name", values["group"], "--yes", "--no-wait"])
    assert not wrong, f"{page.source}\n" + "\n".join(wrong)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a web server with the files of a folder, in place of the internet's pages."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _follow(
    page: Page, az: Az, azure: LocalAzure, tmp_path: Path, values: dict[str, str], wrong: list[str]
) -> None:
    for number, step in enumerate(page.steps, start=1):
        said = fill(f"az {step.az}" if step.az else f"GET {step.get}", values)
        outcome, ended = _take(step, az, azure, tmp_path, values)
        az.outcomes[f"{page.name} {number}: {step.az or step.get}"] = outcome
        if step.sets and ended.code == 0:
            values[step.sets] = ended.out.strip()
        if outcome == "wrong":
            wrong.append(f"{number}. {said}\n   ended with {ended.code}: {ended.printed[-1500:]}")


def _take(
    step: Step, az: Az, azure: LocalAzure, folder: Path, values: dict[str, str]
) -> tuple[str, Ended]:
    wanted = fill(step.until or step.prints, values)

    def once() -> Ended:
        if step.get:
            return _open(fill(step.get, values), azure)
        return az.run(step.arguments(values), folder, fill(step.stdin, values))

    def is_right(ended: Ended) -> bool:
        return ended.code == 0 and bool(re.search(wanted, ended.printed))

    ended = once()
    if step.until and not is_right(ended):
        found: list[Ended] = [ended]

        def again() -> bool:
            found.append(once())
            return is_right(found[-1])

        try:
            until(again, 120)
        except AssertionError:
            return "wrong", found[-1]
        return "worked", found[-1]
    if step.lacks:
        named = "NotEmulated" in ended.printed or "does not emulate" in ended.printed
        right = ended.code != 0 and named and re.search(step.lacks, ended.printed)
        return ("501" if right else "wrong"), ended
    if step.refused:
        right = ended.code != 0 and re.search(step.refused, ended.printed)
        return ("refused as on Azure" if right else "wrong"), ended
    return ("worked" if is_right(ended) else "wrong"), ended


def _open(url: str, azure: LocalAzure) -> Ended:
    """As `curl` does: the address through local Azure's proxy."""
    proxies = {"http": azure.proxy, "https": azure.proxy}
    try:
        answer = requests.get(
            url, proxies=proxies, verify=azure.environment["REQUESTS_CA_BUNDLE"], timeout=60
        )
    except requests.RequestException as error:
        return Ended(1, "", str(error))
    return Ended(0 if answer.ok else answer.status_code, answer.text, answer.text)
