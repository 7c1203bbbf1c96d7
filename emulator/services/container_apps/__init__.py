"""Azure Container Apps: environments, apps, revisions, replicas, scaling and log streams.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/

    environments.py       managed environments
    apps.py               container apps
    revisions.py          revisions and replicas
    operations.py         where the long-running operations of this provider are polled
    logs.py               what an environment's `appLogsConfiguration` may be
    configuration.py      what `properties.configuration` may be
    template.py           what `properties.template` may be
    controller.py         makes apps run: revisions come, take over and go
    runner.py             one active revision: its replicas, as many as the scale rules ask for
    scaling.py            how many that are
    plan.py               what a replica runs, from a template
    replica.py            one replica: its containers, probed and restarted
    probes.py             health probes
    neighbours.py         how a container reaches the other apps of its environment
    routes.py             tells the ingress which replicas answer at which host name
    log_stream.py         {region}.azurecontainerapps.dev: logs of containers and of the system
"""
