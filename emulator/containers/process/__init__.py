"""Containers as processes of this machine.

runtime.py        ContainerRuntime by processes
build.py          what of a Dockerfile such an image can honour
run_commands.py   what of a RUN line
images.py         the images that builds left
command.py        a container's program: its words and variables
stand_ins/        for public images that cannot be pulled
ports.py          its ports on this machine
paths.py          an image's paths on this machine
exec.py           programs run beside a container
"""
