"""What running processes needs, whatever they are.

guard.py         the program that stands over one that is started, and ends what it started
guarded.py       such a program, as its starter has it: start, wait, end
trees.py         a process and its descendants: found, asked to end, killed
cpu.py           how long a process and its descendants have used a core
memory.py        how much memory they have
leftovers.py     what an earlier run left, known by its environment
environment.py   the variables that a process starts with
logs.py          log files: cut to a size, read from the end, a few kept
probes.py        health probes: asking, and how often in a row decides
back_off.py      how long what ended waits before it starts again
tasks.py         work that a cancellation must not leave half done
"""
