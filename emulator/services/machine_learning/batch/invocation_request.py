"""What an invocation of a batch endpoint asks for: read once from a body into a job.

https://learn.microsoft.com/azure/machine-learning/how-to-access-data-batch-endpoints-jobs
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from emulator.arm.errors import ArmError, not_emulated
from emulator.arm.fields import Fields
from emulator.services.machine_learning.assets import locate, resolve
from emulator.services.machine_learning.batch.deployment_spec import (
    INT32,
    BatchDeploymentSpec,
    read_output_file,
    read_retries,
)
from emulator.services.machine_learning.batch.job_spec import FILE, FOLDER, DataInput, ScoreOutput
from emulator.services.machine_learning.blobs import BlobStorage
from emulator.services.machine_learning.datastores import DEFAULT, resolve_uri
from emulator.services.machine_learning.errors import user_error
from emulator.store import Resource, Store

_DATA = re.compile(r".*/data/[^/]+/versions/[^/]+/?", re.IGNORECASE)
# A data asset as REST calls name it, by its region and workspace.
_ASSET = re.compile(
    r"azureml://locations/[^/]+/workspaces/[^/]+/data/(?P<name>[^/]+)/versions/"
    r"(?P<label>labels/)?(?P<version>[^/]+)/?",
    re.IGNORECASE,
)
# A datastore's id with a path in it, as Microsoft's pages write it for outputs.
_IN_DATASTORE = re.compile(r"/subscriptions/.+/datastores/(?P<name>[^/]+)/paths/(?P<path>.*)", re.I)
_KINDS = {"urifile": FILE, "urifolder": FOLDER}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")


@dataclass(frozen=True)
class Invocation:
    """`output` is None where the scores go to the workspace's own place."""

    deployment: BatchDeploymentSpec
    data: DataInput
    output: ScoreOutput | None
    display_name: str | None
    experiment: str | None


class InvocationReader:
    def __init__(self, store: Store, blobs: BlobStorage) -> None:
        self.store = store
        self.blobs = blobs

    def read(
        self, workspace: Resource, spec: BatchDeploymentSpec, properties: Fields
    ) -> Invocation:
        """Raises ArmError: 400 or 404 naming what is at fault, 501 for what is not emulated."""
        compute = properties.object("compute")
        count = compute.whole("instanceCount", spec.instance_count, least=1, most=INT32)
        properties.not_emulated(("dataset",), "the invocation of a batch endpoint")
        spec = replace(
            spec,
            instance_count=count,
            error_threshold=properties.whole(
                "errorThreshold", spec.error_threshold, least=-1, most=INT32
            ),
            mini_batch_size=properties.whole(
                "miniBatchSize", spec.mini_batch_size, least=1, most=INT32
            ),
            retries=read_retries(properties.object("retrySettings"), spec.retries),
            output_file=read_output_file(properties, spec.output_file),
        )
        output = self._output(workspace, properties, spec.output_file)
        if output:
            spec = replace(spec, output_file=output.file)
        name = properties.text("name") or None
        if name and not _NAME.fullmatch(name):
            raise properties.wrong("name", "up to 255 letters, digits, hyphens and underscores")
        return Invocation(
            spec,
            self._data(workspace, properties),
            output,
            name,
            properties.object("properties").text("experimentName") or None,
        )

    def _data(self, workspace: Resource, properties: Fields) -> DataInput:
        inputs = properties.object("inputData")
        names = inputs.names()
        if len(names) != 1:
            raise properties.error(
                "inputData",
                "A model deployment takes one input, a file or a folder; the request has "
                f"{len(names)}.",
            )
        given = inputs.object(names[0])
        kind = _kind(given, "jobInputType", "input")
        uri = given.required_text("uri")
        text = _plain(uri)
        if named := _ASSET.fullmatch(text):
            mark = "@" if named["label"] else ":"
            text = f"{named['name']}{mark}{named['version']}"
        if named or _DATA.fullmatch(text):
            asset = resolve(self.store, workspace.id, "data", text)
            return DataInput(names[0], kind, asset.properties["dataUri"], locate(asset))
        text, place = resolve_uri(self.store, workspace, _as_uri(text))
        try:
            self.blobs.account_key(place.account)
        except LookupError:
            raise not_emulated(
                f"the storage account '{place.account}', which is not in local Azure: upload the "
                "files, or give a folder of this machine"
            ) from None
        return DataInput(names[0], kind, text, place)

    def _output(self, workspace: Resource, properties: Fields, file: str) -> ScoreOutput | None:
        dataset, outputs = properties.object("outputDataset"), properties.object("outputData")
        names = outputs.names()
        if dataset.has("datastoreId"):
            store = dataset.required_text("datastoreId").rstrip("/").rsplit("/", 1)[-1]
            folder = (dataset.text("path") or "").strip("/")
            return self._placed(workspace, f"azureml://datastores/{store}/paths/{folder}", file)
        if not names:
            return None
        if len(names) > 1:
            raise properties.error(
                "outputData",
                f"A model deployment has one output, a file; the request has {len(names)}.",
            )
        given = outputs.object(names[0])
        if _kind(given, "jobOutputType", "output") != FILE:
            # https://github.com/MicrosoftDocs/azure-docs/issues/118447
            raise given.error(
                "jobOutputType",
                "The Job request provided has the following validation errors. Please resolve them "
                "and try again. Job output type must be 'uri_file'.",
            )
        uri = _as_uri(_plain(given.required_text("uri")))
        folder, _, name = uri.rpartition("/")
        if not name:
            raise given.wrong("uri", "the URI of a file")
        return self._placed(workspace, folder, name)

    def _placed(self, workspace: Resource, uri: str, file: str) -> ScoreOutput:
        uri, place = resolve_uri(self.store, workspace, uri)
        try:
            self.blobs.account_key(place.account)
        except LookupError:
            raise not_emulated(
                f"the storage account '{place.account}', which is not in local Azure"
            ) from None
        if not place.path:
            raise user_error(400, f"'{uri}' names no folder for the output.")
        return ScoreOutput(uri.rstrip("/") + "/", place, file)


def default_output(store: Store, workspace: Resource, step: str, file: str) -> ScoreOutput:
    """The place that scores go to where the invocation says nothing."""
    uri = f"azureml://datastores/{DEFAULT}/paths/azureml/{step}/score"
    uri, place = resolve_uri(store, workspace, uri)
    return ScoreOutput(uri + "/", place, file)


def _kind(given: Fields, name: str, what: str) -> str:
    """UriFile or UriFolder, in whichever spelling. Raises ArmError 400."""
    kind = given.required_text(name)
    found = _KINDS.get(kind.replace("_", "").lower())
    if found is None:
        raise _unsupported(given, name, kind, what)
    return found


def _unsupported(given: Fields, name: str, kind: str, what: str) -> ArmError:
    # https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-batch-endpoints#limitations-and-unsupported-scenarios
    return given.error(
        name,
        f"The {what} type '{kind[:40]}' is not supported by a model deployment: {FILE} and "
        f"{FOLDER} are.",
    )


def _plain(uri: str) -> str:
    """Without the "azureml:" that may stand before an id."""
    return uri if uri.startswith("azureml://") else uri.removeprefix("azureml:")


def _as_uri(text: str) -> str:
    """azureml://datastores/... for a datastore's id with a path in it; anything else as it is."""
    if match := _IN_DATASTORE.fullmatch(text):
        return f"azureml://datastores/{match['name']}/paths/{match['path']}"
    return text
