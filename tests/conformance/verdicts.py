"""What is made of the answer to an example."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.conformance import beyond_specs
from tests.conformance.models import Models
from tests.conformance.requested import Requested
from tests.conformance.resource_manager import Answer
from tests.conformance.specs import Example, Operation

ANSWERED = "answered as in the example"
NOT_EMULATED = "501 with name"
REFUSED = "refused with Azure's reason"
WRONG = "wrong"


@dataclass
class Verdict:
    """`reason` is the sentence of a refusal, or what is wrong."""

    provider: str
    operation: str
    version: str
    example: str
    verdict: str
    reason: str = ""
    code: str = ""
    request: dict[str, Any] = field(default_factory=dict)
    answer: Any = None

    @classmethod
    def of(cls, operation: Operation, example: Example, verdict: str, reason: str = "") -> Verdict:
        what = (operation.provider, operation.name, operation.version, example.title)
        return cls(*what, verdict, reason)


def judge(
    operation: Operation, example: Example, asked: Requested, answer: Answer, models: Models
) -> Verdict:
    verdict = Verdict.of(operation, example, ANSWERED)
    verdict.request = vars(asked)
    problems = _problems(operation, example, asked, answer, models)
    if answer.error and answer.status < 400:
        verdict.answer = answer.error
    else:
        verdict.answer = answer.result if answer.status < 400 else answer.body
    code, message = str(answer.error.get("code", "")), str(answer.error.get("message", ""))
    if problems:
        verdict.verdict, verdict.reason = WRONG, f"{answer.status} {'; '.join(problems)}"
    elif answer.status == 501:
        verdict.verdict, verdict.code, verdict.reason = NOT_EMULATED, code, message
    elif answer.error:
        verdict.verdict, verdict.code, verdict.reason = REFUSED, code, message
        if (operation.name, example.title) not in beyond_specs.REFUSED:
            verdict.verdict, verdict.reason = WRONG, f"refused {answer.status}: {message}"
    return verdict


def _problems(
    operation: Operation, example: Example, asked: Requested, answer: Answer, models: Models
) -> list[str]:
    if answer.error or answer.status >= 400:
        missing = [name for name in ("code", "message") if not answer.error.get(name)]
        if missing:
            return [f"an error without {' and '.join(missing)}: {answer.body}"]
        schema = operation.responses.get("default")
        if answer.status in (500, 504) or answer.error["code"] == "Timeout":
            return [str(answer.error)]
        return models.problems(schema, answer.body) if schema and answer.status >= 400 else []
    if str(answer.status) not in operation.responses:
        return [f"the status is none of {', '.join(sorted(operation.responses))}"]
    found = against(operation, answer.status, answer.body, models)
    found += _lacking(operation, example, asked, answer, models)
    if asked.method in ("PUT", "PATCH"):
        found += [f"in the end {one}" for one in against(operation, 200, answer.result, models)]
        found += [f"not shown as it was sent: {one}" for one in _lost(asked.body, answer.result)]
    return found


def _lacking(
    operation: Operation, example: Example, asked: Requested, answer: Answer, models: Models
) -> list[str]:
    """What the example's answer has of Azure's own and ours lacks."""
    shown = example.responses.get("200") or example.responses.get("201") or {}
    schema = operation.responses.get("200") or operation.responses.get("201")
    if schema is None or "body" not in shown:
        return []
    body = shown["body"]
    listed = isinstance(body, dict) and body.get("value") and isinstance(answer.result, dict)
    if listed and asked.query.keys() == {"api-version"} and not answer.result.get("value"):
        return ["the list is empty"]
    return [
        f"without {name}"
        for name in models.written_by_azure(schema, body, answer.result)
        if not name.endswith(tuple(beyond_specs.NOT_ALWAYS))
    ]


def against(operation: Operation, status: int, body: Any, models: Models) -> list[str]:
    """What of an answer's body is not as the operation's model says."""
    schema = operation.responses.get(str(status))
    if schema is None:  # Azure answers more than its models say: "Activate succeeded"
        return []
    if body is None:
        return ["no body"]
    return models.problems(schema, body)


# Written, and never shown.
_SECRET = ("value", "key", "password", "sharedkey", "secret", "secrets", "clientsecret")


def _lost(sent: Any, shown: Any, where: str = "") -> list[str]:
    """Where what was sent is not in what is shown."""
    if isinstance(sent, dict):
        if not isinstance(shown, dict):
            return [where] if sent else []
        by_name = {name.lower(): value for name, value in shown.items()}
        lost = []
        for name, value in sent.items():
            inside = f"{where}.{name}".lstrip(".")
            if value is not None and name.lower() not in _SECRET:
                lost += _lost(value, by_name.get(name.lower()), inside)
        return lost
    if isinstance(sent, list):
        if not sent:
            return []
        if not isinstance(shown, list) or len(shown) != len(sent):
            return [where]
        pairs = zip(sent, shown, strict=True)
        return [
            one for number, pair in enumerate(pairs) for one in _lost(*pair, f"{where}.{number}")
        ]
    return [] if _plain(sent) == _plain(shown) else [f"{where}: {sent!r} is {shown!r}"]


def _plain(value: Any) -> str:
    """The same for what Azure takes to be the same: numbers as text, any case, region names,
    the older names of enums (UriFile for uri_file)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):  # an asset's address is shown in full
        value = re.sub(r"azureml://subscriptions/.*/datastores/", "azureml://datastores/", value)
    return re.sub("[ _]", "", str(value)).lower()
