"""The digit model: loaded once, then asked."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch

# Both lie beside this package in the image, as they do beside the managed endpoint's script.
from network import DigitNetwork
from numpy.typing import NDArray

DEFAULT_FILE = Path(__file__).resolve().parent.parent / "model" / "digits.pt"


def model_file() -> Path:
    """The weights: MODEL_FILE where it is set, else the file that was built into the image."""
    return Path(os.environ.get("MODEL_FILE") or DEFAULT_FILE)


class DigitModel:
    """A trained network. Raises FileNotFoundError when there are no weights to load."""

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise FileNotFoundError(
                f"There is no model at {file}. Copy a trained digits.pt there before the image is "
                "built, or name one in MODEL_FILE."
            )
        torch.set_num_threads(1)  # for one digit, waking a second thread costs more than it saves
        self.network = DigitNetwork()
        self.network.load_state_dict(torch.load(file, weights_only=True))
        self.network.eval()
        self.probabilities(np.zeros((1, 8, 8), np.float32))  # the first call is slow

    def probabilities(self, digits: NDArray[np.float32]) -> NDArray[np.float32]:
        """A row of ten probabilities for each digit of an array (n, 8, 8), values 0 to 16."""
        with torch.inference_mode():
            answer: NDArray[np.float32] = torch.softmax(
                self.network(torch.from_numpy(digits)), dim=1
            ).numpy()
        return answer
