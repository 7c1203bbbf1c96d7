"""Five questions, one recommendation, and the reasons.

The whole knowledge is the table RULES: what an answer says for a service, or that it rules one out.
The service with the most in its favour is recommended; of equals, the first in SERVICES. Sources:

- https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online
- https://learn.microsoft.com/azure/container-apps/compare-options
- https://learn.microsoft.com/azure/container-apps/scale-app
- https://learn.microsoft.com/azure/container-apps/gpu-serverless-overview
- https://learn.microsoft.com/azure/container-instances/container-instances-gpu
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

APP, ENDPOINT, GROUP = "container app", "managed endpoint", "container group"
SERVICES = (APP, ENDPOINT, GROUP)

QUESTIONS = {
    "ends": "Does it end by itself, like a job or a demo, instead of serving on and on?",
    "own_api": "Do you bring an API of your own in an image, instead of a model and a script?",
    "pauses": "Are there long pauses in which nobody asks?",
    "may_wait": "May the first request after a pause wait for a cold start?",
    "gpu": "Does the model need a graphics processor (GPU)?",
}


@dataclass(frozen=True)
class DecisionRule:
    """What an answer says about a service, when the learner's answers are those in `when`.

    `says` above 0 is so much in the service's favour, below 0 against it, and 0 rules it out.
    """

    when: Mapping[str, bool]
    service: str
    says: int
    reason: str


RULES = (
    DecisionRule(
        {"ends": True},
        GROUP,
        5,
        "It is billed by the second and ends with its program: restart policy OnFailure.",
    ),
    DecisionRule(
        {"ends": True}, ENDPOINT, 0, "Its machines run, and are billed, until you delete them."
    ),
    DecisionRule(
        {"ends": True},
        APP,
        -1,
        "An app is kept running. What ends would be a Container Apps job.",
    ),
    DecisionRule(
        {"ends": False},
        GROUP,
        0,
        "It has no https, no scaling and no rollout: you would have to build all three.",
    ),
    DecisionRule(
        {"own_api": False},
        ENDPOINT,
        2,
        "A model and a script are all it wants: server, key, https and versions come with it.",
    ),
    DecisionRule(
        {"own_api": False}, APP, -1, "You would have to write the server and build an image."
    ),
    DecisionRule({"own_api": True}, APP, 2, "It runs your image as it is, with all its addresses."),
    DecisionRule(
        {"own_api": True},
        ENDPOINT,
        -1,
        "It can run your image too, but passes on only the address you register for scoring.",
    ),
    DecisionRule(
        {"pauses": True, "may_wait": True},
        APP,
        3,
        "It scales to zero: pauses cost nothing, and the first request waits.",
    ),
    DecisionRule(
        {"pauses": True, "may_wait": False},
        APP,
        2,
        "With min_replicas=1 one replica is always ready, and waits at the idle rate.",
    ),
    DecisionRule({"pauses": True}, ENDPOINT, -1, "It is billed in full while nobody asks."),
    DecisionRule(
        {"pauses": False},
        ENDPOINT,
        1,
        "Busy all day, its cores are as cheap as any, if WORKER_COUNT puts them all to work.",
    ),
    DecisionRule({"pauses": False}, APP, -1, "Busy all day, its cores are the most expensive."),
    DecisionRule({"gpu": True}, GROUP, 0, "Its GPUs never left the preview."),
    DecisionRule(
        {"gpu": True}, APP, 1, "Its GPUs are billed by the second, and scale to zero too."
    ),
    DecisionRule(
        {"gpu": True, "pauses": False},
        ENDPOINT,
        2,
        "It has GPU machines of many sizes, which pay off when they are busy all day.",
    ),
)


@dataclass(frozen=True)
class Recommendation:
    """The recommended service, the reasons for and against it, and those against the others."""

    service: str
    pros: tuple[str, ...]
    cons: tuple[str, ...]
    others: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        lines = [f"Take a {self.service}."]
        lines += [f"  + {reason}" for reason in self.pros]
        lines += [f"  - {reason}" for reason in self.cons]
        for service, reasons in self.others.items():
            lines += [f"Not a {service}:"] + [f"  - {reason}" for reason in reasons]
        return "\n".join(lines)


def recommend(
    *, ends: bool, own_api: bool, pauses: bool, may_wait: bool, gpu: bool
) -> Recommendation:
    """Return the service that fits the answers best; QUESTIONS says what each of them means."""
    answers = {
        "ends": ends,
        "own_api": own_api,
        "pauses": pauses,
        "may_wait": may_wait,
        "gpu": gpu,
    }
    hold = [rule for rule in RULES if rule.when.items() <= answers.items()]
    out = {rule.service for rule in hold if rule.says == 0}
    # max takes the first of equals. No answers rule out all three: a test asks for all of them.
    best = max(
        (service for service in SERVICES if service not in out),
        key=lambda service: sum(rule.says for rule in hold if rule.service == service),
    )
    return Recommendation(
        best,
        _reasons(hold, best, good=True),
        _reasons(hold, best, good=False),
        {each: _reasons(hold, each, good=False) for each in SERVICES if each != best},
    )


def _reasons(rules: list[DecisionRule], service: str, *, good: bool) -> tuple[str, ...]:
    return tuple(
        rule.reason for rule in rules if rule.service == service and (rule.says > 0) is good
    )
