"""A job's executions call Azure as its managed identity, with azure-identity in the container."""

from __future__ import annotations

from tests.emulator.services.identity_image import REGISTRY, build, claims
from tests.emulator.services.jobs_bench import JobsBench

CODE = """
from azure.identity import DefaultAzureCredential
print(DefaultAzureCredential().get_token("https://storage.azure.com/.default").token)
"""


def test_an_execution_calls_azure_as_its_job(jobs: JobsBench):
    machine = jobs.apps.machine
    body = jobs.body(jobs.container(CODE) | {"image": build(machine)})
    password = machine.credentials(REGISTRY)
    body["properties"]["configuration"] |= {
        "secrets": [{"name": "identity-password", "value": password["password"]}],
        "registries": [
            {
                "server": password["server"],
                "username": password["username"],
                "passwordSecretRef": "identity-password",
            }
        ],
    }
    job = jobs.put(body | {"identity": {"type": "SystemAssigned"}})
    done = jobs.run()
    assert done.status == "Succeeded"
    [token] = jobs.log(done.name)
    assert claims(token)["oid"] == job.identity.principal_id
    assert claims(token)["xms_mirid"].endswith(f"/jobs/{jobs.name}")
