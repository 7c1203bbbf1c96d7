"""The portal's port: nothing runs until somebody connects, and it outlives what may happen."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import psutil
import requests

from emulator.portal_port import new_link
from tests.azure import LocalAzure
from tests.waiting import until


def processes(azure: LocalAzure) -> list[psutil.Process]:
    """The portal's processes: those of local Azure that run the module `portal`."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "portal" in words and str(azure.home.portal) in words and "-I" not in words:
            found.append(process)
    return found


def visit(azure: LocalAzure, session: requests.Session) -> str:
    """Sign in with a new link, and return Home's text."""
    session.trust_env = False
    link = new_link(azure.home)
    assert link is not None
    answer = session.get(link)
    assert answer.status_code == 200
    return answer.text


def test_the_first_visitor_starts_it_and_a_stop_ends_it(another_azure: LocalAzure) -> None:
    assert processes(another_azure) == []
    with requests.Session() as session:
        assert "rg-deploying-models" in visit(another_azure, session)
        assert len(processes(another_azure)) == 1

        another_azure.stop()
        assert processes(another_azure) == []


def test_an_open_page_goes_on_after_a_crash(another_azure: LocalAzure) -> None:
    with requests.Session() as session:
        visit(another_azure, session)
        link = new_link(another_azure.home)
        assert link is not None
        home = f"http://{urlsplit(link).netloc}/"

        (portal,) = processes(another_azure)
        portal.kill()
        portal.wait(30)
        session.close()  # connections of before; a browser opens others by itself
        assert session.get(home).status_code == 200

        another_azure.kill()
        until(lambda: not processes(another_azure))
        another_azure.start()
        session.close()
        assert session.get(home).status_code == 200


def test_links_are_for_this_user_alone(another_azure: LocalAzure) -> None:
    new_link(another_azure.home)
    for path in (another_azure.home.portal, another_azure.home.portal / "links"):
        assert path.stat().st_mode & 0o077 == 0


def test_a_port_that_is_taken_is_no_reason_not_to_start(another_azure: LocalAzure) -> None:
    another_azure.stop()
    (Path(another_azure.home.portal) / "port").write_text("1")  # nobody but root may have it
    another_azure.start()
    with requests.Session() as session:
        assert "rg-deploying-models" in visit(another_azure, session)
