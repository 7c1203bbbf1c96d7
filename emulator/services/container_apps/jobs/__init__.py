"""Container Apps jobs: containers that run to their end, on demand or by a schedule.

https://learn.microsoft.com/azure/container-apps/jobs
https://learn.microsoft.com/rest/api/resource-manager/containerapps/jobs

What is asked for:

    jobs.py              jobs
    executions.py        their executions, and the replicas of those
    states.py            the states of both, and the moves between them

What a body may be, read once into a spec:

    job_spec.py          a job:
    job_configuration.py   `properties.configuration`: secrets, registries, retries
    job_trigger.py           what starts it: by hand, a schedule or an event
    cron.py                    a schedule
    job_template.py        `properties.template`, and what an execution runs in its place

What runs:

    job_controller.py    begins, stops and keeps executions
    scheduler.py         begins those of schedules
    execution_runner.py  one execution: as many replicas as it asks for, and again when they fail
    execution_replica.py one replica: its containers, once
"""
