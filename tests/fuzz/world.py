"""A local Azure with one of everything in it, made by the calls that the lessons make.

What is named `keep…` answers the data plane and is never changed by the fuzz; what is named
`spare…` is there to be changed.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from azure.ai.ml.entities import Environment, Model, Workspace
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.monitor.querymetrics import MetricsClient
from azure.storage.blob import BlobBlock, BlobServiceClient, ContentSettings

from emulator.defaults import CLIENT_ID, REGION, RESOURCE_GROUP, STORAGE_ACCOUNT, SUBSCRIPTION
from tests.api_versions import api_version
from tests.azure import LocalAzure, course_client
from tests.emulator.services.apps_bench import REGISTRY, AppsBench
from tests.emulator.services.arm import GROUP, HOME
from tests.emulator.services.arm import call as send
from tests.emulator.services.batch_bench import BatchBench
from tests.emulator.services.container_machine import Machine
from tests.emulator.services.deployments import CONDA, IMAGE, Workbench
from tests.emulator.services.jobs_bench import JobsBench

# Says which version it is, and needs nothing but the standard library.
SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return {'version': 1}\n"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts"
LOGS = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces"


def make(azure: LocalAzure, folder: Path) -> None:
    """All of it. The emulator's settings must be in os.environ."""
    resources()
    storage()
    machine_learning(folder)
    machine = Machine("process", azure)
    apps = AppsBench(machine, "keep")
    containers(machine, apps)
    container_apps(apps)
    log_analytics()
    identities()
    metrics()
    autoscale()
    open_services(apps)


def call(method: str, path: str, body: Any = None) -> requests.Response:
    """A call that the SDKs in the course have no method for. It must be right: 2xx."""
    answer = send(method, path, body, **{"api-version": api_version(path)})
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer


def resources() -> None:
    client = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    body = {"location": REGION, "tags": {"course": "yes"}}
    for name in ("spare-group", "gone-group"):
        client.resource_groups.create_or_update(name, body)
    client.resource_groups.update("spare-group", {"tags": {"course": "no"}})
    client.resource_groups.check_existence("spare-group")
    list(client.resource_groups.list())
    list(client.resources.list_by_resource_group(RESOURCE_GROUP))
    list(client.providers.list())
    client.providers.register("Microsoft.App")
    client.resource_groups.begin_delete("gone-group").result()


def storage() -> None:
    body = {"location": REGION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    for name in ("sparestorage", "gonestorage"):
        call("PUT", f"{STORAGE}/{name}", body)
    call("POST", f"{STORAGE}/sparestorage/listKeys", {})
    call("POST", f"{STORAGE}/sparestorage/regenerateKey", {"keyName": "key1"})
    call("DELETE", f"{STORAGE}/gonestorage")
    name = {"name": "another", "type": "Microsoft.Storage/storageAccounts"}
    scope = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Storage"
    call("POST", f"{scope}/checkNameAvailability", name)

    url = "https://sparestorage.blob.core.windows.net"
    # Signed in with a token, so that a changed request is still one that is let in.
    with BlobServiceClient(url, DefaultAzureCredential()) as client:
        for name in ("spare", "gone"):
            client.create_container(name, metadata={"course": "yes"})
        container = client.get_container_client("spare")
        container.get_container_properties()
        blob = container.get_blob_client("folder/one.txt")
        settings = ContentSettings(content_type="text/plain")
        blob.upload_blob(b"one", metadata={"a": "b"}, content_settings=settings)
        blob.upload_blob(b"two", overwrite=True)
        blob.get_blob_properties()
        blob.download_blob(offset=0, length=2).readall()
        blob.set_blob_metadata({"c": "d"})
        blob.set_http_headers(ContentSettings(content_type="text/html"))
        blocks = container.get_blob_client("blocks")
        blocks.stage_block("YQ==", b"block")
        blocks.get_block_list("all")
        blocks.commit_block_list([BlobBlock("YQ==")])
        list(container.list_blobs(name_starts_with="f", include=["metadata"]))
        list(container.walk_blobs())
        list(client.list_containers())
        blocks.delete_blob()
        client.delete_container("gone")


def machine_learning(folder: Path) -> None:
    client = course_client()
    wanted = Workspace(name="spare-workspace", location=REGION, display_name="spare")
    client.workspaces.begin_create(wanted).result()
    client.workspaces.get("spare-workspace")
    list(client.workspaces.list())
    call("POST", f"{HOME}/listKeys", {})
    call("POST", f"{HOME}/listStorageAccountKeys", {})
    list(client.datastores.list())
    client.datastores.get_default()
    datastore = {
        "datastoreType": "AzureBlob",
        "accountName": STORAGE_ACCOUNT,
        "containerName": "azureml",
        "credentials": {"credentialsType": "None"},
    }
    call("PUT", f"{HOME}/datastores/spare", {"properties": datastore})
    call("POST", f"{HOME}/datastores/workspaceblobstore/listSecrets", {})
    data = {"dataType": "uri_file", "dataUri": "azureml://datastores/workspaceblobstore/paths/x"}
    call("PUT", f"{HOME}/data/spare/versions/1", {"properties": data})

    bench = Workbench(client, folder, "keep")
    model = client.models.create_or_update(bench.model())
    client.models.get(model.name, model.version)
    list(client.models.list())
    environment = Environment(name="spare", image=IMAGE, version="1", conda_file=_conda(folder))
    client.environments.create_or_update(environment)
    client.environments.get("spare", "1")
    list(client.environments.list())
    client.models.create_or_update(Model(name="spare", version="1", path=_conda(folder)))
    call("PUT", f"{HOME}/models/spare", {"properties": {"tags": {"a": "b"}}})

    for endpoint in (bench.endpoint(), bench.endpoint("aml_token")):
        bench.deploy(endpoint.name, "blue", script=SCRIPT)
        bench.send_traffic(endpoint.name, blue=100)
        client.online_deployments.get_logs("blue", endpoint.name, 50)
        list(client.online_deployments.list(endpoint.name))
        client.online_endpoints.get_keys(endpoint.name)
    assert bench.caller("ekeep-0")({"data": [1, 2]}).status_code == 200
    list(client.online_endpoints.list())

    spare_bench = Workbench(client, folder, "spare")
    name = spare_bench.endpoint().name
    spare_bench.deploy(name, "blue", script=SCRIPT)
    client.online_endpoints.begin_regenerate_keys(name, key_type="secondary").result()
    call("PATCH", f"{HOME}/onlineEndpoints/{name}", {"tags": {"a": "b"}})
    scale = {"sku": {"name": "Default", "capacity": 1, "tier": "Standard"}}
    call("PATCH", f"{HOME}/onlineEndpoints/{name}/deployments/blue", scale)
    gone = spare_bench.endpoint().name
    client.online_endpoints.begin_delete(gone).result()
    call("POST", f"{HOME}/onlineEndpoints/ekeep-1/token", {})
    batch(BatchBench(client, folder, "spare"))


def batch(bench: BatchBench) -> None:
    """An endpoint with a deployment, whose one job is over."""
    client = bench.client
    cluster = client.compute.get(bench.cluster())
    cluster.max_instances = 3
    client.compute.begin_update(cluster).result()
    scale = {"properties": {"properties": {"scaleSettings": {"maxNodeCount": 2}}}}
    call("PATCH", f"{HOME}/computes/{cluster.name}", scale)
    client.compute.list_nodes(cluster.name)
    name = bench.endpoint().name
    bench.deploy(name)
    deployment = f"{HOME}/batchEndpoints/{name}/deployments/blue"
    call("PATCH", f"{HOME}/batchEndpoints/{name}", {"tags": {"a": "b"}})
    call("PATCH", deployment, {"tags": {"a": "b"}})
    client.batch_deployments.get("blue", name)
    list(client.batch_deployments.list(name))
    list(client.batch_endpoints.list())
    job = bench.invoke(name, bench.files(one="1"))
    assert bench.ended(job) == "Completed"
    bench.scores(job)
    bench.logs(job)
    list(client.jobs.list())
    gone = bench.endpoint().name
    client.batch_endpoints.begin_delete(gone).result()


def _conda(folder: Path) -> str:
    path = folder / "conda.yaml"
    path.write_text(CONDA)
    return str(path)


def containers(machine: Machine, apps: AppsBench) -> None:
    image = apps.image  # makes the registry and builds into it
    registry = {"location": REGION, "sku": {"name": "Basic"}}
    machine.registries.begin_create(RESOURCE_GROUP, "spareregistry", registry).result()
    wanted = {"properties": {"adminUserEnabled": True}, "tags": {"a": "b"}}
    machine.registries.begin_update(RESOURCE_GROUP, "spareregistry", wanted).result()
    machine.registries.list_credentials(RESOURCE_GROUP, "spareregistry")
    renewed = {"name": "password"}
    machine.registries.regenerate_credential(RESOURCE_GROUP, "spareregistry", renewed)
    machine.registries.list_usages(RESOURCE_GROUP, "spareregistry")
    list(machine.registries.list())
    asked = {"name": "another", "type": "Microsoft.ContainerRegistry/registries"}
    machine.registries.check_name_availability(asked)
    list(machine.tasks.runs.list(RESOURCE_GROUP, REGISTRY))

    password = machine.credentials(REGISTRY)
    web = {
        "name": "web",
        "properties": {
            "image": image,
            "ports": [{"port": 80, "protocol": "TCP"}],
            "environmentVariables": [{"name": "A", "value": "1"}, {"name": "B", "secureValue": ""}],
            "resources": {"requests": {"cpu": 1.0, "memoryInGB": 1.0}},
        },
    }
    properties = {
        "osType": "Linux",
        "restartPolicy": "OnFailure",
        "containers": [web],
        "imageRegistryCredentials": [password],
        "ipAddress": {"type": "Public", "ports": [{"port": 80}], "dnsNameLabel": "keep-group"},
    }
    group = {"location": REGION, "properties": properties, "tags": {"a": "b"}}
    machine.create("keep-group", group)
    spare = {**web["properties"], "command": ["python", "-c", "import signal; signal.pause()"]}
    other = {**web, "properties": {**spare, "ports": []}}
    properties = {**properties, "containers": [other]}
    del properties["ipAddress"]
    machine.create("spare-group", {**group, "properties": properties})
    machine.groups.update(RESOURCE_GROUP, "spare-group", {"tags": {"c": "d"}})
    machine.groups.stop(RESOURCE_GROUP, "spare-group")
    machine.groups.begin_start(RESOURCE_GROUP, "spare-group").result()
    machine.groups.begin_restart(RESOURCE_GROUP, "spare-group").result()
    machine.get("spare-group")
    machine.logs("keep-group")
    list(machine.groups.list())
    inside = machine.instances.containers
    size = {"command": "/bin/sh", "terminalSize": {"rows": 24, "cols": 80}}
    terminal = inside.execute_command(RESOURCE_GROUP, "spare-group", "web", size)
    knock(terminal.web_socket_uri)
    inside.attach(RESOURCE_GROUP, "spare-group", "web")
    machine.groups.begin_delete(RESOURCE_GROUP, "gone-group").result()


def container_apps_jobs(jobs: JobsBench) -> None:
    jobs.name = "spare-job"
    jobs.make("print()", secrets=[{"name": "one", "value": "1"}], replicaRetryLimit=1)
    jobs.jobs.begin_update(RESOURCE_GROUP, jobs.name, {"tags": {"a": "b"}}).result()
    jobs.jobs.list_secrets(RESOURCE_GROUP, jobs.name)
    jobs.jobs.begin_suspend(RESOURCE_GROUP, jobs.name).result()
    jobs.jobs.begin_resume(RESOURCE_GROUP, jobs.name).result()
    execution = jobs.run({"containers": [jobs.container("print()")]}).name
    jobs.log(execution)
    jobs.executions(filter="status eq 'Succeeded'")
    jobs.jobs.begin_stop_multiple_executions(RESOURCE_GROUP, jobs.name).result()


def container_apps(apps: AppsBench) -> None:
    apps.put(apps.body())
    apps.ask("/hello")
    spare = {
        "location": REGION,
        "properties": {
            "environmentId": apps.environment_id,
            "configuration": apps.configuration(secrets=[{"name": "one", "value": "1"}]),
            "template": {
                "containers": [apps.container(env={"A": "1"})],
                "scale": {
                    "minReplicas": 1,
                    "maxReplicas": 2,
                    "rules": [{"name": "http", "http": {"metadata": {"concurrentRequests": "9"}}}],
                },
            },
        },
    }
    apps.put(spare, "spare-app")
    apps.apps.begin_update(RESOURCE_GROUP, "spare-app", {"tags": {"a": "b"}}).result()
    apps.apps.list_secrets(RESOURCE_GROUP, "spare-app")
    apps.apps.get_auth_token(RESOURCE_GROUP, "spare-app")
    apps.apps.begin_stop(RESOURCE_GROUP, "spare-app").result()
    apps.apps.begin_start(RESOURCE_GROUP, "spare-app").result()
    list(apps.apps.list_by_resource_group(RESOURCE_GROUP))
    revision = next(iter(apps.revisions.list_revisions(RESOURCE_GROUP, "spare-app"))).name
    for action in ("deactivate_revision", "activate_revision", "restart_revision"):
        getattr(apps.revisions, action)(RESOURCE_GROUP, "spare-app", revision)
    apps.revision(apps.list_revisions()[0].name)
    replica = apps.list_replicas()[0].name
    apps.replicas.get_replica(RESOURCE_GROUP, apps.name, apps.get().latest_revision_name, replica)
    apps.token()
    container_apps_jobs(JobsBench(apps))
    environment = {"location": REGION, "properties": {"zoneRedundant": False}, "tags": {"a": "b"}}
    begin = apps.environments.begin_create_or_update
    begin(RESOURCE_GROUP, "spare-environment", environment).result()
    apps.environments.get(RESOURCE_GROUP, "spare-environment")
    list(apps.environments.list_by_resource_group(RESOURCE_GROUP))
    tags = {"location": REGION, "tags": {"c": "d"}}
    apps.environments.begin_update(RESOURCE_GROUP, "spare-environment", tags).result()


def log_analytics() -> None:
    body = {"location": REGION, "properties": {"retentionInDays": 30, "sku": {"name": "PerGB2018"}}}
    call("PUT", f"{LOGS}/spare-logs", body)
    call("PATCH", f"{LOGS}/spare-logs", {"tags": {"a": "b"}})
    call("POST", f"{LOGS}/spare-logs/sharedKeys", {})
    call("POST", f"{LOGS}/spare-logs/regenerateSharedKey", {})
    # Not emulated, and said to be so.
    query = {"query": "print 1", "timespan": "PT1H"}
    send("POST", f"{LOGS}/spare-logs/query", query, **{"api-version": api_version(LOGS)})


def identities() -> None:
    path = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/spare-identity"
    identity = call("PUT", path, {"location": REGION}).json()
    call("PATCH", path, {"tags": {"a": "b"}})
    scope = f"{STORAGE}/sparestorage/providers/Microsoft.Authorization"
    only = "$filter=roleName%20eq%20%27Storage%20Blob%20Data%20Reader%27"
    [role] = call("GET", f"{scope}/roleDefinitions?{only}").json()["value"]
    properties = {
        "roleDefinitionId": role["id"],
        "principalId": identity["properties"]["principalId"],
        "principalType": "ServicePrincipal",
    }
    name = "00000000-0000-4000-8000-00000000f022"
    call("PUT", f"{scope}/roleAssignments/{name}", {"properties": properties})


def autoscale() -> None:
    """Settings of a deployment, which are off."""
    client = MonitorManagementClient(DefaultAzureCredential(), SUBSCRIPTION).autoscale_settings
    deployment = f"{HOME}/onlineEndpoints/espare-0/deployments/blue"
    rule = {
        "metricTrigger": {
            "metricName": "RequestsPerMinute",
            "metricResourceUri": f"{HOME}/onlineEndpoints/espare-0",
            "timeGrain": "PT1M",
            "statistic": "Average",
            "timeWindow": "PT5M",
            "timeAggregation": "Average",
            "operator": "GreaterThan",
            "threshold": 100,
            "dimensions": [
                {"DimensionName": "deployment", "Operator": "Equals", "Values": ["blue"]}
            ],
            "dividePerInstance": True,
        },
        "scaleAction": {
            "direction": "Increase",
            "type": "PercentChangeCount",
            "value": "50",
            "cooldown": "PT5M",
        },
    }
    capacity = {"minimum": "1", "maximum": "2", "default": "1"}
    date = {"timeZone": "UTC", "start": "2037-01-01T00:00:00Z", "end": "2037-01-02T00:00:00Z"}
    week = {"timeZone": "Romance Standard Time", "days": ["Monday"], "hours": [8], "minutes": [30]}
    body = {
        "location": REGION,
        "tags": {"a": "b"},
        "properties": {
            "targetResourceUri": deployment,
            "enabled": False,
            "predictiveAutoscalePolicy": {"scaleMode": "Disabled"},
            "profiles": [
                {"name": "usual", "capacity": capacity, "rules": [rule]},
                {"name": "event", "capacity": capacity, "rules": [], "fixedDate": date},
                {
                    "name": "morning",
                    "capacity": capacity,
                    "rules": [],
                    "recurrence": {"frequency": "Week", "schedule": week},
                },
            ],
            "notifications": [
                {
                    "operation": "Scale",
                    "email": {"customEmails": ["ops@example.com"]},
                    "webhooks": [{"serviceUri": "https://example.com/", "properties": {"a": "b"}}],
                }
            ],
        },
    }
    settings = f"{GROUP}/providers/Microsoft.Insights/autoscaleSettings"
    call("PUT", f"{settings}/gone", body)
    client.delete(RESOURCE_GROUP, "gone")
    call("PUT", f"{settings}/spare", body)
    call("PATCH", f"{settings}/spare", {"tags": {"c": "d"}, "properties": {"enabled": False}})
    client.get(RESOURCE_GROUP, "spare")
    list(client.list_by_resource_group(RESOURCE_GROUP))
    list(client.list_by_subscription())


def metrics() -> None:
    """Of an endpoint, asked in every way that there is."""
    client = MonitorManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
    endpoint = f"{HOME}/onlineEndpoints/ekeep-0"
    kind = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
    list(client.metric_definitions.list(endpoint, metricnamespace=kind))
    list(client.metric_namespaces.list(endpoint))
    asked: dict[str, Any] = {
        "timespan": "PT2H",
        "interval": "PT5M",
        "aggregation": "average",
        "filter": "deployment eq 'blue' and statusCode sw '2' or statusCode eq '401'",
        "top": 5,
        "orderby": "average desc",
        "rollupby": "statusCode",
    }
    client.metrics.list(
        endpoint,
        metricnames="RequestsPerMinute",
        metricnamespace=kind,
        result_type="Data",
        auto_adjust_timegrain=True,
        validate_dimensions=True,
        **asked,
    )
    MetricsClient(
        f"https://{REGION}.metrics.monitor.azure.com", DefaultAzureCredential()
    ).query_resources(
        resource_ids=[endpoint],
        metric_namespace=kind,
        metric_names=["RequestsPerMinute", "RequestLatency_P99"],
        timespan=timedelta(hours=1),
        granularity=timedelta(minutes=1),
        aggregations=["Average"],
        filter="deployment eq '*'",
    )


def open_services(apps: AppsBench) -> None:
    """What needs no Resource Manager: prices, logs, the registry's own server, log streams."""
    query = {"api-version": "2023-01-01-preview", "$filter": "serviceName eq 'Container Instances'"}
    requests.get("https://prices.azure.com/api/retail/prices", params=query, timeout=30)
    logs = "https://api.loganalytics.io/v1/workspaces/0/query"
    requests.post(logs, json={"query": "print 1"}, headers=_bearer(), timeout=30)

    authority = "https://login.microsoftonline.com"
    # A client that asks for everything that the library may ask for.
    settings = _service_principal()
    ClientSecretCredential(**settings).get_token("https://storage.azure.com/.default")
    tenant = settings["tenant_id"]
    well_known = ".well-known/openid-configuration"
    for path in (well_known, f"v2.0/{well_known}", "discovery/v2.0/keys"):
        requests.get(f"{authority}/{tenant}/{path}", timeout=30)
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": settings["client_secret"],
        "resource": "https://management.azure.com/",
    }
    requests.post(f"{authority}/{tenant}/oauth2/token", data=form, timeout=30)
    authorize = {"api-version": "1.1", "authorization_endpoint": f"{authority}/x/oauth2/authorize"}
    requests.get(f"{authority}/common/discovery/instance", params=authorize, timeout=30)

    login_server(apps)
    app = apps.get()
    token = {"Authorization": f"Bearer {apps.token()}"}
    console = apps.list_replicas()[0].containers[0]
    for stream in (app.event_stream_endpoint, console.log_stream_endpoint):
        requests.get(f"{stream}?tailLines=5", headers=token, timeout=30)
    knock(f"{console.exec_endpoint}?command=sh", token)


def login_server(apps: AppsBench) -> None:
    server = f"https://{REGISTRY}.azurecr.io"
    password = apps.machine.credentials(REGISTRY)
    basic = (password["username"], password["password"])
    form = {"grant_type": "access_token", "service": f"{REGISTRY}.azurecr.io"}
    form["access_token"] = _bearer()["Authorization"].removeprefix("Bearer ")
    found = requests.post(f"{server}/oauth2/exchange", data=form, timeout=30)
    form = {
        "grant_type": "refresh_token",
        "service": f"{REGISTRY}.azurecr.io",
        "scope": "repository:web:pull",
        "refresh_token": found.json()["refresh_token"],
    }
    requests.post(f"{server}/oauth2/token", data=form, timeout=30)
    scope = {"service": form["service"], "scope": form["scope"]}
    requests.get(f"{server}/oauth2/token", params=scope, auth=basic, timeout=30)
    paths = (
        *("v2/", "v2/_catalog?n=1", "acr/v1/_catalog", "v2/web/tags/list?n=1&last=a"),
        *("acr/v1/web/_tags", "acr/v1/web/_tags/1", "acr/v1/web/_manifests", "acr/v1/web"),
    )
    for path in paths:
        requests.get(f"{server}/{path}", auth=basic, timeout=30)
    digest = "sha256:" + "0" * 64
    for path in ("acr/v1/gone/_tags/1", f"v2/gone/manifests/{digest}", "acr/v1/gone"):
        requests.delete(f"{server}/{path}", auth=basic, timeout=30)


def knock(terminal: str, headers: dict[str, str] | None = None) -> None:
    """Open a terminal's web socket, and close it again."""
    url = terminal.replace("wss://", "https://")
    wanted = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    with requests.get(url, headers={**wanted, **(headers or {})}, stream=True, timeout=30) as found:
        assert found.status_code == 101, f"{found.status_code} {found.text}"


def _bearer() -> dict[str, str]:
    token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
    return {"Authorization": f"Bearer {token}"}


def _service_principal() -> dict[str, Any]:
    return {
        name: os.environ[f"AZURE_{name.upper()}"]
        for name in ("tenant_id", "client_id", "client_secret")
    }
