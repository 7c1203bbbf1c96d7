"""What is timed, each against a peer in the same run: `python -m benchmarks`.

    emulator_start.py  local Azure's start, against a process that serves one route
    deployment.py      a deployment, against the inference server started by hand
    gateway.py         requests through the gateway, against the inference server directly
    course_run.py      every lesson, against its kernels' starts, imports and training

Ours and the peer take turns, so that what else the machine does meets both alike.
"""
