"""Errors as Azure Machine Learning's own front end words them, under the code UserError."""

from __future__ import annotations

import json

from emulator.arm.errors import ArmError, bad_request


def user_error(status: int, message: str, *, detail: tuple[str, str] | None = None) -> ArmError:
    """`detail` is a more precise code and its message; the SDK prints both."""
    details = [{"code": detail[0], "message": detail[1], "details": []}] if detail else None
    return ArmError(status, "UserError", message, details=details)


def bad_asset(path: str, message: str) -> ArmError:
    """400 for a field of an asset or a datastore; for `Fields`."""
    del path  # the message names it
    return user_error(400, message)


def bad_argument(path: str, message: str) -> ArmError:
    """400 for a field of a workspace, an endpoint or a deployment; for `Fields`."""
    return bad_request(message, target=path or None)


def refused_by_serving(reason: str) -> ArmError:
    """400 for what the service behind the front end, which runs endpoints, has refused: its answer
    is in the details as it came.

    https://github.com/Azure/azureml-examples/pull/1931
    """
    answer = {"errors": {"": [reason]}, "title": "One or more validation errors occurred."}
    return invalid_request("InferencingClientCallFailed", json.dumps(answer, separators=(",", ":")))


def invalid_request(code: str, reason: str) -> ArmError:
    """400 for an endpoint or a deployment: the reason and its code are in the details."""
    return ArmError(
        400,
        "BadRequest",
        "The request is invalid.",
        details=[{"code": code, "message": reason, "details": [], "additionalInfo": []}],
    )
