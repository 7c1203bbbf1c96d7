"""The program that becomes azureml-inference-server-http, run by the deployment's own Python.

    launcher.py start LISTENER ENTRY_SCRIPT    becomes one server (LISTENER: fd or port)
    launcher.py serve MODULE...                loads the modules once, then forks servers

Python 3.8 or later, standard library only: nothing of ours may be importable where a deployment's
code runs. It runs under a guard (processes/guard.py), which ends what is left of it.

It is the unmodified server: `azureml_inference_server_http.amlserver.run`, which is what the
command `azmlinfsrv` calls. That has no option for the address it listens on and takes every
interface, so its constant is set to loopback, and gunicorn is handed a socket that listens there
already, as systemd does (https://docs.gunicorn.org/en/stable/deploy.html#systemd). No other
process can take the port in between, and a client that connects early waits to be answered.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import logging
import logging.config
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

LOOPBACK = "127.0.0.1"
BACKLOG = 2048  # gunicorn's own
ACTIVATED = 3  # the first descriptor of sd_listen_fds(3)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

# What the server imports, but for what must be imported where and when the server runs:
# `azureml_inference_server_http.server` reads its configuration then, and gunicorn its folder.
SERVER_MODULES = (
    "azureml_inference_server_http.amlserver",
    "azureml_inference_server_http.api.aml_request",
    "azureml_inference_server_http.api.aml_response",
    "flask",
    "flask_cors",
    "inference_schema.schema_util",
    "pydantic_settings",
    "opentelemetry.sdk.trace.export",
    "opentelemetry.sdk._logs.export",
    "azure.monitor.opentelemetry.exporter",
)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends. Linux; elsewhere nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every process below this one that loses its own. Linux alone.

    https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
    """
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def close_inherited(kept: int) -> None:
    """Close what the emulator's open files have left here but `kept`, and input and output."""
    if os.name != "posix":
        return
    for descriptor in map(int, os.listdir("/dev/fd")):
        if descriptor > 2 and descriptor != kept:
            with suppress(OSError):  # the listing's own
                os.close(descriptor)


def become(entry_script: str, listener: int, port: int) -> NoReturn:
    """Be the inference server. `listener` is a listening socket, or -1 to listen on `port`."""
    master = os.getpid()

    def in_worker() -> None:
        # Only gunicorn's workers, not what the deployment's own code may fork.
        if os.getppid() == master:
            die_with(master)
            reseed()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=in_worker)
    if listener >= 0:
        os.dup2(listener, ACTIVATED)
        if listener != ACTIVATED:
            os.close(listener)
        os.environ["LISTEN_PID"] = str(master)
        os.environ["LISTEN_FDS"] = "1"
    if importlib.util.find_spec("azureml_inference_server_http") is None:
        no_server()
    without_control_socket()
    with suppress(ImportError):  # Windows has waitress instead of gunicorn
        beside("peer").answer_owner_only()
    amlserver: Any = importlib.import_module("azureml_inference_server_http.amlserver")
    amlserver.DEFAULT_HOST = LOOPBACK
    sys.argv = ["azmlinfsrv", "--entry_script", entry_script, "--port", str(port)]
    amlserver.run()
    sys.exit(0)


def no_server() -> NoReturn:
    """End as Azure's container does where the environment has no server. Its words are in
    https://github.com/Azure/azureml-examples/issues/2760 and .../issues/3444.
    """
    print("WARNING: Package(s) not found: azureml-inference-server-http", file=sys.stderr)
    print("A required package azureml-inference-server-http is missing.", file=sys.stderr)
    sys.exit(1)


def beside(name: str) -> Any:
    """A module of this folder, under no name by which the deployment's code could import it."""
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"azure_local_{name}", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_control_socket() -> None:
    """Newer gunicorns put a control socket into the user's home, one for all servers."""
    try:
        config = importlib.import_module("gunicorn.config")
    except ImportError:  # Windows has waitress instead
        return
    if "control_socket_disable" in config.make_settings():
        before = os.environ.get("GUNICORN_CMD_ARGS", "")
        os.environ["GUNICORN_CMD_ARGS"] = ("--no-control-socket " + before).strip()


def reseed() -> None:
    """Give this process random numbers of its own, as one that imported numpy itself has.

    `random` does this by itself after a fork, `secrets` asks the kernel, and torch starts every
    process with the same default seed.
    """
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def keep_loggers() -> None:
    """Leave preloaded libraries' loggers alone when the server configures logging.

    In a plain start they do not exist yet at that time; a logging configuration disables all
    that do.
    """
    known = logging.root.manager.loggerDict.values()
    loggers = [each for each in known if isinstance(each, logging.Logger) and not each.disabled]
    configure = logging.config.dictConfig

    def dict_config(config: Any) -> None:
        configure(config)
        for logger in loggers:
            logger.disabled = False

    logging.config.dictConfig = dict_config


@contextmanager
def looked_up() -> Iterator[set[str]]:
    """The names of the environment variables that Python code looks at meanwhile."""
    names: set[str] = set()
    kind: Any = type(os.environ)
    get = kind.__getitem__

    def noting(environment: Any, name: Any) -> Any:
        if isinstance(name, str):
            names.add(name)
        return get(environment, name)

    kind.__getitem__ = noting
    try:
        yield names
    finally:
        kind.__getitem__ = get


class Forker:
    """Loads the modules, then forks a server for each request until its requests end.

    Requests, a JSON object a line on standard input:
        {"name", "app_root", "entry_script", "log_file", "variables": {...}}
    Answers and news, the same on standard output:
        {"variables": [...]}                      once, when all is loaded: the environment
                                                  variables that the modules looked at
        {"name", "pid", "port"}                   a server was forked; the name is the request's
        {"exited": pid, "code": n}                it ended; n as of os.waitstatus_to_exitcode
    """

    def __init__(self) -> None:
        # Taken first, so that a child can put its listening socket there without losing another.
        os.dup2(os.open(os.devnull, os.O_RDONLY), ACTIVATED)
        self.requests = os.dup(0)
        self.answers = os.dup(1)
        os.dup2(ACTIVATED, 0)
        os.dup2(2, 1)  # what a module prints while it is imported is no answer
        self.pid = os.getpid()
        self.forked: set[int] = set()
        adopt_orphans()

    def load(self, modules: list[str]) -> None:
        before = dict(os.environ)
        with looked_up() as self.variables:
            for name in (*SERVER_MODULES, *modules):
                try:
                    importlib.import_module(name)
                except Exception as error:
                    # The server itself will meet the error, and its own log is the place for it.
                    print(f"{name} is not preloaded: {error!r}", file=sys.stderr)
        self.set_by_modules = {
            name: value for name, value in os.environ.items() if before.get(name) != value
        }
        gc.collect()
        gc.freeze()  # so that a collection in a child does not copy every page

    def serve(self) -> None:
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_write)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.requests, selectors.EVENT_READ)
        self.selector.register(self.wake_read, selectors.EVENT_READ)
        self.answer({"variables": sorted(self.variables)})
        buffer = b""
        while True:
            for key, _ in self.selector.select():
                if key.fd == self.wake_read:
                    self.reap()
                    continue
                data = os.read(self.requests, 65536)
                if not data:
                    os._exit(0)  # the emulator is gone or wants no more; die_with does the rest
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    self.fork(json.loads(line))

    def answer(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self.answers, data) :]

    def reap(self) -> None:
        while os.read(self.wake_read, 4096) == b"\0" * 4096:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.end_orphans()
            if pid not in self.forked:
                continue
            self.forked.discard(pid)
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            self.answer({"exited": pid, "code": code})

    def end_orphans(self) -> None:
        """Kill what servers that have ended left behind: a living server adopts its own."""
        with suppress(OSError), open(f"/proc/self/task/{self.pid}/children") as file:
            for child in map(int, file.read().split()):
                if child not in self.forked:
                    os.kill(child, signal.SIGKILL)

    def fork(self, request: dict[str, Any]) -> None:
        listener = socket.create_server((LOOPBACK, 0), backlog=BACKLOG)
        port = listener.getsockname()[1]
        led_read, led_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(led_read)
            self.child(request, listener.detach(), port, led_write)
        self.forked.add(pid)
        listener.close()
        os.close(led_write)
        os.read(led_read, 1)  # until it leads its process group, by which it can be ended
        os.close(led_read)
        self.answer({"name": request["name"], "pid": pid, "port": port})

    def child(self, request: dict[str, Any], listener: int, port: int, led: int) -> NoReturn:
        """What the system does for a program that it starts, done by hand."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.selector.close()
        for descriptor in (self.requests, self.answers, self.wake_read, self.wake_write):
            os.close(descriptor)
        os.setsid()
        os.close(led)
        die_with(self.pid)
        adopt_orphans()
        log = os.open(request["log_file"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.environ.clear()
        os.environ.update({**self.set_by_modules, **request["variables"]})
        time.tzset()
        os.chdir(request["app_root"])
        reseed()
        keep_loggers()
        become(request["entry_script"], listener, port)


def main() -> None:
    mode, *rest = sys.argv[1:]
    # This folder is on the path because the program is in it; a server of its own has no such.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    close_inherited(kept=int(rest[0]) if mode == "start" else -1)
    if mode == "start":
        where, entry_script = int(rest[0]), rest[1]
        if os.name == "posix":
            with socket.socket(fileno=os.dup(where)) as listener:
                port = listener.getsockname()[1]
            become(entry_script, where, port)
        become(entry_script, -1, where)
    else:
        forker = Forker()
        forker.load(rest)
        forker.serve()


if __name__ == "__main__":
    main()
