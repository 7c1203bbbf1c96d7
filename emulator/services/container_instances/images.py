"""Which image a container runs, and whether its group may have it.

An image of {registry}.azurecr.io must be in that registry and the group must have credentials for
it; any other is one that this machine has, or that its engine can pull.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from emulator.containers.references import is_azure, server_of, with_tag
from emulator.containers.runtime import (
    ContainerRuntime,
    ContainerRuntimeError,
    Image,
    ImageNotFound,
)
from emulator.services.container_instances.container_spec import inaccessible_image
from emulator.services.container_instances.group_spec import GroupSpec, PullCredential

Credentials = Sequence[PullCredential]
# A pull that takes longer than this (seconds) goes on after the request is answered.
PATIENCE = 5.0


class GroupImages:
    """`is_registry` says whether a login server exists, `may_pull` who may pull from it."""

    def __init__(
        self,
        runtime: ContainerRuntime,
        is_registry: Callable[[str], bool],
        may_pull: Callable[[str, str, str], bool],
    ) -> None:
        self.runtime = runtime
        self.is_registry = is_registry
        self.may_pull = may_pull
        self.pulls: dict[str, asyncio.Task[Image]] = {}

    async def check(self, group: str, spec: GroupSpec) -> None:
        """Raises ArmError 400 InaccessibleImage for the first image that is not to be had."""
        for field, containers in (("initContainers", spec.inits), ("containers", spec.containers)):
            for number, container in enumerate(containers):
                if problem := await self._problem(container.image, spec.credentials):
                    target = f"{field}[{number}].properties.image"
                    raise inaccessible_image(container.image, group, target, problem)

    async def get(self, image: str, credentials: Credentials) -> Image:
        """The image, once it is on this machine. Raises ImageNotFound."""
        reference = with_tag(image)
        if found := await self.runtime.image(reference):
            return found
        if is_azure(reference):
            raise ImageNotFound(f"There is no image {reference} in the registry.")
        return await asyncio.shield(self._pull(reference, credentials))

    async def _problem(self, image: str, credentials: Credentials) -> str:
        reference = with_tag(image)
        if is_azure(reference):
            return await self._problem_in_registry(reference, credentials)
        if await self.runtime.image(reference):
            return ""
        pull = self._pull(reference, credentials)
        await asyncio.wait({pull}, timeout=PATIENCE)
        if not pull.done():
            return ""
        error = pull.exception()
        if isinstance(error, (ImageNotFound, ContainerRuntimeError)):
            return str(error)
        if error:
            raise error
        return ""

    async def _problem_in_registry(self, reference: str, credentials: Credentials) -> str:
        server = server_of(reference)
        if not self.is_registry(server):
            return f"There is no container registry {server}."
        own = [one for one in credentials if one.host == server]
        if not own:
            return f"imageRegistryCredentials has none for {server}."
        if not any(self.may_pull(server, one.username, one.password) for one in own):
            return f"The registry {server} refuses the user name and password."
        if await self.runtime.image(reference) is None:
            return f"The registry {server} has no such repository or tag."
        return ""

    def _pull(self, reference: str, credentials: Credentials) -> asyncio.Task[Image]:
        if reference not in self.pulls:
            server = server_of(reference)
            own = next((one for one in credentials if one.host == server), None)
            user = (own.username, own.password) if own else None
            task = asyncio.create_task(self.runtime.pull(reference, user, lambda _: None))
            self.pulls[reference] = task
            task.add_done_callback(lambda _: self.pulls.pop(reference, None))
        return self.pulls[reference]
