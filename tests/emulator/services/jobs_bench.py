"""Container Apps jobs of a test: some Python that runs to its end, and short ways to start it."""

from __future__ import annotations

from typing import Any

import requests
from azure.mgmt.appcontainers.models import Job, JobExecution

from emulator.defaults import REGION, RESOURCE_GROUP
from tests.emulator.services.apps_bench import AppsBench
from tests.waiting import until

# Says so once it can be told to stop, and waits for that.
FOR_EVER = (
    "import os, signal; signal.signal(15, lambda *_: os._exit(0)); print('here', flush=True);"
    " signal.pause()"
)
ENDED = ("Succeeded", "Failed", "Stopped")


class JobsBench:
    """The clients of one emulator, and jobs of it. `apps` has the environment and the image."""

    def __init__(self, apps: AppsBench) -> None:
        self.apps = apps
        self.jobs = apps.client.jobs
        self.list_all = apps.client.jobs_executions.list
        self.name = f"job-{apps.unique}"

    # Bodies

    def container(self, code: str, name: str = "main", **more: Any) -> dict[str, Any]:
        """A container that runs some Python."""
        return {
            "name": name,
            "image": self.apps.image,
            "command": ["python", "-u", "-c", code],
            "resources": {"cpu": 0.25, "memory": "0.5Gi"},
            **more,
        }

    def body(
        self,
        *containers: dict[str, Any],
        parallelism: int = 1,
        completions: int = 1,
        template: dict[str, Any] | None = None,
        **configuration: Any,
    ) -> dict[str, Any]:
        """A job that is started by hand, unless `configuration` says otherwise."""
        known = self.apps.configuration(secrets=configuration.pop("secrets", []))
        numbers = {"parallelism": parallelism, "replicaCompletionCount": completions}
        kind = configuration.pop("triggerType", "Manual")
        trigger = {**numbers, **configuration.pop("trigger", {})}
        return {
            "location": REGION,
            "properties": {
                "environmentId": self.apps.environment_id,
                "configuration": {
                    "secrets": known["secrets"],
                    "registries": known["registries"],
                    "triggerType": kind,
                    f"{kind[0].lower()}{kind[1:]}TriggerConfig": trigger,
                    "replicaTimeout": 60,
                    **configuration,
                },
                "template": {"containers": list(containers), **(template or {})},
            },
        }

    # Calls

    def put(self, body: dict[str, Any], name: str = "") -> Job:
        return self.jobs.begin_create_or_update(RESOURCE_GROUP, name or self.name, body).result()

    def make(self, code: str, **more: Any) -> Job:
        """Make a job of one container that runs some Python."""
        return self.put(self.body(self.container(code), **more))

    def get(self, name: str = "") -> Job:
        return self.jobs.get(RESOURCE_GROUP, name or self.name)

    def start(self, template: dict[str, Any] | None = None) -> str:
        """Start the job and return the execution's name."""
        return str(self.jobs.begin_start(RESOURCE_GROUP, self.name, template).result().name)

    def execution(self, name: str) -> JobExecution:
        return self.apps.client.job_execution(RESOURCE_GROUP, self.name, name)

    def executions(self, **more: Any) -> list[JobExecution]:
        return list(self.list_all(RESOURCE_GROUP, self.name, **more))

    def end(self, name: str) -> JobExecution:
        """The execution once it has ended."""
        until(lambda: self.execution(name).status in ENDED, seconds=60)
        return self.execution(name)

    def run(self, template: dict[str, Any] | None = None) -> JobExecution:
        """Start the job and wait for the execution's end."""
        return self.end(self.start(template))

    # What the az CLI asks for beside the SDK

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Call Resource Manager below the job."""
        url = (
            f"https://management.azure.com{self.get().id}/{path}"
            f"?api-version={query.pop('version', '2023-11-02-preview')}"
        )
        token = self.apps.client._config.credential.get_token(
            "https://management.azure.com/.default"
        ).token
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, url, headers=headers, json=body, params=query, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def replicas(self, execution: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", f"executions/{execution}/replicas")["value"]
        return found

    def token(self) -> str:
        return str(self.call("POST", "getAuthToken")["properties"]["token"])

    def stream(self, url: str, **query: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token()}"}
        return requests.get(url, headers=headers, params=query, timeout=60)

    def log(self, execution: str, container: str = "main", replica: int = 0) -> list[str]:
        """What a container of the newest replica has printed, as `job logs show` gets it."""
        shown = self.replicas(execution)[replica]["properties"]
        found = {one["name"]: one for one in shown["containers"] + shown["initContainers"]}
        lines = self.stream(found[container]["logStreamEndpoint"], output="text").text.splitlines()
        return [line.partition(" ")[2] for line in lines[2:]]

    def start_for_ever(self, replicas: int = 1) -> str:
        """Start an execution of FOR_EVER, and return its name once its replicas are there."""
        name = self.start()
        until(lambda: len(self.replicas(name)) == replicas)
        for number in range(replicas):
            until(lambda number=number: self.log(name, replica=number) == ["here"])
        return name

    def events(self) -> str:
        """The job's system log."""
        return self.stream(self.get().event_stream_endpoint, tailLines="300").text

    def clean(self) -> None:
        for job in list(self.jobs.list_by_resource_group(RESOURCE_GROUP)):
            if job.name.endswith(self.apps.unique):
                self.jobs.begin_delete(RESOURCE_GROUP, job.name).result()
