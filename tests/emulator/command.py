"""The command `python -m emulator`, as a person or a script gives it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from emulator.home import CHECKOUT


def command(
    home: Path, *words: str, before: Any = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run it on the state folder `home`. `before` is called in its process at first."""
    return subprocess.run(
        [sys.executable, "-m", "emulator", *words],
        cwd=CHECKOUT,
        env={**os.environ, "AZURE_LOCAL_HOME": str(home), **variables},
        preexec_fn=before,
        capture_output=True,
        text=True,
        timeout=60,
    )
