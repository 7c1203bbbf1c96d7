"""The program that scores mini-batches, run by the deployment's own Python: one worker of a node.

    driver.py SETTINGS

SETTINGS is a JSON object: {"script": its path, "root": the folder of the code, "level", "stdout",
"stderr": files for what is printed, "append": whether results are written}.

Requests, a JSON object a line on standard input:
    {"id": n, "files": [path, ...], "result": path}
Answers, the same on standard output:
    {"ready": true}                                  init() has returned
    {"error": text, "traceback": text}               the script cannot be loaded, or init() raised
    {"id": n, "items": n, "seconds": s}              run() has returned so many items
    {"id": n, "error": text, "traceback": text}      run() raised, or returned something else

Python 3.8 or later, standard library only: nothing of ours may be importable where a deployment's
code runs. It runs under a guard (processes/guard.py), which ends what is left of it.

https://learn.microsoft.com/azure/machine-learning/how-to-batch-scoring-script
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
import traceback
from typing import Any

# What the script finds in sys.argv[0], as on Azure.
PROGRAM = "driver/amlbi_main.py"
# https://github.com/microsoft/MLOpsPython/issues/328
NOT_A_RESULT = (
    "The run() method in the entry script should return a list or a pandas DataFrame. The length "
    "of returned result is considered as succeeded number of items. For "
    "--output_action=append_row, the returned result is what to write into the result file. The "
    "actual type of output is {}."
)


class Channel:
    """Requests and answers, on descriptors of their own: what the script prints is no answer."""

    def __init__(self, stdout: str, stderr: str) -> None:
        self.requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
        self.answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        for descriptor, file in ((1, stdout), (2, stderr)):
            log = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.dup2(log, descriptor)
            os.close(log)

    def answer(self, message: dict[str, Any]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self.answers.write(json.dumps(message) + "\n")
        self.answers.flush()


def load(path: str) -> Any:
    """Import the script. Raises what it raises."""
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python script")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, "run", None)):
        raise AttributeError(f"the entry script {path} has no function run()")
    return module


def count(result: Any) -> int:
    """How many items run() has returned. Raises TypeError for what is no list."""
    kind = type(result)
    package = kind.__module__.partition(".")[0]
    if isinstance(result, (list, tuple)) or package in ("numpy", "pandas"):
        return len(result)
    raise TypeError(NOT_A_RESULT.format(kind.__name__))


def write(result: Any, path: str) -> None:
    """A row an item: a DataFrame's columns with a space between, without their names."""
    if type(result).__name__ == "DataFrame":
        result.to_csv(path, sep=" ", header=False, index=False)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{item}\n" for item in result)


def failure(error: BaseException) -> dict[str, Any]:
    return {
        "error": f"{type(error).__name__}: {error}",
        "traceback": traceback.format_exc(),
    }


def score(module: Any, request: dict[str, Any], append: bool) -> dict[str, Any]:
    started = time.monotonic()
    try:
        result = module.run(list(request["files"]))
        items = count(result)
        if append:
            write(result, request["result"])
    except (Exception, SystemExit) as error:
        return {"id": request["id"], **failure(error)}
    return {"id": request["id"], "items": items, "seconds": time.monotonic() - started}


def start(path: str) -> Any:
    module = load(path)
    init: Any = getattr(module, "init", None)
    if callable(init):
        init()
    return module


def main() -> None:
    settings: dict[str, Any] = json.loads(sys.argv[1])
    channel = Channel(settings["stdout"], settings["stderr"])
    here = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    folders = dict.fromkeys((os.path.dirname(settings["script"]), settings["root"]))
    sys.path[:] = [*folders, *others]
    sys.argv = [PROGRAM, "--logging_level", settings["level"]]
    try:
        module = start(settings["script"])
    except (Exception, SystemExit) as error:
        channel.answer(failure(error))
        return
    channel.answer({"ready": True})
    for line in channel.requests:
        channel.answer(score(module, json.loads(line), settings["append"]))


if __name__ == "__main__":
    main()
