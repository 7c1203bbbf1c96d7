"""Azure Container Registry: registries in Resource Manager, ACR Tasks, and the login server.

https://learn.microsoft.com/rest/api/containerregistry/
https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview

Host: {registry}.azurecr.io

registries         the requests for registries, and their lifecycle; registry_spec what they ask for
runs               the requests for runs of ACR Tasks; build_request what one asks for
run_lifecycle      the states of runs, and the builds
build_storage      where sources and logs are; build_log, sources
login_server       what the registry's host answers; access says to whom
"""
