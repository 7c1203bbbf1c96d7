"""The images that an engine has: built, pulled, listed, untagged.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiodocker
from aiodocker.exceptions import DockerError

from emulator.containers.build_context import inside, write_tar
from emulator.containers.build_output import BuildOutput
from emulator.containers.dockerfile import DockerfileError, parse
from emulator.containers.references import is_azure, with_tag
from emulator.containers.runtime import Image, ImageNotFound, Log

# Podman's word for a layer of its cache that someone removed while the build looked at it.
UNDER_WAY = "layer not known"
IN_MEMORY = 16 * 2**20  # bytes of a build context above which it goes through a file
# "Step 3/6 : RUN pip install x" (Docker), "STEP 3/6: RUN pip install x" (Podman).
_STEP = re.compile(r"(?:\[\d+/\d+\] )?STEP \d+(?:/\d+)? ?: ?(.+)", re.IGNORECASE)
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class EngineImages:
    def __init__(self, docker: Callable[[], aiodocker.Docker]) -> None:
        self.docker = docker

    async def build(
        self,
        context: Path,
        dockerfile: str,
        tags: Sequence[str],
        build_args: Mapping[str, str],
        log: Log,
    ) -> Image:
        output = BuildOutput(log)
        try:
            instructions = parse(inside(context, dockerfile).read_text())
        except DockerfileError as error:
            raise output.failed(str(error)) from error
        except (OSError, ValueError) as error:
            raise output.failed(f"The Dockerfile {dockerfile} cannot be read: {error}.") from error
        try:
            try:
                await self._stream(context, dockerfile, tags[0], build_args, output.note)
            except DockerError as error:
                if UNDER_WAY not in error.message:
                    raise
                output.note(f"{error.message}: once more")
                await self._stream(context, dockerfile, tags[0], build_args, output.note)
        except DockerError as error:
            where = _line_of_last_step(
                output.lines, [(str(each), each.line) for each in instructions]
            )
            raise output.failed(where + error.message.strip()) from error
        for tag in tags[1:]:
            repository, _, name = tag.rpartition(":")
            await self.docker().images.tag(tags[0], repository, tag=name)
        image = await self.find(tags[0])
        if image is None:
            raise output.failed(f"The engine built {tags[0]} and does not have it.")
        return image

    async def _stream(
        self, context: Path, dockerfile: str, tag: str, build_args: Mapping[str, str], note: Log
    ) -> None:
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as archive:
            await asyncio.to_thread(write_tar, context, dockerfile, archive)
            archive.seek(0)
            async for item in self.docker().images.build(
                fileobj=archive,
                encoding="identity",
                path_dockerfile=dockerfile,
                tag=tag,
                buildargs=build_args,
                forcerm=True,
                stream=True,
            ):
                for line in _TERMINAL.sub("", item.get("stream", "")).splitlines():
                    if line.strip():
                        note(line.rstrip())

    async def find(self, reference: str) -> Image | None:
        try:
            shown = await self.docker().images.inspect(reference)
        except DockerError as error:
            if error.status == 404:
                return None
            raise
        return _image(reference, shown)

    async def of_registry(self, registry: str) -> list[Image]:
        found = []
        for each in await self.docker().images.list():
            for reference in each.get("RepoTags") or ():
                if reference.startswith(f"{registry}/"):
                    image = await self.find(reference)
                    if image:  # else it was removed in between
                        found.append(image)
        return sorted(found, key=lambda image: image.reference)

    async def tag(self, image: Image, reference: str) -> Image:
        repository, _, name = with_tag(reference).rpartition(":")
        await self.docker().images.tag(image.reference, repository, tag=name)
        return replace(image, reference=reference)

    async def remove(self, reference: str) -> None:
        """Only its tag, while other tags or containers need the image."""
        try:
            await self.docker().images.delete(reference)
        except DockerError as error:
            if error.status == 404:
                return
            # A container uses it. Its tag can still go.
            await self.docker().images.delete(reference, force=True)

    async def pull(self, reference: str, credentials: tuple[str, str] | None, log: Log) -> Image:
        if image := await self.find(reference):
            return image
        if is_azure(reference):
            registry = reference.partition("/")[0]
            raise ImageNotFound(
                f"The image {reference} is not in the registry {registry}. Build it there first."
            )
        auth = None
        if credentials:
            user, password = credentials
            auth = {"username": user, "password": password, "serveraddress": registry}
        try:
            async for item in self.docker().images.pull(reference, auth=auth, stream=True):
                # A pull that has begun is answered 200, and fails in the midst of it.
                if failure := item.get("error"):
                    raise ValueError(failure)
                if status := item.get("status") or item.get("stream"):
                    log(" ".join(filter(None, (item.get("id"), status.strip()))))
        except (DockerError, ValueError) as error:
            message = getattr(error, "message", str(error))
            raise ImageNotFound(f"The image {reference} cannot be pulled: {message}") from error
        image = await self.find(reference)
        if image is None:
            raise ImageNotFound(f"The image {reference} was pulled and is not here.")
        return image


def _image(reference: str, shown: Mapping[str, Any]) -> Image:
    """The digest is the registry's where the engine knows it, else that of the image's config."""
    repository = reference.rpartition(":")[0] if ":" in reference.rpartition("/")[2] else reference
    digest = str(shown["Id"])
    for each in shown.get("RepoDigests") or ():
        name, _, found = each.partition("@")
        if name == repository:
            digest = found
    created = datetime.fromtimestamp(0, UTC)
    with suppress(ValueError):
        created = datetime.fromisoformat(shown["Created"])
    exposed = (shown.get("Config") or {}).get("ExposedPorts") or {}
    ports = sorted(int(port.partition("/")[0]) for port in exposed if not port.endswith("/udp"))
    return Image(
        reference,
        digest if digest.startswith("sha256:") else f"sha256:{digest}",
        int(shown["Size"]),
        created,
        tuple(ports),
    )


def _line_of_last_step(log: list[str], instructions: list[tuple[str, int]]) -> str:
    """Where in the Dockerfile the build had got to; engines name the step and not the line."""
    steps = [match[1] for line in log if (match := _STEP.match(line))]
    if steps:
        last = " ".join(steps[-1].split())
        for text, line in instructions:
            if " ".join(text.split()) == last:
                return f"Dockerfile line {line}: {text}: "
    return ""
