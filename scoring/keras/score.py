"""Scoring script of the Keras digit model: what an online deployment runs.

The inference server calls `init` once, before the first request, and `run` for every request to
/score. https://learn.microsoft.com/azure/machine-learning/how-to-deploy-online-endpoints
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Read once, when TensorFlow is imported: no notes about this machine, the same arithmetic
# on every processor.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import tensorflow as tf
from azureml_inference_server_http.api.aml_response import AMLResponse

# The server loads this file by its path; the files beside it are found through sys.path.
sys.path.append(str(Path(__file__).parent))

from digits_input import InputError, read_digits

network: keras.Model
predict: Callable[..., tf.Tensor]


def init() -> None:
    """Load the registered model. An exception here fails the deployment and is in its logs.

    `network.predict` is made for long runs over many images and takes a hundred times as long
    for one as the graph that tf.function makes. The signature keeps it at one graph for any
    number of images; calling it here builds it before the first request, not during it.
    """
    global network, predict
    network = keras.models.load_model(model_file(), compile=False)
    predict = tf.function(
        lambda images: network(images, training=False),
        input_signature=[tf.TensorSpec([None, 8, 8], tf.float32)],
    )
    predict(tf.zeros([1, 8, 8]))


def run(raw_data: str) -> dict[str, Any] | AMLResponse:
    """Name the digits in a request.

    `raw_data` is the request's body, JSON in one of two forms: `{"data": [...]}` with one digit
    or a list of digits, each 8x8 or 64 numbers from 0 to 16, or `{"image": "..."}` with a PNG
    file as base64. The answer is

        {"predictions": [{"digit": 3, "probabilities": [ten numbers]}, ...], "framework": "keras"}

    as a dict: the server turns it into JSON, and doing that here as well would encode it twice.
    A request that is not as described is answered with HTTP 400 and a sentence saying why.
    Managed endpoints pass that on as 424 with 400 in `ms-azureml-model-error-statuscode`.
    """
    try:
        digits = read_digits(raw_data)
    except InputError as error:
        problem = {"error": {"code": "BadInput", "message": str(error)}}
        return AMLResponse(problem, 400, json_str=True)
    probabilities = predict(digits).numpy()
    return {
        "predictions": [
            {"digit": int(row.argmax()), "probabilities": [round(float(p), 4) for p in row]}
            for row in probabilities
        ],
        "framework": "keras",
    }


def model_file() -> Path:
    """Return the one .keras file under AZUREML_MODEL_DIR.

    A model registered from a file lies in that folder itself, one registered from a folder in
    a subfolder of the same name. Raises FileNotFoundError unless there is exactly one.
    """
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    found = sorted(folder.rglob("*.keras"))
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found) or "none"
        raise FileNotFoundError(f"Expected one .keras file under {folder}, found {names}.")
    return found[0]
