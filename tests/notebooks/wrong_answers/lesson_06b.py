"""Wrong answers to the exercises of lesson 06b."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers


def once(code: str, policy: str = "Never") -> str:
    """Code that runs the group of `once`."""
    return (
        f"group = short_lived(once_name, {policy!r}, {code})\n"
        "wait(groups.begin_create_or_update(resource_group, once_name, group), once_name)\n"
    )


ANSWERS = [
    Answers(
        "06b",
        "telling_line",
        {
            "line = 0": "a number from 1 to 8",
            "line = 'FileNotFoundError'": "a number from 1 to 8",
            "line = 3": "Here the story begins",
            "line = 5": "What did it find?",
            "line = 8": "That says that it failed, not why",
        },
    ),
    Answers(
        "06b",
        "ill",
        {
            "groups.begin_delete(resource_group, ill_name).wait()": "It is gone",
            """
groups.begin_delete(resource_group, ill_name).wait()
again = describe(ill_name)
again.containers[0].resources.requests.memory_in_gb = 1.0
greedy = "taken = []\\nwhile True: taken.append(b'x' * 50_000_000)"
again.containers[0].command = ["python", "-c", greedy]
wait(groups.begin_create_or_update(resource_group, ill_name, again), ill_name)
""": "killed again",
        },
    ),
    Answers(
        "06b",
        "once",
        {
            once("job"): "After any code but 0",
            once("job", "OnFailure"): "which one is for a program that must run once",
            once("'print(1)'"): "The bill was never sent",
            once("job.split('raise')[0]"): "Nobody will ever learn what went wrong",
        },
    ),
]
