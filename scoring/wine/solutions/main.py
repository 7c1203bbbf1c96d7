"""The API of the container group and of the container app.

GET  /       health: 200 once the model is loaded
POST /score  {"data": [...]} with the header Authorization: Bearer KEY
"""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from wine_model import WineModel

KEY = os.environ["API_KEY"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model once, and let it classify once: the first time is the slowest."""
    app.state.model = WineModel(os.environ["MODEL"])
    app.state.model.classify([[0.0] * 13])
    yield


app = FastAPI(title="Wine API", lifespan=lifespan)


@app.get("/")
async def health() -> dict[str, str]:
    return {"status": "ok", "model_version": app.state.model.version}


@app.post("/score", response_model=None)
async def score(request: Request) -> dict[str, Any] | JSONResponse:
    given = request.headers.get("Authorization", "")
    if not secrets.compare_digest(given.encode(), f"Bearer {KEY}".encode()):
        return JSONResponse({"error": "Send the header Authorization: Bearer KEY."}, 401)
    try:
        rows = json.loads(await request.body())["data"]
        growers = await run_in_threadpool(app.state.model.classify, rows)
    except (KeyError, TypeError, ValueError) as error:
        return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
    return {"growers": growers, "model_version": app.state.model.version}
