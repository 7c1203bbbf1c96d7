"""One handwritten digit with which a script tries what it has made."""

from typing import Any

# A three that somebody wrote and no model was trained on.
TRUTH = 3
DIGIT = [
    [0, 0, 6, 14, 16, 16, 2, 0],
    [0, 5, 16, 13, 11, 16, 0, 0],
    [0, 0, 7, 2, 15, 12, 0, 0],
    [0, 0, 0, 7, 16, 13, 1, 0],
    [0, 0, 0, 0, 6, 15, 10, 0],
    [0, 0, 0, 0, 0, 15, 9, 0],
    [0, 0, 3, 11, 8, 16, 6, 0],
    [0, 0, 7, 16, 16, 8, 0, 0],
]


def show(prediction: dict[str, Any]) -> None:
    """Print the digit, the truth, and a prediction as the model's answer has it."""
    print("\nTest with this digit:\n")
    for row in DIGIT:
        print("    " + "".join(" .:-=+*%@"[value // 2] * 2 for value in row))
    digit, probability = prediction["digit"], max(prediction["probabilities"])
    print(f"\nTruth: {TRUTH}. Prediction: {digit}, with probability {probability}.")
