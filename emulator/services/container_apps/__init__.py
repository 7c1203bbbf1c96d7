"""Azure Container Apps: environments, apps, revisions, replicas, scaling, jobs and log streams.

https://learn.microsoft.com/rest/api/resource-manager/containerapps/

What is asked for:

    environments.py       managed environments
    environment_actions.py  what else can be asked of them
    apps.py               container apps
    revisions.py          revisions and replicas
    operations.py         where the long-running operations of this provider are polled
    stream_token.py       with which logs are read
    log_stream.py         {region}.azurecontainerapps.dev: logs of containers and of the system
    terminals.py          the same host: a terminal in a container
    states.py             the states of environments, apps and revisions, and the moves between them
    jobs/                 jobs and their executions, a room of their own

What a body may be, read once into a spec (errors.py has how it is refused):

    environment_spec.py   an environment
    app_spec.py           an app:
    app_configuration.py    `properties.configuration`: secrets, registries, the mode
    app_ingress.py            its ingress and traffic
    app_ingress_rules.py      its IP restrictions, its CORS policy
    app_template.py         `properties.template`
    app_container.py          its containers
    app_probe.py              their probes
    app_volume.py             its volumes, and where containers have them
    app_scale.py              how it scales
    app_scale_rule.py           by which rules

What runs:

    controller.py         brings apps to what is asked for: revisions come, take over and go
    runners.py            one runner for each active revision, and what the ingress is told of them
    runner.py             one active revision: its replicas, as many as the scale rules ask for
    scaling.py            how many that are
    load_meter.py         what they use, where a rule goes by that
    app_gauges.py         what is measured of them for Azure Monitor
    plan.py               what a replica runs, from a spec
    app_images.py         which image that is, and whether the app may have it
    replica.py            one replica: its containers, probed and restarted
    neighbours.py         how a container reaches Azure, and the other apps of its environment
    routes.py, hosts.py   which replicas answer at which host name
    events.py             the system log
"""
