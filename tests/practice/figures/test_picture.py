from __future__ import annotations

import io

import numpy as np
from PIL import Image

from practice.figures.picture import picture


def test_a_picture_is_dark_ink_on_white() -> None:
    digit = np.zeros((8, 8))
    digit[2:6, 3:5] = 16
    drawn = Image.open(io.BytesIO(picture(digit, side=80)))
    assert drawn.format == "PNG"
    assert drawn.size == (80, 80)
    assert drawn.getpixel((2, 2)) == 255
    assert drawn.getpixel((40, 40)) < 10
