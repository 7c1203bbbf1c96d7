"""Registers the kernels azure-local and azure-live with Jupyter, inside one environment.

Kernel specifications: https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import get_kernel_dict

from course.environment_files import put
from course.places import TITLES

# logo-svg.svg of each kernel, and the same drawn in the two sizes that clients without SVG show
LOGOS = Path(__file__).parent / "logos"


def specification(place: str) -> dict[str, Any]:
    """Return what kernel.json holds."""
    return {
        **get_kernel_dict(),  # what ipykernel says of itself: language, debugger, encryption
        # -P: a file in the notebook's folder must not stand in for a module of the kernel.
        "argv": [sys.executable, "-P", "-m", "course.kernel", place, "-f", "{connection_file}"],
        "display_name": TITLES[place],
    }


def install(prefix: Path | None = None) -> list[Path]:
    """Write both kernels' folders below `prefix`, by default the environment that runs.

    Returns each one's kernel.json. What is right already stays untouched, so that this may be
    called before each use.
    """
    kernels = (prefix or Path(sys.prefix)) / "share" / "jupyter" / "kernels"
    files = []
    for place in TITLES:
        file = kernels / place / "kernel.json"
        put(file, (json.dumps(specification(place), indent=1) + "\n").encode())
        for logo in sorted((LOGOS / place).iterdir()):
            put(file.with_name(logo.name), logo.read_bytes())
        files.append(file)
    return files
