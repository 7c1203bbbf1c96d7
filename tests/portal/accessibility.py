"""What axe-core finds on a page: https://github.com/dequelabs/axe-core"""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def violations(page: Page, within: str | None = None) -> list[str]:
    """Return each violation of axe-core's rules on the page, with the elements that it names.

    `within` is a selector: then only there.

    axe-core's script is let past the page's content security policy, which keeps others out.
    """
    found = Axe().run(page, context=within).response["violations"]
    return [
        f"{one['id']}: {one['help']} {[node['html'][:120] for node in one['nodes']]}"
        for one in found
    ]
