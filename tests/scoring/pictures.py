"""Digits as PNG files, the way people might send them."""

import base64
import json
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def image_request(content: Image.Image | bytes) -> str:
    """Return a request's body with the picture, or whatever the bytes are, as its image."""
    data = png(content) if isinstance(content, Image.Image) else content
    return json.dumps({"image": base64.b64encode(data).decode()})


def enlarged(digit: NDArray[np.float32], side: int) -> Image.Image:
    """Return an 8x8 digit as a grey picture of `side` pixels, light on dark."""
    small = Image.fromarray((digit * 255 / 16).round().astype(np.uint8))
    return small.resize((side, side), Image.Resampling.BICUBIC)


def off_centre(picture: Image.Image, ground: int = 0) -> Image.Image:
    """Put the picture into the lower right of a larger one."""
    side = picture.width
    sheet = Image.new("L", (side * 2, side * 2), ground)
    sheet.paste(picture, (side - 10, side - 3))
    return sheet


def inverted(picture: Image.Image) -> Image.Image:
    return picture.point(lambda value: 255 - value)
