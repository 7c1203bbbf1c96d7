"""The one error shape of Azure Resource Manager.

https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors
"""

from __future__ import annotations

from typing import Any


class ArmError(Exception):
    """An answer that says what was wrong and what to do.

    `status` is the HTTP status, `code` Azure's error code, `target` the field at fault, `details`
    further errors in the same shape, `additional_info` what a service says of itself.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = details or []
        self.additional_info: list[dict[str, Any]] = []
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The error as ARM sends it: `{"error": {"code", "message", ...}}`."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target:
            error["target"] = self.target
        if self.details or self.additional_info:
            error["details"] = self.details
        if self.additional_info:
            error["additionalInfo"] = self.additional_info
        return {"error": error}


class ResourceManagerError(ArmError):
    """An answer of Resource Manager's own, or of local Azure's, and not of the service's."""


def not_found(resource_id: str) -> ArmError:
    """404 as ARM words it, naming the type and the resource group."""
    from_provider = resource_id.partition("/providers/")[2] or resource_id.strip("/")
    group = resource_id.partition("/resourceGroups/")[2].partition("/")[0]
    where = f" under resource group '{group}'" if group else ""
    return ResourceManagerError(
        404,
        "ResourceNotFound",
        f"The Resource '{from_provider}'{where} was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def bad_request(message: str, *, target: str | None = None, code: str = "BadArgument") -> ArmError:
    return ArmError(400, code, message, target=target)


def conflict(message: str, *, code: str = "Conflict", target: str | None = None) -> ArmError:
    return ArmError(409, code, message, target=target)


def not_emulated(what: str) -> ArmError:
    """501: local Azure never pretends. What it does not do, it names."""
    return ResourceManagerError(
        501,
        "NotEmulated",
        f"Local Azure does not emulate {what}. Run the same code with the kernel 'Azure (live)', "
        "or see docs/emulator.md for what is covered.",
    )


def internal_error() -> ArmError:
    """500: a bug of ours, whose traceback is in the emulator's log."""
    return ResourceManagerError(
        500, "InternalServerError", "Local Azure failed; see `python -m emulator logs`."
    )
