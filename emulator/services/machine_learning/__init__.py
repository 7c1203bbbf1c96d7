"""Azure Machine Learning.

https://learn.microsoft.com/rest/api/azureml/

What is asked for:

    workspaces.py           workspaces, of which workspace_spec.py reads the bodies
    workspace_templates.py  the template deployment with which MLClient creates one
    datastores.py           datastores, of which datastore_spec.py reads the bodies
    computes.py             compute clusters, of which compute_spec.py reads the bodies
    asset_service.py        what the next four have in common: containers and their versions
    models.py, environments.py, codes.py, data.py
    online_endpoints.py     online endpoints, of which endpoint_spec.py reads the bodies
    online_deployments.py   online deployments, of which deployment_spec.py reads the bodies
    batch/                  batch endpoints, a room of its own; jobs.py: their jobs

What must hold:

    variables.py            environment variables of deployments
    names.py                names of endpoints and deployments
    traffic_rules.py        how traffic may be shared
    deployment_assets.py    assets that exist, and the environment of an MLflow model
    deployment_rules.py     room in the endpoint, the quota
    instance_types.py       the machines there are; cluster_sizes.py: those of clusters
    curated.py              the environments that Azure keeps ready

What runs:

    deployer.py             an interpreter, model and code, inference servers
    deployment_folder.py    model, code and logs on disk
    deployment_image.py     the image and the containers of one whose environment is a Dockerfile
    scoring_routes.py       what the gateway is told
    deployment_gauges.py    what is measured of instances for Azure Monitor
    mlflow_model.py         what an MLflow model's folder says, and yaml_text.py, which reads YAML
    assets.py, blobs.py     where an asset's files are

paths.py, errors.py, additional_info.py and durations.py are the room's own conventions.
"""
