"""The scoring script of the managed endpoint."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from azureml_inference_server_http.api.aml_response import AMLResponse

# The server loads this file by its path; the model's own file lies beside it.
sys.path.append(str(Path(__file__).parent))

from wine_model import WineModel

model: WineModel


def init() -> None:
    """Load the model once, and let it classify once: the first time is the slowest."""
    global model
    model = WineModel(os.environ["AZUREML_MODEL_DIR"])
    model.classify([[0.0] * 13])


def run(raw_data: str) -> dict[str, Any] | AMLResponse:
    """Return the growers and the model's version; 400 with a sentence for a wrong request."""
    try:
        growers = model.classify(json.loads(raw_data)["data"])
    except (KeyError, TypeError, ValueError) as error:
        return AMLResponse({"error": f"{type(error).__name__}: {error}"}, 400, json_str=True)
    return {"growers": growers, "model_version": model.version}
