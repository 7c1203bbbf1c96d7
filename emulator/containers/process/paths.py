"""An image's paths on this machine, where a container is a process and has no root of its own."""

from __future__ import annotations

import os
import re
from pathlib import Path

# An absolute path in a word, a command line or a list like PATH; not what follows the // of a URL.
_ABSOLUTE = re.compile(r"(?<![\w./\-~}])/(?!/)[^\s'\":;,|&<>()$`*?]*")


def on_this_machine(text: str, root: Path) -> str:
    """The text with each path of the image replaced by where it is below `root`.

    A path is the image's when it is there, or when it would be in one of the image's folders and
    is not on this machine. What a program has written in its own code is beyond this.
    """

    def replace(match: re.Match[str]) -> str:
        path = match[0]
        return f"{root}{path}" if _is_of_image(path, root) else path

    return _ABSOLUTE.sub(replace, text)


def _is_of_image(path: str, root: Path) -> bool:
    relative = path.strip("/")
    if not relative:
        return False
    if os.path.lexists(root / relative):
        return True
    parents = [parent for parent in (root / relative).parents if root in parent.parents]
    return any(parent.is_dir() for parent in parents) and not os.path.lexists(path)


def below(root: Path, path: str) -> Path:
    """An absolute path of the image below `root`. Raises ValueError when it leads out."""
    found = root / os.path.normpath("/" + path).lstrip("/")
    if found != root and not found.parent.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{path} leads out of the container")
    return found
