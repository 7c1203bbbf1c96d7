"""From the text of a request to the 8x8 digits that the models were trained on.

A deployment uploads one code folder and nothing beside it, so scoring/pytorch and scoring/keras
each carry this file. The two copies stay the same, byte for byte: a test compares them.
"""

import base64
import json
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 8  # pixels
BRIGHTEST = 16
MAX_CHARACTERS = 1_500_000
MAX_DIGITS = 1_000
MAX_IMAGE_SIDE = 2_048  # pixels: 16 MB once unpacked, however small the file
MIN_CONTRAST = 16  # of 255

EXAMPLE = '{"data": [[64 numbers from 0 to 16], ...]} or {"image": "<PNG file as base64>"}'
DIGIT_SHAPE = f"{SIDE} rows of {SIDE} numbers or as {SIDE**2} numbers"


class InputError(ValueError):
    """A request that cannot be scored. Its text says what was expected and what came."""


def read_digits(raw_data: str) -> NDArray[np.float32]:
    """Return the digits in a request as an array (n, 8, 8) with pixel values 0 to 16.

    Raises InputError, and nothing else, when the request is not one of

    - `{"data": [...]}`: one digit or a list of up to 1,000, each 8x8 or 64 numbers from 0 to 16;
    - `{"image": "..."}`: one PNG file as base64 text, up to 2,048 pixels wide and high.
    """
    if len(raw_data) > MAX_CHARACTERS:
        raise InputError(
            f"Expected a request of at most {MAX_CHARACTERS:,} characters, got {len(raw_data):,}."
        )
    try:
        request = json.loads(raw_data)
    except json.JSONDecodeError as error:
        raise InputError(f"Expected JSON like {EXAMPLE}, got no JSON ({error}).") from None
    except (ValueError, RecursionError):
        raise InputError(
            f"Expected JSON like {EXAMPLE}, got a number too long or lists too deep to read."
        ) from None
    if not isinstance(request, dict):
        raise InputError(f"Expected a JSON object like {EXAMPLE}, got {_kind(request)}.")
    match sorted(request.keys() & {"data", "image"}):
        case ["data"]:
            return _from_numbers(request["data"])
        case ["image"]:
            return _from_png(request["image"])
        case []:
            came = ", ".join(f'"{key:.20}"' for key in list(request)[:5]) or "no key at all"
            raise InputError(f'Expected the key "data" or "image" as in {EXAMPLE}, got {came}.')
        case _:
            raise InputError('Expected one of the keys "data" and "image", got both.')


def _from_numbers(data: object) -> NDArray[np.float32]:
    if not isinstance(data, list):
        raise InputError(f'Expected "data" to be a list of digits, got {_kind(data)}.')
    if not data:
        raise InputError('Expected at least one digit in "data", got an empty list.')
    for number in _leaves(data):
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f'Expected nothing but numbers in "data", got {_kind(number)}.')
        if not 0 <= number <= BRIGHTEST:  # refuses NaN too: it is neither above nor below
            raise InputError(
                f'Expected pixel values from 0 to {BRIGHTEST} in "data", got {number!s:.20}.'
            )
    try:
        digits = np.array(data, dtype=np.float32)
    except ValueError:
        raise InputError(
            f'Expected each digit in "data" as {DIGIT_SHAPE}, got lists of unequal lengths.'
        ) from None
    match digits.shape:
        case (64,) | (8, 8) | (_, 64) | (_, 8, 8):
            digits = digits.reshape(-1, SIDE, SIDE)
        case shape:
            came = " x ".join(map(str, shape))
            raise InputError(
                f'Expected each digit in "data" as {DIGIT_SHAPE}, got lists of the shape {came}.'
            )
    if len(digits) > MAX_DIGITS:
        raise InputError(f'Expected up to {MAX_DIGITS:,} digits in "data", got {len(digits):,}.')
    return digits


def _from_png(text: object) -> NDArray[np.float32]:
    if not isinstance(text, str):
        raise InputError(f'Expected "image" to be a PNG file as base64, got {_kind(text)}.')
    # The canvas of a web page puts this prefix in front; base64 on the command line breaks lines.
    encoded = "".join(text.removeprefix("data:image/png;base64,").split())
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise InputError(
            'Expected "image" to be a PNG file as base64, got text that is not base64.'
        ) from None
    try:
        with Image.open(BytesIO(content), formats=["PNG"]) as image:
            if max(image.size) > MAX_IMAGE_SIDE:  # known from the header, before it is unpacked
                raise InputError(
                    f"Expected an image of at most {MAX_IMAGE_SIDE:,} x {MAX_IMAGE_SIDE:,} pixels, "
                    f"got {image.width:,} x {image.height:,}."
                )
            grey = _grey(image)
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(
            f"Expected an image of at most {MAX_IMAGE_SIDE:,} x {MAX_IMAGE_SIDE:,} pixels, "
            "got a far larger one."
        ) from None
    except Exception:  # a broken file can make Pillow raise nearly anything
        raise InputError(
            f'Expected "image" to be a PNG file as base64, got {len(content):,} bytes '
            "that are no whole PNG file."
        ) from None
    return _like_training_data(grey)[np.newaxis]


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    """Return brightness from 0 to 255, with something sensible where the image is transparent."""
    if image.mode.startswith("I"):  # 16 bits a pixel; Pillow's own conversion would clip
        return (np.asarray(image) // 257).astype(np.uint8)
    if not image.has_transparency_data:
        return np.asarray(image.convert("L"))
    colours = image.convert("RGBA")
    alpha = colours.getchannel("A")
    drawn = colours.convert("L")
    visible = np.asarray(alpha, dtype=np.float32)
    ink_is_dark = np.sum(np.asarray(drawn) * visible) < 128 * np.sum(visible)
    background = Image.new("L", image.size, 255 if ink_is_dark else 0)
    background.paste(drawn, mask=alpha)
    return np.asarray(background)


def _like_training_data(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the digit in a grey image (height, width) the way the UCI digits are: 8x8, 0 to 16.

    Those are light strokes on dark, fill the full height and stand in the middle; a pixel tells
    how much of its area is ink. So: what lies along the edge is the background, what differs
    from it is ink, its bounding box becomes a square and is averaged down to 8x8 areas.
    """
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = np.abs(grey.astype(np.float32) - np.median(edge))
    if ink.max() < MIN_CONTRAST:
        raise InputError("Expected an image of a digit, got one that is a single colour.")
    rows, columns = np.nonzero(ink > ink.max() / 4)
    digit = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = digit.shape
    side = max(height, width)
    square = np.zeros((side, side), dtype=np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = digit
    areas = Image.fromarray(square).resize((SIDE, SIDE), Image.Resampling.BOX)
    small = np.asarray(areas, dtype=np.float32)
    return small * np.float32(BRIGHTEST / small.max())


def _leaves(value: object) -> Iterator[object]:
    """Yield everything in nested lists that is not a list; a stack, since depth is the caller's."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        else:
            yield item


def _kind(value: object) -> str:
    """Name a JSON value's kind in the words of JSON."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return names.get(type(value), "null" if value is None else "a number")
