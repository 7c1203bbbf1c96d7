"""The digit API.

    GET  /              health: 200 once the model is loaded
    POST /predict       JSON: {"data": [...]}
    POST /predict_file  a PNG picture of one digit, as a form's file field `file`
    GET  /docs          try it in the browser

Every answer has the header X-App-Version, so that two revisions can be told apart.
https://fastapi.tiangolo.com/deployment/docker/
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
from digits_input import InputError, read_digits
from fastapi import FastAPI, HTTPException, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from app.model import DigitModel, model_file
from app.schema import Health, Prediction, PredictRequest, PredictResponse, Problem

VERSION = os.environ.get("APP_VERSION", "1")
LARGEST_BODY = 1_000_000  # bytes
PROBLEMS: dict[int | str, dict[str, type[Problem]]] = {
    400: {"model": Problem},
    413: {"model": Problem},
    422: {"model": Problem},
}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model before the first request; without one the container ends, and says why."""
    app.state.model = DigitModel(model_file())
    yield


app = FastAPI(title="Digit API", version=VERSION, lifespan=lifespan)


@app.middleware("http")
async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse what is too large before it is read, and name the version in every answer."""
    length = request.headers.get("content-length", "")
    if request.method == "POST" and not length.isdecimal():
        response: Response = _problem(411, "Expected the header Content-Length.")
    elif length.isdecimal() and int(length) > LARGEST_BODY:
        response = _problem(413, f"Expected at most {LARGEST_BODY:,} bytes, got {int(length):,}.")
    else:
        response = await call_next(request)
    response.headers["X-App-Version"] = VERSION
    return response


@app.exception_handler(RequestValidationError)
async def not_as_described(_: Request, error: RequestValidationError) -> Response:
    """One sentence for the first thing that is wrong, in place of pydantic's list."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "the request"
    return _problem(422, f"{where}: {first['msg']}.")


@app.get("/")
async def health() -> Health:
    """Whether the model is loaded. Azure's probes may ask this every second."""
    return Health(status="ok", version=VERSION)


@app.post("/predict", responses=PROBLEMS)
async def predict(request: PredictRequest) -> PredictResponse:
    """Name the digits."""
    return await _answer(json.dumps({"data": request.data}))


@app.post("/predict_file", responses=PROBLEMS)
async def predict_file(file: UploadFile) -> PredictResponse:
    """Name the digit in a PNG picture of any size up to 2,048 pixels wide and high."""
    content = await file.read()
    return await _answer(json.dumps({"image": base64.b64encode(content).decode()}))


async def _answer(raw: str) -> PredictResponse:
    try:
        digits = await run_in_threadpool(read_digits, raw)
    except InputError as error:
        raise HTTPException(400, str(error)) from None
    rows: NDArray[np.float32] = await run_in_threadpool(app.state.model.probabilities, digits)
    return PredictResponse(
        predictions=[
            Prediction(digit=int(row.argmax()), probabilities=[round(float(p), 4) for p in row])
            for row in rows
        ],
        version=VERSION,
    )


def _problem(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status)
