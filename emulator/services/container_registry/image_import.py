"""An image that is imported from another registry.

https://learn.microsoft.com/rest/api/containerregistry/registries/import-image
https://learn.microsoft.com/azure/container-registry/container-registry-import-images
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.arm.errors import ArmError, bad_request, conflict, not_emulated
from emulator.arm.fields import Fields, refusing
from emulator.arm.ids import name_of
from emulator.containers.references import is_azure, with_tag
from emulator.containers.runtime import ContainerRuntime, ImageNotFound
from emulator.services.container_registry.image_names import read_image_name
from emulator.services.container_registry.paths import REGISTRY_TYPE, login_server

NO_FORCE, FORCE = "NoForce", "Force"


@dataclass(frozen=True)
class ImageImport:
    """`source` is a whole reference, `tags` are (repository, tag) in the registry that gets it.

    `credentials` are a user name and password for the source, None for one that is public.
    """

    source: str
    tags: tuple[tuple[str, str], ...]
    force: bool
    credentials: tuple[str, str] | None

    @classmethod
    def read(cls, body: Fields, server: str) -> ImageImport:
        """Raises ArmError naming the field at fault. `server` is the registry's that gets it."""
        body = Fields(body.value, body.path, refusing("InvalidParameters"))
        source = body.object("source", required=True)
        if body.texts("untaggedTargetRepositories"):
            raise not_emulated("'untaggedTargetRepositories' of an import")
        tags = [
            read_image_name(body, "targetTags", tag, server) for tag in body.texts("targetTags")
        ]
        if not tags:
            raise body.missing("targetTags")
        return cls(
            f"{_server_of(source, server)}/{source.required_text('sourceImage')}",
            tuple(tags),
            body.choice("mode", (NO_FORCE, FORCE), NO_FORCE) == FORCE,
            _credentials(source.object("credentials")),
        )

    def to_body(self) -> dict[str, Any]:
        """As a request has it, to be read again; not its password, which is not stored."""
        registry, _, image = self.source.partition("/")
        return {
            "source": {"registryUri": registry, "sourceImage": image},
            "targetTags": [f"{repository}:{tag}" for repository, tag in self.tags],
            "mode": FORCE if self.force else NO_FORCE,
        }


async def import_image(
    asked: ImageImport,
    server: str,
    runtime: ContainerRuntime,
    may_pull: Callable[[str, str, str], bool],
) -> None:
    """Pull what is asked for and tag it. Raises ArmError.

    `may_pull` says whether a user name and password open one of local Azure's own registries.
    """
    targets = [f"{server}/{repository}:{tag}" for repository, tag in asked.tags]
    if not asked.force:
        for target, (repository, tag) in zip(targets, asked.tags, strict=True):
            if await runtime.image(target):
                # In the words of https://github.com/Azure/azure-cli/pull/10938
                raise conflict(
                    f"Tag {repository}:{tag} already exists in target registry.", code="Conflict"
                )
    source = asked.source
    if is_azure(source) and asked.credentials:
        registry = source.partition("/")[0]
        if not may_pull(registry, *asked.credentials):
            raise ArmError(401, "Unauthorized", f"The credentials for {registry} are not valid.")
    try:
        image = await runtime.pull(with_tag(source), asked.credentials, _ignore)
    except ImageNotFound as error:
        raise bad_request(
            f"The source image {source} cannot be imported: {error}", code="InvalidParameters"
        ) from None
    for target in targets:
        await runtime.tag(image, target)


def _server_of(source: Fields, server: str) -> str:
    """The source's registry: given by its id, by its server, or the target itself."""
    resource_id, address = source.text("resourceId"), source.text("registryUri")
    if resource_id and address:
        raise source.error(
            "registryUri", "Name the source registry by 'resourceId' or by 'registryUri', not both."
        )
    if resource_id:
        if f"/{REGISTRY_TYPE}/".lower() not in resource_id.lower():
            raise source.wrong("resourceId", "the id of a container registry")
        return login_server(name_of(resource_id))
    return (address or server).removeprefix("https://").rstrip("/").lower()


def _credentials(given: Fields) -> tuple[str, str] | None:
    password = given.text("password")
    if password is None:
        return None
    return given.text("username", ""), password


def _ignore(line: str) -> None:
    """What a pull says on its way; an import has no log."""
