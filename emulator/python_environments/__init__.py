"""Python environments: the interpreter that has what an environment's list asks for.

environments.py   finds it or builds it, once, and keeps it
conda.py          reads conda files, and says what of one is missing here
conda_names.py    conda packages that are called otherwise on PyPI, or are no Python packages
pythons.py        finds a Python of the version that is asked for, on this machine or with uv
indexes.py        which further indexes of a list pip can reach
images.py         what Microsoft's base images have
closure.py        what packages bring with them in this Python
view.py           an environment of links, in which some of this Python's packages are found alone
"""
