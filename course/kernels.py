"""Registers the kernels azure-local and azure-live with Jupyter, inside one environment.

Kernel specifications: https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import get_kernel_dict

from course.places import TITLES


def specification(place: str) -> dict[str, Any]:
    """Return what kernel.json holds."""
    return {
        **get_kernel_dict(),  # what ipykernel says of itself: language, debugger, encryption
        # -P: a file in the notebook's folder must not stand in for a module of the kernel.
        "argv": [sys.executable, "-P", "-m", "course.kernel", place, "-f", "{connection_file}"],
        "display_name": TITLES[place],
    }


def install(prefix: Path | None = None) -> list[Path]:
    """Write both kernel.json files below `prefix`, by default the environment that runs.

    A file that is right already stays untouched, so that this may be called before each use.
    """
    kernels = (prefix or Path(sys.prefix)) / "share" / "jupyter" / "kernels"
    files = []
    for place in TITLES:
        file = kernels / place / "kernel.json"
        wanted = json.dumps(specification(place), indent=1) + "\n"
        if not file.exists() or file.read_text(encoding="utf-8") != wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
            # Replaced, not written over: environments that were copied as links share the file.
            new = file.with_suffix(".new")
            new.write_text(wanted, encoding="utf-8")
            new.replace(file)
        files.append(file)
    return files
