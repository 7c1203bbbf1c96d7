"""Batch endpoints: models that score files, job by job, on a compute cluster.

https://learn.microsoft.com/azure/machine-learning/concept-endpoints-batch

What is asked for:

    endpoints.py            batch endpoints, of which endpoint_spec.py reads the bodies
    deployments.py          batch deployments, of which deployment_spec.py reads the bodies
    invocations.py          an endpoint's host, of whose requests invocation_request.py makes jobs
    workspace_api.py        the host at which MLClient finds the run history of jobs
    host.py, tokens.py      what these two have in common, and who may call them

What runs:

    job_lifecycle.py        the states of a job, and its work; job_spec.py: what a job is
    preparation.py          what a job has on disk before it scores
    clusters.py             the nodes that jobs have of a compute cluster
    scoring.py              mini-batches, and what failed of them
    worker.py, driver.py    a worker of a node, and the program that it is

What is seen of it:

    job_views.py            a job as each service shows it; jobs_of.py finds one
    step_logs.py            the logs that a job writes
    run_artifacts.py        logs and scores in blob storage
"""
