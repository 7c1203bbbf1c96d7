"""What is timed, each against a peer in the same run: `python -m benchmarks`.

    emulator_start.py     local Azure's start, against a process that serves one route
    deployment.py         a deployment, against the inference server started by hand
    gateway.py            requests through the gateway, against the inference server directly
    container_process.py  a container group that is a process, against uvicorn started by hand
    container_engine.py   a container group that is a container, against `docker run` by hand
    ingress.py            requests through an app's ingress, against the container directly
    course_run.py         every lesson, against its kernels' starts, imports and training

Ours and the peer take turns, so that what else the machine does meets both alike.
"""
