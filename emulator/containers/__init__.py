"""Containers: built, started, read and ended, in one of two ways.

runtime.py         the interface of both, and what they are given and return
choice.py          which of the two
handle.py          a container that was started, as both keep it
line_log.py        its log, a time before each line
dockerfile.py      reads Dockerfiles
build_context.py   the files that a build may see
build_output.py    what it prints
references.py      names of images
engine/            by a Docker or Podman engine
process/           as processes of this machine
"""
