"""Azure Container Instances: groups of containers that run on this machine.

https://learn.microsoft.com/rest/api/container-instances/
"""
