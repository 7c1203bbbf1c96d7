"""Azure Container Registry: registries in Resource Manager, ACR Tasks, and the login server.

https://learn.microsoft.com/rest/api/containerregistry/
https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview

Host: {registry}.azurecr.io
"""
