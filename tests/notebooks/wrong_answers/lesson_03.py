"""Wrong answers to the exercises of lesson 03."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers(
        "03",
        "top_three",
        {
            "top_three = 3": "a function",
            "def top_three(raw_data): return json.dumps({'top': []})": "'str'",
            "def top_three(raw_data): return {'best': []}": "'top'",
            "def top_three(raw_data): return {'top': [[1, 2, 3]]}": "20 digits",
            "def top_three(raw_data): raise ValueError('no idea')": "no idea",
            "def top_three(raw_data): return {'top': [[1, 1, 1]] * 20}": "three different",
            """
def top_three(raw_data):
    predictions = score.run(raw_data)["predictions"]
    return {"top": [np.argsort(p["probabilities"])[:3].tolist() for p in predictions]}
""": "most probable digits there",
        },
    ),
    Answers(
        "03",
        "as_trained",
        {
            "as_trained = 16": "a function",
            "def as_trained(photo): photo / 255 * 16": "Does the function return",
            "def as_trained(photo): return photo / 255 * 16": "paper, is 16.",
            "def as_trained(photo): return 255 - photo": "pixel values from 0 to 16",
            "def as_trained(photo): return (255 - photo) / 255": "go from 0 to 1,",
        },
    ),
    Answers(
        "03",
        "steady",
        {
            "steady = moody()": "a function",
            "def steady(): moody().eval()": "return the model",
            "steady = moody": "still random",
            """
@torch.inference_mode()
def steady():
    return moody()
""": "still random",
            "def steady(): return score.DigitNetwork().eval()": "still the trained model",
        },
    ),
]
