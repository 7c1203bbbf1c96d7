"""Containers by a Docker or Podman engine.

runtime.py     ContainerRuntime by the engine's API
discovery.py   which engine answers, and where
config.py      what the engine is told to create
images.py      images: built, pulled, listed, untagged
exec.py        programs run in a container
network.py     where containers reach this machine
"""
