"""How a job's body is refused that does not fit the schema."""

from __future__ import annotations

from emulator.arm.errors import ArmError, bad_request


def invalid_job(path: str, message: str) -> ArmError:
    """400 for a body that does not fit the schema. `path` is "" for the body itself."""
    where = f"$.{path}" if path else "$"
    return bad_request(
        f"Invalid request body for container apps job. Path: {where}. {message} Does not conform "
        "to Container Apps Job schema, please visit for more information "
        "https://learn.microsoft.com/azure/templates/microsoft.app/jobs",
        code="ContainerAppsJobInvalidSchema",
        target=path or None,
    )
