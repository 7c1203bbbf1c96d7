"""What the API takes and gives; FastAPI makes its documentation at /docs from these."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

# A digit of 8x8 or 64 numbers from 0 to 16. The exact rules, and the words for what breaks them,
# are those of the managed endpoint (digits_input.py), so the shape is left open here.
Numbers = list[float] | list[list[float]]


class PredictRequest(BaseModel):
    """One digit or several: each 8 rows of 8 numbers, or 64 numbers, from 0 to 16."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"data": [[0.0] * 64]}]}
    )

    data: Numbers | list[Numbers] = Field(description="pixel values, 0 (paper) to 16 (ink)")


class Prediction(BaseModel):
    digit: int = Field(ge=0, le=9)
    probabilities: list[float] = Field(min_length=10, max_length=10)


class PredictResponse(BaseModel):
    predictions: list[Prediction]
    version: str = Field(description="of this deployment, from APP_VERSION")


class Health(BaseModel):
    status: str
    version: str


class Problem(BaseModel):
    """Every error: one sentence that says what was expected and what came."""

    detail: str
