"""The logs of the step that does a job's work, in the folders that Azure has them in.

https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-batch-endpoints#understand-log-structure
"""

from __future__ import annotations

from pathlib import Path

from emulator.arm.ids import now

README = """\
logs/job_progress_overview.txt              how many mini-batches are done, and how the job ended
logs/job_result.txt                         how the job ended, and why
logs/sys/master_role.txt                    what the job did, in order
logs/sys/node/<node>/<process>.txt          each mini-batch that a process picked up
logs/user/error.txt                         the errors of the scoring script, one a line
logs/user/error/<node>/<process>.txt        the same with their tracebacks
logs/user/stdout/<node>/<process>.stdout.txt, logs/user/stderr/<node>/<process>.stderr.txt
                                            what the scoring script printed
azureml-logs/20_image_build_log.txt         how the environment was built
user_logs/std_log_0.txt                     what the controller of the job printed
"""
START, END = (
    "Azure Machine Learning Batch Inference Start",
    "Azure Machine Learning Batch Inference End",
)
EXIT_CODE = 42  # of the controller of a job that failed


def node_name(node: int) -> str:
    return f"10.0.0.{4 + node}"


def process_name(worker: int) -> str:
    return f"process{worker:03d}"


class StepLogs:
    """`folder` is the run's own: what is below it becomes the run's artifacts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.build = folder / "azureml-logs" / "20_image_build_log.txt"
        self._logs = folder / "logs"

    def begin(self) -> None:
        for log in (self.build, self._logs / "readme.txt"):
            log.parent.mkdir(parents=True, exist_ok=True)
        (self._logs / "readme.txt").write_text(README)
        self._add(self.folder / "user_logs" / "std_log_0.txt", START)

    def stdout(self, node: int, worker: int) -> Path:
        name = f"{process_name(worker)}.stdout.txt"
        return self._logs / "user" / "stdout" / node_name(node) / name

    def stderr(self, node: int, worker: int) -> Path:
        name = f"{process_name(worker)}.stderr.txt"
        return self._logs / "user" / "stderr" / node_name(node) / name

    def note(self, line: str) -> None:
        self._add(self._logs / "sys" / "master_role.txt", f"{now()} {line}")

    def progress(self, line: str) -> None:
        self._add(self._logs / "job_progress_overview.txt", f"{now()} {line}")

    def picked(self, node: int, worker: int, line: str) -> None:
        """What became of a mini-batch that a process picked up."""
        file = self._logs / "sys" / "node" / node_name(node) / f"{process_name(worker)}.txt"
        self._add(file, f"{now()} {line}")

    def error(self, node: int, worker: int, reason: str, traceback: str) -> None:
        """An error of the scoring script."""
        who = f"{node_name(node)}/{process_name(worker)}"
        self._add(self._logs / "user" / "error.txt", f"{now()} {who} {reason}")
        file = self._logs / "user" / "error" / node_name(node) / f"{process_name(worker)}.txt"
        self._add(file, f"{now()} {traceback or reason}")

    def end(self, failure: str = "") -> None:
        """How the job ended: `failure` says why it failed, "" when it has not."""
        said = failure or "The job completed successfully."
        self.progress(said)
        self._add(self._logs / "job_result.txt", said)
        log = self.folder / "user_logs" / "std_log_0.txt"
        if failure:
            self._add(log, failure)
        self._add(log, END)
        if failure:
            self._add(log, f"SystemExit: {EXIT_CODE}")

    def _add(self, file: Path, line: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as log:
            log.write(line.rstrip("\n") + "\n")
