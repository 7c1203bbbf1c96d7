"""Container Instances: the pages of container groups.

groups.py  all groups; one with its containers, events, logs, requests, metrics and JSON
create.py  the form of a new one
"""
