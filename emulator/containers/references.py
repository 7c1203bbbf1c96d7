"""Image references: registry, repository, tag or digest.

https://github.com/distribution/reference
"""

from __future__ import annotations

AZURE_REGISTRIES = ".azurecr.io"


def is_azure(reference: str) -> bool:
    """Whether the image is in one of local Azure's own registries: it is here or nowhere, and the
    real registry of that name, if there is one, is someone else's."""
    return server_of(reference).endswith(AZURE_REGISTRIES)


def with_tag(reference: str) -> str:
    """The reference with ":latest" if it has neither tag nor digest, as Docker reads it."""
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"


def server_of(reference: str) -> str:
    """The registry's host name, lower case; "docker.io" if the reference names none."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first.lower()
    return "docker.io"
