"""Which image a container runs, and whether the app may have it.

An image of {registry}.azurecr.io must be in that registry, and the app must have credentials for
it; any other is one that this machine has, or that its engine can pull.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from emulator.arm.errors import ArmError
from emulator.containers.references import is_azure, server_of, with_tag
from emulator.containers.runtime import (
    ContainerRuntime,
    ContainerRuntimeError,
    Image,
    ImageNotFound,
)
from emulator.services.container_apps.errors import invalid


class AppImages:
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

    async def fetch(
        self, images: Iterable[tuple[str, str]], users: Mapping[str, tuple[str, str]]
    ) -> dict[str, Image]:
        """Every image of an app or a job, by the name it has there. Raises ArmError 400 naming it.

        `images` are the names of containers and their images, `users` registries' servers with a
        user name and a password.
        """
        found: dict[str, Image] = {}
        for container, given in images:
            reference = with_tag(given)
            user = users.get(server_of(reference))
            try:
                self._check(reference, user)
                found[given] = await self.runtime.pull(reference, user, lambda _: None)
            except (ImageNotFound, ContainerRuntimeError) as error:
                raise self._not_found(container, given, reference, error) from None
        return found

    def _check(self, reference: str, user: tuple[str, str] | None) -> None:
        if not is_azure(reference):
            return
        server = server_of(reference)
        if not self.is_registry(server):
            raise ImageNotFound(f"lookup {server}: no such host: there is no such registry")
        if user is None:
            raise ImageNotFound(
                "UNAUTHORIZED: authentication required: configuration.registries has no "
                f"credentials for {server}"
            )
        if not self.may_pull(server, *user):
            raise ImageNotFound(
                f"UNAUTHORIZED: authentication required: the registry {server} refuses the user "
                f"name and password of '{user[0]}'"
            )

    def _not_found(self, container: str, given: str, reference: str, error: Exception) -> ArmError:
        reason = str(error)
        if isinstance(error, ImageNotFound) and not reason.startswith(("UNAUTHORIZED", "lookup")):
            tag = reference.rpartition(":")[2]
            reason = (
                f'MANIFEST_UNKNOWN: manifest tagged by "{tag}" is not found; map[Tag:{tag}]: '
                + reason
            )
        return invalid(
            f"properties.template.containers.{container}.image",
            f'Invalid value: "{given}": GET https:: {reason}',
        )
