"""The image of both containers, with both versions of the model in it."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from scoring.azure_clients import Azure
from scoring.container_image import Image, build_image, create_registry

HERE = Path(__file__).parent
FILES = ("Dockerfile", "requirements.txt", "main.py")
SETTINGS = ("BASE_IMAGE", "PIP_EXTRA_INDEX_URL")


def build(azure: Azure, registry: str, models: Path) -> Image:
    """Build wine:1 in the registry, which is made where it is missing. `models` has both."""
    create_registry(azure, registry)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in FILES:
            archive.add(HERE / name, name)
        archive.add(HERE.parent / "wine_model.py", "wine_model.py")
        for name in ("wine-1", "wine-2"):
            archive.add(models / name, name)
    arguments = {name: os.environ[name] for name in SETTINGS if name in os.environ}
    return build_image(
        azure, registry, "wine:1", packed.getvalue(), arguments, dockerfile="Dockerfile"
    )
