"""What the portal is told at its start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROXY_SECRET = "PORTAL_PROXY_SECRET"


@dataclass(frozen=True)
class Settings:
    """`folder`: one-time links and sessions, readable by this user alone.

    `live`: this is live Azure, and what is done costs money. `proxy_secret`: what Jupyter's proxy
    puts into a header of each request; whoever comes with it has been let in by Jupyter.
    `workspace`: the resource group and name of the environment's workspace, with a slash between.
    """

    folder: Path
    subscription: str
    live: bool = False
    proxy_secret: str = ""
    workspace: str = ""

    @classmethod
    def of(cls, folder: Path, live: bool, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the rest from the environment. Raises KeyError without AZURE_SUBSCRIPTION_ID."""
        subscription = environment["AZURE_SUBSCRIPTION_ID"]
        names = [
            environment.get(name, "") for name in ("AZURE_RESOURCE_GROUP", "AZUREML_WORKSPACE")
        ]
        workspace = "/".join(names) if all(names) else ""
        return cls(folder, subscription, live, environment.get(PROXY_SECRET, ""), workspace)

    @property
    def refresh(self) -> int:
        """Milliseconds between two looks at Azure, while a page is on the screen."""
        return 10_000 if self.live else 1_000
