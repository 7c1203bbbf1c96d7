"""What a kernel leaves unsaid, so that a cell shows its own output and nothing else.

Every item is chatter at import that no setting of the library itself turns off for a notebook. What
the learner has set in the environment stays.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from contextlib import suppress

from ipykernel.iostream import PIPE_BUFFER_SIZE, OutStream
from ipykernel.kernelapp import IPKernelApp

ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3"}
# azure-ai-ml sends telemetry from notebooks; from local Azure nothing leaves this machine. Its
# records then have no handler, and Python would print each failed call a second time.
LOCAL_ENVIRONMENT = {
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_TRACES_EXPORTER": "none",
}
TELEMETRY_LOGGER = "azure.ai.ml._telemetry"
LOGGERS = (
    # "This is an experimental class", of classes that Azure's own documentation teaches
    "azure.ai.ml._utils._experimental",
    # "Check: endpoint digits-x exists", at every deployment
    "azure.ai.ml.operations._online_deployment_operations",
    # "Downloading artifact azureml://... to ...", at every download of a job's output or logs
    "azure.ai.ml.operations._job_operations",
    # "Attempting to instrument while already instrumented", when a second MLClient is made
    "opentelemetry.instrumentation.instrumentor",
)
# The bar that azure-ai-ml draws while it uploads a folder, each state in one call of write()
UPLOAD_BAR = re.compile(r"\r?(\x1b\[\d+m)*Uploading .*\[\d+:\d\d")
COLOUR = re.compile(r"\x1b\[\d+m")
# TensorFlow's remarks on the CPU and on missing CUDA, written before it reads its log level
REMARK = re.compile(
    r"WARNING: All log messages before absl::InitializeLog\(\) .*"
    r"|[IWE]0000 00:00:\d+\.\d+ +\d+ \w+\.cc:\d+\] .*"
    r"|To enable the following instructions: .*"
)
# The application's own remarks, none of which asks the reader to do anything
APP_REMARKS = (
    # its sockets are on this machine's own loopback
    "without encryption",
    # Jupyter interrupts each kernel before it asks it to end, also one that does nothing
    "KeyboardInterrupt caught in kernel",
)


class QuietStream(OutStream):
    """A kernel's stdout and stderr, C libraries' included, without those remarks.

    An upload bar goes to stdout: the SDK writes it to stderr, which JupyterLab shows on red. With
    it goes what the SDK writes after it, blank lines and a change of colour.
    """

    after_upload = False

    def write(self, string: str) -> int:
        blank = not COLOUR.sub("", string).strip()
        self.after_upload = bool(UPLOAD_BAR.match(string)) or (self.after_upload and blank)
        if self.after_upload:
            self.write_upload(string)
        else:
            super().write(without_remarks(string))
        return len(string)

    def write_upload(self, string: str) -> None:
        """Write a state of an upload bar, or what follows it."""
        if self.name == "stderr":
            sys.stdout.write(string)
        else:
            super().write(string)

    def _watch_pipe_fd(self) -> None:
        """Pass on what C libraries and other processes write, as ipykernel's own does.

        The terminal in which Jupyter was started gets it too, and gets no remarks either.
        """
        assert self._fid is not None
        with suppress(OSError):  # the kernel ends
            while (read := os.read(self._fid, PIPE_BUFFER_SIZE)) and self._should_watch:
                text = read.decode(errors="replace")
                self.write(text)
                kept = without_remarks(text)
                os.write(self._original_stdstream_copy, read if kept == text else kept.encode())


class LocalStream(QuietStream):
    """Leaves out upload bars: on this machine an upload is over at once."""

    def write_upload(self, string: str) -> None:
        pass


def without_remarks(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not REMARK.match(line))


def hush(app: IPKernelApp, local: bool) -> None:
    """Set the kernel up to be quiet; to be called before `app` is initialised."""
    for name, value in (ENVIRONMENT | (LOCAL_ENVIRONMENT if local else {})).items():
        os.environ.setdefault(name, value)
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.ERROR)
    logging.getLogger(TELEMETRY_LOGGER).addHandler(logging.NullHandler())
    stream = LocalStream if local else QuietStream
    app.outstream_class = f"{__name__}.{stream.__name__}"
    app.log.addFilter(
        lambda record: not any(remark in record.getMessage() for remark in APP_REMARKS)
    )
