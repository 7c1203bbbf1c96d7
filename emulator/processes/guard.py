"""The program that stands over one that local Azure starts: what that one starts ends with it.

    guard.py PARENT [--tty] [--status FD] PROGRAM ARGUMENT...

It starts the program and waits until it ends, then ends all that the program has started and left
behind, and exits as the program did (128 + n after signal n). When PARENT, the process id of who
started the guard, ends before, the guard ends everything at once.

On Linux it is the "child subreaper" of all that runs below it: whatever loses its parent becomes
its child, be it in a session of its own (setsid) or started twice over (double fork).
https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
Elsewhere it ends what is in its process group still, and looks every second whether PARENT is
there.

    --tty         standard input is a terminal, and the program controls it
    --status FD   the exit code is written there when the program ends, and what the program left
                  behind may go on: the guard ends when the last of it has

Run with -I -S and the standard library alone: it is to cost little time, and to read nothing of
the program's.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # importing typing takes time
if TYPE_CHECKING:
    from typing import NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
KILLED = 128 + signal.SIGKILL
LINUX = sys.platform.startswith("linux")
# Sent to the guard when its parent has ended. Nobody sends this one by accident.
ORPHANED = signal.SIGRTMIN + 7 if LINUX else signal.SIGALRM
# Signals to the process group are for the program.
FOR_THE_PROGRAM = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
# Python ignores these; what it starts is to have them as any program has.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def prctl(option: int, value: int) -> None:
    if LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main() -> None:
    parent, words = int(sys.argv[1]), sys.argv[2:]
    terminal = words[0] == "--tty"
    if terminal:
        del words[0]
    status = -1
    if words[0] == "--status":
        status = int(words[1])
        os.set_inheritable(status, False)
        del words[:2]

    def orphaned(*_: object) -> None:
        if os.getppid() != parent:
            end_all()
            os._exit(KILLED)

    signal.signal(ORPHANED, orphaned)
    if LINUX:
        prctl(PR_SET_PDEATHSIG, ORPHANED)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    else:
        signal.setitimer(signal.ITIMER_REAL, 1, 1)
    orphaned()  # it may have ended before the lines above
    # A signal that comes while there are not two processes yet is to reach the program.
    signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_PROGRAM)
    guard = os.getpid()
    program = os.fork()
    if program == 0:
        become(words, guard, terminal)
    pending = signal.sigpending() & set(FOR_THE_PROGRAM)
    for number in FOR_THE_PROGRAM:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FOR_THE_PROGRAM)
    for number in pending:
        os.kill(program, number)
    let_go_of_files(status)
    keep(program, status)


def become(words: list[str], guard: int, terminal: bool) -> NoReturn:
    """Be the program."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(KILLED)
    if terminal:
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (*IGNORED_BY_PYTHON, ORPHANED):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FOR_THE_PROGRAM)
    try:
        os.execvp(words[0], words)
    except OSError as error:
        print(f"exec: {words[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def let_go_of_files(kept: int) -> None:
    """The program's input, output and sockets are its own: they close when it closes them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    for descriptor in map(int, os.listdir("/dev/fd")):
        if descriptor > 2 and descriptor != kept:
            try:
                os.close(descriptor)
            except OSError:  # the listing's own
                continue


def keep(program: int, status: int) -> NoReturn:
    """Wait for the program's end, and all that it left."""
    code = KILLED
    while True:
        try:
            ended, how = os.waitpid(-1, 0)
        except ChildProcessError:
            os._exit(code)
        if ended == program:
            code = os.WEXITSTATUS(how) if os.WIFEXITED(how) else 128 + os.WTERMSIG(how)
            if status < 0:
                end_all()
            else:
                os.write(status, b"%d" % code)
                os.close(status)


def end_all() -> None:
    """Kill every child until there is none: the children of each become ours as it ends."""
    while True:
        for child in children():
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not LINUX:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)
            return
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    pid = os.getpid()
    try:
        with open(f"/proc/self/task/{pid}/children") as file:
            return [int(each) for each in file.read().split()]
    except OSError:  # no such file in this kernel, or no /proc
        return [each for each in map(int, filter(str.isdigit, listing())) if parent_of(each) == pid]


def listing() -> list[str]:
    return os.listdir("/proc") if os.path.isdir("/proc") else []


def parent_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


if __name__ == "__main__":
    main()
