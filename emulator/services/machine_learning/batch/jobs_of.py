"""Which batch jobs there are: of a workspace, an endpoint, a deployment, and by the id of a run."""

from __future__ import annotations

from emulator.services.machine_learning.batch.job_spec import JobSpec
from emulator.services.machine_learning.paths import JOB_TYPE
from emulator.store import Resource, Store


def jobs_of(
    store: Store, workspace: Resource, endpoint: str = "", deployment: str = ""
) -> list[Resource]:
    """The jobs, the newest first."""
    found = []
    for job in store.of_type(JOB_TYPE, workspace.id):
        spec = JobSpec.of(job.private["job"])
        if endpoint and spec.endpoint.lower() != endpoint.lower():
            continue
        if deployment and spec.deployment_name.lower() != deployment.lower():
            continue
        found.append(job)
    return sorted(found, key=lambda job: str(job.private["created"]), reverse=True)


def find_run(store: Store, workspace: Resource, run: str) -> Resource | None:
    """The job that has the run: the job's own, or that of its step."""
    if job := store.get(f"{workspace.id}/jobs/{run}"):
        return job
    jobs = store.of_type(JOB_TYPE, workspace.id)
    return next((job for job in jobs if job.private["job"]["step"] == run), None)
