"""Cells run in a kernel, as a notebook's front end runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

Messages = Callable[[str], None]


@dataclass
class Output:
    """What a cell has shown: text, displays by MIME type, and the error as shown.

    `printed` is all text as it came, `streams` the same for stdout and stderr apart.
    """

    printed: str = ""
    streams: dict[str, str] = field(default_factory=lambda: {"stdout": "", "stderr": ""})
    displays: list[dict[str, str]] = field(default_factory=list)
    error: str = ""
    error_name: str = ""
    status: str = ""


@dataclass
class Kernel:
    """A kernel that runs."""

    manager: KernelManager
    client: BlockingKernelClient

    def run(self, source: str, on_print: Messages | None = None) -> Output:
        """Run a cell to its end; `on_print` gets all that it has printed, whenever it prints."""
        output = Output()

        def collect(message: dict[str, Any]) -> None:
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    output.printed += content["text"]
                    output.streams[content["name"]] += content["text"]
                    if on_print:
                        on_print(output.printed)
                case "display_data" | "execute_result":
                    output.displays.append(content["data"])
                case "error":
                    output.error = "\n".join(content["traceback"])
                    output.error_name = content["ename"]

        reply = self.client.execute_interactive(source, output_hook=collect, timeout=120)
        output.status = reply["content"]["status"]
        return output


@contextmanager
def started(name: str, folder: Path, **options: Any) -> Iterator[Kernel]:
    """A kernel in `folder`; `options` are those of its process, such as where its stderr goes."""
    manager, client = start_new_kernel(kernel_name=name, cwd=str(folder), **options)
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_cell(kernel: Kernel, source: str) -> tuple[str, str]:
    """(printed text, error as shown) of a cell."""
    output = kernel.run(source)
    return output.printed, output.error
