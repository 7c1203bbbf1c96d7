"""Prints the words that are most frequent in a page of the internet, and how often each is there.

    python wordcount.py [URL]

NumWords says how many words are printed (10), MinLength how many letters they have at least.
https://learn.microsoft.com/azure/container-instances/container-instances-restart-policy
"""

from __future__ import annotations

import os
import pprint
import re
import sys
import urllib.request
from collections import Counter
from html.parser import HTMLParser

HAMLET = "http://shakespeare.mit.edu/hamlet/full.html"
TIMEOUT = 60.0  # seconds
HIDDEN = ("script", "style")


class PageText(HTMLParser):
    """What a page shows."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in HIDDEN

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in HIDDEN

    def handle_data(self, data: str) -> None:
        if self.hidden <= 0:
            self.parts.append(data)


def words_of(url: str) -> list[str]:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        text = answer.read().decode("utf-8", errors="replace")
    page = PageText()
    page.feed(text)
    page.close()
    return re.findall(r"[^\W\d_]+", " ".join(page.parts))


def setting(name: str, default: int) -> int:
    return int(os.environ.get(name, default))


def main() -> None:
    number, least = setting("NumWords", 10), setting("MinLength", 0)
    url = sys.argv[1] if len(sys.argv) > 1 else HAMLET
    try:
        words = words_of(url)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{url} cannot be read: {error}") from error
    pprint.pprint(Counter(word for word in words if len(word) >= least).most_common(number))


if __name__ == "__main__":
    main()
