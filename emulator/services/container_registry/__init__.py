"""Azure Container Registry: registries in Resource Manager, ACR Tasks, and the login server.

https://learn.microsoft.com/rest/api/containerregistry/
https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview

Host: {registry}.azurecr.io

registries         the requests for registries, and their lifecycle; registry_spec what they ask for
image_import       what is imported from other registries
runs               the requests for runs of ACR Tasks; run_request what one asks for: build_request,
                   command_request, with image_names and run_variables
run_lifecycle      the states of runs, and the builds; commands runs the containers of a task
build_storage      where sources and logs are; build_log, sources
login_server       what the registry's host answers; access says to whom
"""
