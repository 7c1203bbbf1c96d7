"""What the hosts of machine learning that are not Resource Manager's have in common."""

from __future__ import annotations

import logging

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from emulator.arm.errors import ArmError, internal_error
from emulator.arm.http import ArmResponse, to_response

_log = logging.getLogger(__name__)


class Host:
    """An ASGI application that answers in Resource Manager's shapes."""

    async def answer(self, request: Request) -> ArmResponse:
        """Raises ArmError."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self.answer(request)
        except ArmError as error:
            answer = ArmResponse(error.body(), error.status, error.headers)
        except ClientDisconnect:
            return
        except Exception:
            # A bug of ours. The client learns that it is ours, the log has the traceback.
            _log.exception("%s %s", request.method, request.url.path)
            bug = internal_error()
            answer = ArmResponse(bug.body(), bug.status)
        await to_response(answer, request)(scope, receive, send)


def host_name(request: Request) -> str:
    """The host that a request is for, in lower case."""
    return request.headers.get("host", "").partition(":")[0].lower()
