"""Batch endpoints: models that score files, job by job, on a compute cluster.

https://learn.microsoft.com/azure/machine-learning/concept-endpoints-batch

    endpoints.py     batch endpoints, of which endpoint_spec.py reads the bodies
    deployments.py   batch deployments, of which deployment_spec.py reads the bodies
"""
