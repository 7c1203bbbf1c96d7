"""A job that does next to nothing and ends well."""

from __future__ import annotations

import time
from datetime import UTC, datetime

WORK = 2.0  # seconds


def say(text: str) -> None:
    print(f"{datetime.now(UTC):%Y/%m/%d %H:%M:%S} {text}", flush=True)


def main() -> None:
    say("This is a small example of a Container Apps job.")
    say("It begins to work ...")
    time.sleep(WORK)
    say("It has done its work, and ends.")


if __name__ == "__main__":
    main()
