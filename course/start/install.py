"""Registers the start page with Jupyter, inside one environment.

JupyterLab's part is a prebuilt extension that was written by hand: package.json names the script
that JupyterLab loads. The server's part is a line of configuration.
https://jupyterlab.readthedocs.io/en/stable/extension/extension_dev.html#prebuilt-extensions
https://jupyter-server.readthedocs.io/en/stable/operators/configuring-extensions.html
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from course.environment_files import put

NAME = "deploying-models-on-azure"  # also in labextension/, in both files
SOURCE = Path(__file__).parent / "labextension"
CONFIG = {"ServerApp": {"jpserver_extensions": {"course.start": True}}}


def install(prefix: Path | None = None) -> Path:
    """Write both parts below `prefix`, by default the environment that runs.

    Returns the folder of JupyterLab's part. What is right already stays untouched.
    """
    prefix = prefix or Path(sys.prefix)
    target = prefix / "share" / "jupyter" / "labextensions" / NAME
    for file in sorted(path for path in SOURCE.rglob("*") if path.is_file()):
        put(target / file.relative_to(SOURCE), file.read_bytes())
    config = prefix / "etc" / "jupyter" / "jupyter_server_config.d" / "course.json"
    put(config, (json.dumps(CONFIG, indent=1) + "\n").encode())
    return target
