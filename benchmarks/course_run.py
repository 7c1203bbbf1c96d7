"""`course run`, against what its lessons cannot do without: kernels, imports and training."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel

from benchmarks.figures import Figure
from benchmarks.processes import ROOT, environment, local_azure, scratch
from course import kernels, lessons
from course.places import LOCAL
from emulator.home import Home

KERNEL_TIMEOUT = 600  # seconds
TRAINING = """
from scoring.train import load_digits_split, train
split = load_digits_split()
for framework in ("pytorch", "keras"):
    train(framework, split)
"""


def measure(samples: int) -> Figure:
    figure = Figure(
        "course run",
        measures="every lesson with `course run` on a local Azure of its own",
        against="the lessons' kernels started, their imports and the training, one after the other",
        unit="s",
        aim=2,
        better="lower",
    )
    notebooks = lessons.choose([], lessons.NOTEBOOKS, ".ipynb")
    kernels.install()
    for _ in range(samples):
        with scratch() as folder:
            ours = run_course(folder)
            with local_azure(Home(folder / "peer")):
                needed = {lesson.stem: run_needed(lesson) for lesson in notebooks}
            figure.add(ours, sum(needed.values()))
            figure.details["peer, last sample"] = {
                name: round(seconds, 2) for name, seconds in needed.items()
            }
    return figure


def run_course(folder: Path) -> float:
    command = [sys.executable, "-m", "course", "run", "--output", str(folder / "output")]
    with environment({"AZURE_LOCAL_HOME": str(folder / "azure")}):
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


def run_needed(lesson: Path) -> float:
    """Seconds for a kernel, the lesson's imports, and in the first lesson the training."""
    code = imports(lesson) + (TRAINING if lesson.name.startswith("00") else "")
    began = time.perf_counter()
    manager, client = start_new_kernel(
        kernel_name=LOCAL, cwd=str(lesson.parent), stderr=subprocess.DEVNULL
    )
    try:
        reply = client.execute_interactive(
            code, timeout=KERNEL_TIMEOUT, output_hook=lambda _message: None
        )
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"{lesson.stem}: {reply['content']['evalue']}")
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    return time.perf_counter() - began


def imports(lesson: Path) -> str:
    """The import statements of a lesson. What lies in a folder that a cell adds is left out."""
    lines = []
    notebook = nbformat.read(lesson, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        # A line such as %matplotlib is IPython's, not Python's.
        source = "\n".join(line for line in cell.source.split("\n") if line[:1] not in "%!")
        for statement in ast.parse(source).body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                lines += [
                    "try:",
                    f"    {ast.unparse(statement)}",
                    "except ImportError:",
                    "    pass",
                ]
    return "\n".join(lines) + "\n"
