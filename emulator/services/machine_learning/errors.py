"""Errors as Azure Machine Learning's own front end words them, under the code UserError."""

from __future__ import annotations

from emulator.arm.errors import ArmError


def user_error(status: int, message: str, *, detail: tuple[str, str] | None = None) -> ArmError:
    """`detail` is a more precise code and its message; the SDK prints both."""
    details = [{"code": detail[0], "message": detail[1], "details": []}] if detail else None
    return ArmError(status, "UserError", message, details=details)
