"""Stand-ins among the images of a runtime: made when they are asked for, as if they were pulled."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from emulator.containers.process.build import NoBase
from emulator.containers.process.images import ROOT, ProcessImages, Stored
from emulator.containers.process.stand_ins.catalogue import StandIn, find, known
from emulator.containers.references import is_azure, with_tag
from emulator.containers.runtime import ImageNotFound, Log
from emulator.processes.tasks import to_the_end
from emulator.python_environments.environments import BuildError, PythonEnvironments


class StandInImages:
    """They are made anew after a start, so that they are as this version of local Azure has them:
    `is_old` says that one was not made since."""

    def __init__(self, images: ProcessImages, environments: PythonEnvironments) -> None:
        self.images = images
        self.environments = environments
        self.made: set[str] = set()

    def is_old(self, stored: Stored, reference: str) -> bool:
        # One under its own name; what was built on it, or imported, is nobody's but the user's.
        stands_in = with_tag(stored.config.base) == with_tag(reference)
        return stands_in and with_tag(reference) not in self.made

    async def make(self, reference: str, log: Log) -> Stored:
        """Raises ImageNotFound for an image that has none."""
        try:
            stand_in = None if is_azure(reference) else find(reference)
        except NoBase as error:
            raise ImageNotFound(str(error)) from None
        if stand_in is None:
            raise ImageNotFound(
                f"The image {reference} was not built here, and without a container engine"
                " none is pulled. Build it, or start Docker or Podman. Stand-ins there are for"
                f" {', '.join(known())}."
            )
        python = Path(sys.executable)
        if stand_in.is_python:
            try:
                python = await self.environments.with_packages([], [], log)
            except BuildError as error:
                raise ImageNotFound(f"{reference}: {error}") from error
        making = asyncio.to_thread(self._make, stand_in, with_tag(reference), python)
        stored = await to_the_end(making)
        log(stored.config.stand_in)
        return stored

    def _make(self, stand_in: StandIn, reference: str, python: Path) -> Stored:
        folder = self.images.begin()
        try:
            config = stand_in.make(folder / ROOT, python)
            stored = self.images.finish(folder, config, [reference])
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.made.add(reference)
        return stored
