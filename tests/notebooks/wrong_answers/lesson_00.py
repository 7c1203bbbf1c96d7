"""Wrong answers to the exercises of lesson 00."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers("00", "most_missed", {"most_missed = 0": "is 0", "most_missed = 'eight'": "'eight'"}),
    Answers(
        "00",
        "accuracy_tag",
        {
            """
model = ml_client.models.get("digits-pytorch", label="latest")
model.tags["accuracy"] = "0.5"
ml_client.models.create_or_update(model)
""": "'0.5'",
            """
model = ml_client.models.get("digits-pytorch", label="latest")
model.tags["accuracy"] = "very good"
ml_client.models.create_or_update(model)
""": "'very good'",
        },
    ),
]
