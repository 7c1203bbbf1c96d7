"""The folder of one deployment on disk: model and code from blob storage, and its logs.

As the inference container on Azure has it below /var/azureml-app:

    azureml-models/{model}/{version}/   what AZUREML_MODEL_DIR names
    azureml-code/{code}/{version}/      the code folder, with the scoring script
    build-contexts/                     the files of an environment's Dockerfile
    mlflow_resources/                   the scoring script of an MLflow model that has none itself
    storage-initializer.log             what was downloaded
    image-build.log                     how the environment was built
    inference-server.{n}.log            what instance n printed

https://learn.microsoft.com/azure/machine-learning/concept-online-deployment-model-specification
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from contextlib import suppress
from pathlib import Path

from emulator.arm.errors import bad_request
from emulator.arm.ids import name_of, now, parent_of
from emulator.inference_servers.starting import MLFLOW_SCRIPT
from emulator.services.machine_learning.assets import created_at, locate
from emulator.services.machine_learning.blobs import BlobStorage
from emulator.store import Resource

MODELS, CODE = "azureml-models", "azureml-code"


class DeploymentFolder:
    """The folder of one deployment; the same for an id in whatever case."""

    def __init__(self, root: Path, deployment_id: str) -> None:
        key = deployment_id.lower()
        # The hash tells equal names of two endpoints apart.
        name = f"{name_of(key)}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        self.path = root / name
        self.build_log = self.path / "image-build.log"
        self.download_log = self.path / "storage-initializer.log"

    def server_log(self, instance: int) -> Path:
        return self.path / f"inference-server.{instance}.log"

    def newest_server_log(self) -> Path | None:
        logs = sorted(
            self.path.glob("inference-server.*.log"), key=lambda file: file.stat().st_mtime
        )
        return logs[-1] if logs else None

    async def make(self) -> None:
        await asyncio.to_thread(self.path.mkdir, parents=True, exist_ok=True)

    async def delete(self) -> None:
        await asyncio.to_thread(shutil.rmtree, self.path, ignore_errors=True)

    def note(self, line: str) -> None:
        """Add a line to the log of what was downloaded."""
        with self.download_log.open("a") as log:
            log.write(f"{now()} {line}\n")

    async def download_model(self, blobs: BlobStorage, model: Resource) -> Path:
        """Download the model. Returns what AZUREML_MODEL_DIR names. Raises ArmError 400."""
        target = self.path / MODELS / name_of(parent_of(model.id)) / model.name
        # A registered folder keeps its name below AZUREML_MODEL_DIR; a file stands there itself.
        await self._download(blobs, model, target, keep_folder=True)
        return target

    async def download_code(self, blobs: BlobStorage, code: Resource) -> Path:
        """Download the code. Returns its folder. Raises ArmError 400."""
        target = self.path / CODE / name_of(parent_of(code.id)) / code.name
        await self._download(blobs, code, target, keep_folder=False)
        return target

    async def download_context(self, blobs: BlobStorage, environment: Resource) -> Path:
        """Download an environment's build context. Returns its folder. Raises ArmError 400."""
        version = f"{name_of(parent_of(environment.id))}-{environment.name}"
        target = self.path / "build-contexts" / version
        await self._download(blobs, environment, target, keep_folder=False)
        return target

    async def put_mlflow_script(self) -> Path:
        """Put the scoring script of MLflow models there. Returns its folder."""
        return await self.put_script(MLFLOW_SCRIPT)

    async def put_script(self, script: Path) -> Path:
        """Put a scoring script of local Azure's there. Returns its folder."""
        target = self.path / "mlflow_resources"
        await asyncio.to_thread(target.mkdir, exist_ok=True)
        await asyncio.to_thread(shutil.copyfile, script, target / script.name)
        return target

    async def _download(
        self, blobs: BlobStorage, asset: Resource, target: Path, *, keep_folder: bool
    ) -> None:
        """Complete or not at all. An asset never changes, so what is there of it is right, unless
        it was deleted and another one registered under its name: no instance has that one then, as
        what is in use is not deleted."""
        what = "/".join(asset.id.split("/")[-4:])
        made = target.with_name(f"{target.name}~created")  # which asset it was
        if target.is_dir() and made.is_file() and made.read_text() == created_at(asset):
            self.note(f"{what} is here already")
            return
        await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
        place = locate(asset)
        temporary = target.with_name(f"{target.name}~part")
        await asyncio.to_thread(shutil.rmtree, temporary, ignore_errors=True)
        self.note(f"Downloading {what} from {place.container}/{place.path}")
        last = place.path.rstrip("/").rsplit("/", 1)[-1]
        is_file = blobs.is_blob(place.account, place.container, place.path)
        inside = temporary / last if keep_folder and not is_file else temporary
        try:
            count = await blobs.materialize(
                place.account, place.container, place.path.rstrip("/"), inside
            )
        except (LookupError, OSError) as error:
            raise bad_request(f"{what} cannot be downloaded: {error}.") from None
        made.write_text(created_at(asset))
        temporary.rename(target)
        self.note(f"Downloaded {count} {'file' if count == 1 else 'files'} of {what}")


def mlflow_variables(model: Resource) -> dict[str, str]:
    """The environment variables by which the scoring script of MLflow models finds the model."""
    folder = locate(model).path.rstrip("/").rpartition("/")[2]
    # MLflow 3 would tell its makers of each use.
    return {"MLFLOW_MODEL_FOLDER": folder, "MLFLOW_DISABLE_TELEMETRY": "true"}


def script_in(code_dir: Path, script: str) -> str:
    """The scoring script's path relative to the code folder, as it was given.

    Raises ArmError 400 when it is not there.
    """
    path = code_dir / script
    with suppress(OSError, ValueError):
        if not path.resolve().is_relative_to(code_dir.resolve()):
            raise bad_request(f"'{script}' leads out of the code folder.", target="scoringScript")
        if path.is_file():
            return script
    raise bad_request(
        f"The scoring script '{script}' is not in the code folder, which holds "
        f"{', '.join(sorted(path.name for path in code_dir.iterdir())) or 'nothing'}.",
        target="codeConfiguration.scoringScript",
    )
