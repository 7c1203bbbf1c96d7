"""The program that starts a container's process, and one run beside it.

    guard.py PARENT PROGRAM ARGUMENT...          it must not outlive PARENT, a process id
    guard.py PARENT --tty PROGRAM ARGUMENT...    and standard input is the terminal that it controls

Run with -I -S: it is to cost as little time as it can, and reads nothing of the container's.
"""

import os
import sys

PR_SET_PDEATHSIG, SIGKILL = 1, 9


def main() -> None:
    parent, *command = sys.argv[1:]
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before the line above
        sys.exit(137)
    if command[0] == "--tty":
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        del command[0]
    # Python ignores these; what it starts is to have them as any program has.
    import signal

    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"exec: {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


if __name__ == "__main__":
    main()
