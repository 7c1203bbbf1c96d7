"""What a PATCH does to a body: JSON merge patch, with names compared without case as Azure does.

https://www.rfc-editor.org/rfc/rfc7396
"""

from __future__ import annotations

from typing import Any


def merge(before: Any, patch: Any) -> Any:
    """Return `before` with what the patch has in its place; null takes away. Changes neither."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(before) if isinstance(before, dict) else {}
    names = {name.lower(): name for name in merged}
    for given, value in patch.items():
        name = names.setdefault(given.lower(), given)
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
