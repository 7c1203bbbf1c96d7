"""The digit API's image, built in a container registry with ACR Tasks: no Docker is needed.

https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview
"""

import io
import re
import tarfile
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from azure.ai.ml.exceptions import MlException
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.containerregistry.models import Registry, RegistryProperties, Sku
from azure.mgmt.containerregistrytasks.models import (
    Argument,
    DockerBuildRequest,
    PlatformProperties,
    Run,
)
from azure.storage.blob import BlobClient

from scoring.azure_clients import MADE_BY, Azure
from scoring.script import Exit, ExitCode, ScriptError

SCORING = Path(__file__).parent
# Not sent to the registry: what Python leaves behind, and another model than the one asked for.
LEFT_OUT = ("__pycache__", "api/model")
BUILD_ENDS = ("Succeeded", "Failed", "Canceled", "Error", "Timeout")
# As Docker and as Podman write it.
STEP = re.compile(r"^STEP \d+/\d+ ?: .*$", re.IGNORECASE | re.MULTILINE)
LAST_LINES = 40  # of the log of a build that failed


class Failed(ExitCode):
    """What create_container can end with beyond Exit."""

    BUILD = 6, "the image cannot be built (its log is printed)"
    CONTAINER = 7, "the container failed (its log is printed)"
    PREDICTION = 8, "the prediction failed"


@dataclass(frozen=True)
class Image:
    """An image in a registry, and the registry's user for whoever fetches it."""

    server: str
    reference: str
    username: str
    password: str


def choose_weights(azure: Azure, name: str, version: str | None, path: Path | None) -> bytes:
    """Return the content of the model's .pt file: from `path`, or of the registered model."""
    with tempfile.TemporaryDirectory() as folder:
        if path is None:
            path = Path(folder)
            try:
                model = azure.models.models.get(name, version, label=None if version else "latest")
                azure.models.models.download(name, str(model.version), download_path=folder)
            except (ResourceNotFoundError, MlException) as error:
                which = f", version {version}," if version else ""
                raise ScriptError(
                    Exit.MODEL,
                    f"Model {name}{which} is not registered. Train it with "
                    "`python -m scoring.train` and name its file or folder with --model-path.",
                ) from error
        files = [path] if path.is_file() else sorted(path.rglob("*.pt"))
        if len(files) != 1:
            raise ScriptError(
                Exit.MODEL, f"Expected one .pt file at {path}, found {len(files)}: a PyTorch model."
            )
        return files[0].read_bytes()


def build_context(weights: bytes) -> bytes:
    """Return the folder `scoring` as a .tar.gz, with these weights where the Dockerfile wants them.

    What does not belong into the image is left out by .dockerignore, at the other end.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(SCORING, ".", filter=_wanted)
        member = tarfile.TarInfo("api/model/digits.pt")
        member.size = len(weights)
        member.mode = 0o644
        archive.addfile(member, io.BytesIO(weights))
    return packed.getvalue()


def _wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    left_out = any(f"/{name}/" in f"{member.name}/" for name in LEFT_OUT)
    member.uid = member.gid = 0  # who works on this machine is nobody's business
    member.uname = member.gname = ""
    return None if left_out else member


def create_registry(azure: Azure, name: str) -> None:
    """Create the registry unless it is there. Its admin user is how a container gets the image."""
    try:
        found = azure.registries.registries.get(azure.resource_group, name)
        if found.admin_user_enabled:
            print(f"Registry {name} exists.")
            return
        raise ScriptError(
            Failed.BUILD,
            f"Registry {name} has no admin user. Enable it with "
            f"`az acr update --name {name} --admin-enabled true`, or name another with --registry.",
        )
    except ResourceNotFoundError:
        registry = Registry(
            location=azure.location,
            sku=Sku(name="Basic"),
            properties=RegistryProperties(admin_user_enabled=True),
            tags=MADE_BY,
        )
        azure.registries.registries.begin_create(azure.resource_group, name, registry).result()
        print(f"Registry {name} created.")


def build_image(
    azure: Azure,
    registry: str,
    name: str,
    context: bytes,
    arguments: dict[str, str],
    dockerfile: str = "api/Dockerfile",
) -> Image:
    """Build the image in the registry, print the build's steps as they come, and return it.

    `context` is a .tar.gz, `dockerfile` a path in it.
    """
    place = azure.tasks.registries.get_build_source_upload_url(azure.resource_group, registry)
    assert place.upload_url
    BlobClient.from_blob_url(place.upload_url).upload_blob(context)
    run = azure.tasks.registries.schedule_run(
        azure.resource_group,
        registry,
        DockerBuildRequest(
            source_location=place.relative_path,
            docker_file_path=dockerfile,
            image_names=[name],
            is_push_enabled=True,
            platform=PlatformProperties(os="Linux"),
            arguments=[Argument(name=key, value=arguments[key]) for key in arguments],
        ),
    )
    print(f"Building {name}.")
    log = _follow(azure, registry, run)
    run = azure.tasks.runs.get(azure.resource_group, registry, str(run.run_id))
    if run.status != "Succeeded":
        status = getattr(run.status, "value", run.status)
        raise ScriptError(
            Failed.BUILD,
            f"The build ended as {status}. {run.run_error_message or ''}\n{_last(log)}",
        )
    found = azure.registries.registries.get(azure.resource_group, registry)
    admin = azure.registries.registries.list_credentials(azure.resource_group, registry)
    assert admin.passwords
    password = str(admin.passwords[0].value)
    reference = f"{found.login_server}/{name}"
    print(f"Image {reference} is built.")
    return Image(str(found.login_server), reference, str(admin.username), password)


def _follow(azure: Azure, registry: str, run: Run) -> str:
    """Print each step of the build's log until the run has ended, and return the whole log."""
    link = azure.tasks.runs.get_log_sas_url(azure.resource_group, registry, str(run.run_id))
    assert link.log_link
    blob = BlobClient.from_blob_url(link.log_link)
    shown, text = 0, ""
    while True:
        run = azure.tasks.runs.get(azure.resource_group, registry, str(run.run_id))
        ended = run.status in BUILD_ENDS
        with suppress(ResourceNotFoundError):  # a build that waits for its turn has no log yet
            text = blob.download_blob().readall().decode(errors="replace")
        steps = STEP.findall(text)
        for step in steps[shown:]:
            print(f"  {step.strip()[:90]}")
        shown = len(steps)
        if ended:
            return text
        time.sleep(1)


def _last(log: str) -> str:
    return "\n".join(log.splitlines()[-LAST_LINES:])
