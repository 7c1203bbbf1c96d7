"""How the local kernel's requests say which notebook sent them: a part of the SDK's User-Agent.

    azure-local-kernel/1 (04-deployment.ipynb)

The SDKs append the variable AZURE_HTTP_USER_AGENT to the User-Agent of each request: azure-core
reads it anew for each, msrest when a client is made. The request log of local Azure shows the
notebook by it. Of the notebook it has the file's name alone, percent-encoded (RFC 3986) where a
header could not hold it; a kernel that knows no name sends `azure-local-kernel/1`. The kernel of
live Azure sends nothing: nobody could read it there.

https://learn.microsoft.com/python/api/azure-core/azure.core.pipeline.policies.useragentpolicy
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from functools import partial
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import quote

from IPython.core.interactiveshell import InteractiveShell

VARIABLE = "AZURE_HTTP_USER_AGENT"
# The notebook's path, or its name alone, from jupyter_server; papermill and nbclient set nothing.
SESSION = "JPY_SESSION_NAME"
# The notebook's path, in the namespace of a kernel that VS Code has started.
# https://github.com/jupyterlab/jupyterlab/issues/16282
VS_CODE = "__vsc_ipynb_file__"
PRODUCT = "azure-local-kernel/1"
_OURS = re.compile(rf" ?{PRODUCT}(?: \([^()]*\))?")


def name_kernel(environment: MutableMapping[str, str], notebook: str = "") -> None:
    """Put the kernel into the variable, behind what it holds of others already.

    `notebook` is its path; where that is empty, the one that jupyter_server has given.
    """
    path = notebook or environment.get(SESSION, "")
    # VS Code and a server on Windows write backslashes.
    name = PureWindowsPath(path).name if "\\" in path else PurePosixPath(path).name
    ours = PRODUCT + (f" ({quote(name, safe=' !,+=@~')})" if name else "")
    others = _OURS.sub("", environment.get(VARIABLE, "")).strip()
    environment[VARIABLE] = f"{others} {ours}".strip()


def name_kernel_by_cell(environment: MutableMapping[str, str], shell: InteractiveShell) -> None:
    """The same, now and before each cell, as VS Code tells the notebook once the kernel runs."""
    name_kernel(environment)
    shell.events.register("pre_run_cell", partial(_look, environment, shell.user_ns))


def _look(
    environment: MutableMapping[str, str], namespace: Mapping[str, object], _cell: object
) -> None:
    if isinstance(path := namespace.get(VS_CODE), str):
        name_kernel(environment, path)
