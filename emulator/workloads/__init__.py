"""What a program that runs in Azure is given to reach Azure with.

A workload is an inference server, or a container of a group or an app. It comes in at the front
door like any client, with a password of its own, and has none of the learner's secrets.

    workload.py    who that is, and the passwords
    variables.py   the variables that its clients look at
    access.py      both, for a process of this machine and for a container
"""
