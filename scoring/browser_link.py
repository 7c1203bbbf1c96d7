"""How a browser gets to an address on Azure, be it live or local."""

import os
import subprocess
import sys


def browser_link(url: str) -> str | None:
    """Return what a browser on this machine opens to see `url`; None where there is nothing.

    Live, that is `url` itself. The names of local Azure are known only to programs with its
    settings, so its portal passes a browser's requests on; the link to that works once.
    """
    if "AZURE_LOCAL_PROXY" not in os.environ:
        return url
    command = [sys.executable, "-m", "emulator", "link", url]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    return made.stdout.strip() if made.returncode == 0 else None
