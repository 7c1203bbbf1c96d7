"""Scoring script of the PyTorch digit model: what an online deployment runs.

The inference server calls `init` once, before the first request, and `run` for every request to
/score. https://learn.microsoft.com/azure/machine-learning/how-to-deploy-online-endpoints
"""

import os
import sys
from pathlib import Path
from typing import Any

import torch
from azureml_inference_server_http.api.aml_response import AMLResponse

# The server loads this file by its path; the files beside it are found through sys.path.
sys.path.append(str(Path(__file__).parent))

from digits_input import InputError, read_digits
from network import DigitNetwork

network: DigitNetwork


def init() -> None:
    """Load the registered model. An exception here fails the deployment and is in its logs."""
    global network
    torch.set_num_threads(1)  # for one digit, waking a second thread costs more than it saves
    network = DigitNetwork()
    network.load_state_dict(torch.load(model_file(), weights_only=True))
    network.eval()
    predict(torch.zeros(1, 8, 8))  # the first call is slow: let no caller wait for it


def run(raw_data: str) -> dict[str, Any] | AMLResponse:
    """Name the digits in a request.

    `raw_data` is the request's body, JSON in one of two forms: `{"data": [...]}` with one digit
    or a list of digits, each 8x8 or 64 numbers from 0 to 16, or `{"image": "..."}` with a PNG
    file as base64. The answer is

        {"predictions": [{"digit": 3, "probabilities": [ten numbers]}, ...], "framework": "pytorch"}

    as a dict: the server turns it into JSON, and doing that here as well would encode it twice.
    A request that is not as described is answered with HTTP 400 and a sentence saying why.
    Managed endpoints pass that on as 424 with 400 in `ms-azureml-model-error-statuscode`.
    """
    try:
        digits = read_digits(raw_data)
    except InputError as error:
        problem = {"error": {"code": "BadInput", "message": str(error)}}
        return AMLResponse(problem, 400, json_str=True)
    probabilities = predict(torch.from_numpy(digits)).numpy()
    return {
        "predictions": [
            {"digit": int(row.argmax()), "probabilities": [round(float(p), 4) for p in row]}
            for row in probabilities
        ],
        "framework": "pytorch",
    }


@torch.inference_mode()
def predict(images: torch.Tensor) -> torch.Tensor:
    """Return a row of ten probabilities for each image of a tensor (n, 8, 8)."""
    return torch.softmax(network(images), dim=1)


def model_file() -> Path:
    """Return the one .pt file under AZUREML_MODEL_DIR.

    A model registered from a file lies in that folder itself, one registered from a folder in
    a subfolder of the same name. Raises FileNotFoundError unless there is exactly one.
    """
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    found = sorted(folder.rglob("*.pt"))
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found) or "none"
        raise FileNotFoundError(f"Expected one .pt file under {folder}, found {names}.")
    return found[0]
