"""A digit as a picture file, to send to a service that takes pictures."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def picture(digit: NDArray[np.float64], side: int = 160) -> bytes:
    """Draw a digit (8, 8), values 0 to 16, black on white; return the content of a PNG file."""
    ink = Image.fromarray((255 - digit * 15.9).astype("uint8"))
    file = io.BytesIO()
    ink.resize((side, side), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()
