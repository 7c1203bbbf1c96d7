"""Becomes the kernel of one place: `python -m course.kernel azure-local -f connection.json`.

Jupyter starts this instead of `python -m ipykernel`. It changes the environment of its own process
and then is ipykernel, so that a notebook holds the same code in both places.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from ipykernel.kernelapp import IPKernelApp

from course.gate import Gate, Resumption, live_azure
from course.local_connection import LocalConnection
from course.places import LOCAL, PlaceError
from course.quiet import hush
from course.shell import CourseKernel, CourseShell
from course.user_agent import name_kernel_by_cell


def main() -> None:
    place = sys.argv.pop(1)
    local = LocalConnection(os.environ) if place == LOCAL else None
    if local:
        # Quick, so it need not wait for a cell. On failure the first cell tries again, and tells.
        with suppress(PlaceError):
            local.ensure()
    app = IPKernelApp.instance()
    app.kernel_class = CourseKernel
    hush(app, local=place == LOCAL)
    app.initialize(sys.argv[1:])
    # Only now, with everything loaded, may the notebook's own folder come first.
    sys.path.insert(0, "")
    shell = app.shell
    assert isinstance(shell, CourseShell)
    if local:
        name_kernel_by_cell(os.environ, shell)
        shell.is_local_lost = local.is_lost
    ensure = local.ensure if local else live_azure(os.environ)
    shell.ast_transformers += [Gate(ensure), Resumption(shell)]
    app.start()


if __name__ == "__main__":
    main()
